//! More workers, fewer workers, and signals that do not matter.

use nix::sys::signal::Signal;

use crate::harness::app::{App, intakes};
use crate::harness::load::Load;
use crate::harness::wait::{wait_for, wait_until};

fn workers_come_and_go(arguments: &[&str]) {
    let mut all = vec!["--workers", "2"];
    all.extend(arguments);
    let app = App::demo(&all);
    let load = Load::start(app.port, 6, "/");
    for _ in 0..5 {
        app.signal(Signal::SIGTTIN);
        wait_for("an answer of the new worker", || Some(app.get("/")).filter(|a| a.worker() == 2));
        let newest = app.worker(2);
        app.signal(Signal::SIGTTOU);
        wait_until("the end of the last worker", || !newest.lives());
    }
    let count = load.stop();
    assert_eq!((count.cut, count.refused, count.hung), (0, 0, 0), "{arguments:?} {count:?}");
    assert!((0..20).all(|_| app.get("/").worker() < 2));
    app.stop();
}

#[test]
fn workers_come_and_go_without_a_lost_connection() {
    for arguments in intakes() {
        workers_come_and_go(arguments);
    }
}

#[test]
fn the_last_worker_stays() {
    let app = App::demo(&["--workers", "2"]);
    let last = app.worker(1);
    app.signal(Signal::SIGTTOU);
    wait_until("one worker fewer", || !last.lives());
    app.signal(Signal::SIGTTOU);
    app.log.wait_for("nothing is changed: the last worker stays");
    assert_eq!(app.get("/").worker(), 0);
    app.stop();
}

#[test]
fn signals_that_this_version_has_no_use_for_do_not_harm() {
    let app = App::demo(&["--workers", "1"]);
    app.signal(Signal::SIGUSR1);
    app.log.wait_for("SIGUSR1 is ignored: there is no log file to reopen");
    app.signal(Signal::SIGWINCH);
    for signal in [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGWINCH] {
        app.worker(0).signal(signal);
    }
    assert_eq!(app.get("/whoami").number("generation"), 1);
    app.stop();
}
