//! Clients that mean harm, or are broken. Whatever they do, whoever behaves is answered all the time, the
//! memory of the worker stays bounded, and it is the same worker afterwards, which has nothing to do.

mod fair;
mod large;
mod many;
mod odd;
mod slow;

use crate::harness::app::{App, NONE};
use crate::harness::witness::Witness;

const INHERITED: &[&str] = &["--listener", "inherited"];

/// What no abuse is worth. Buffers of some connections and the allocator take a few MiB.
const GROWTH_KIB_MAX: u64 = 64 << 10;

/// One worker of the demo bears this, whoever wakes it.
fn is_borne<T>(abuse: impl Fn(&App, &Witness) -> T) {
    for arguments in [NONE, INHERITED] {
        is_borne_by(App::demo(&[&["--workers", "1"], arguments].concat()), &abuse);
    }
}

/// The one worker of the program bears this, and what is left of it.
fn is_borne_by<T>(app: App, abuse: impl FnOnce(&App, &Witness) -> T) {
    let worker = app.worker(0);
    app.get("/");
    let memory = worker.peak_kib();
    let witness = Witness::start(app.port);
    let left = abuse(&app, &witness);
    witness.stop();
    worker.comes_to_rest();
    drop(left);
    worker.comes_to_rest();
    let grown = worker.peak_kib() - memory;
    assert!(grown < GROWTH_KIB_MAX, "{grown} KiB more");
    assert!(worker.lives() && app.worker(0) == worker, "another worker took its place");
    for fault in ["panicked", "a handler failed", "cannot watch"] {
        assert_eq!(app.log.count(fault), 0, "{fault}");
    }
    app.stop();
}
