//! What each process holds, and that nothing is left.

use std::collections::BTreeSet;

use nix::sys::signal::Signal;

use crate::harness::app::App;
use crate::harness::process::{Process, listening};
use crate::harness::wait::wait_until;

fn listeners_of(process: Process, port: u16) -> BTreeSet<u64> {
    let all: BTreeSet<u64> = listening(port).iter().map(|listener| listener.inode).collect();
    process.sockets().intersection(&all).copied().collect()
}

/// Kills and replaces each worker once, so that later workers are forked from a master that has
/// seen something.
fn replace_all(app: &App, workers: u16) {
    for index in 0..workers {
        let old = app.worker(index);
        old.signal(Signal::SIGKILL);
        wait_until("the successor", || app.worker(index) != old);
    }
    wait_until("all are ready", || app.log.count("is ready") >= usize::from(workers) * 2);
}

#[test]
fn a_worker_holds_its_own_listener_and_no_socket_of_a_sibling() {
    let app = App::demo(&["--workers", "4"]);
    replace_all(&app, 4);
    let workers: Vec<Process> = (0..4).map(|index| app.worker(index)).collect();
    for worker in &workers {
        assert_eq!(listeners_of(*worker, app.port).len(), 1);
        for other in workers.iter().filter(|other| *other != worker) {
            let (ours, theirs) = (worker.sockets(), other.sockets());
            let shared: Vec<_> = ours.intersection(&theirs).collect();
            assert!(shared.is_empty(), "{worker:?} and {other:?} share {shared:?}");
        }
    }
    assert_eq!(listeners_of(app.master, app.port).len(), 4, "the master keeps a duplicate of each");
    app.stop();
}

#[test]
fn under_rr_only_the_dispatcher_holds_the_listener() {
    let app = App::demo(&["--workers", "3", "--policy", "rr"]);
    replace_all(&app, 3);
    assert_eq!(listeners_of(app.dispatcher(), app.port).len(), 1);
    let workers: Vec<Process> = (0..3).map(|index| app.worker(index)).collect();
    for worker in &workers {
        assert!(listeners_of(*worker, app.port).is_empty());
        for other in workers.iter().filter(|other| *other != worker) {
            assert!(worker.sockets().is_disjoint(&other.sockets()));
        }
    }
    app.stop();
}

#[test]
fn the_masters_descriptors_do_not_grow_with_respawns() {
    for policy in ["none", "rr"] {
        let app = App::demo(&["--workers", "2", "--policy", policy]);
        replace_all(&app, 2);
        // At a fork the master has the child's ends, too, for a moment.
        let before = app.master.settled_descriptors();
        for round in 2..6 {
            for index in 0..2 {
                let old = app.worker(index);
                old.signal(Signal::SIGKILL);
                wait_until("the successor", || app.worker(index) != old);
            }
            wait_until("all are ready", || app.log.count(") is ready") >= 2 * (round + 1));
        }
        assert_eq!(app.master.settled_descriptors(), before, "policy {policy}");
        app.stop();
    }
}

#[test]
fn nothing_is_left_after_a_stop_or_a_kill() {
    for signal in [Signal::SIGTERM, Signal::SIGQUIT, Signal::SIGKILL] {
        for policy in ["none", "rr"] {
            let shared_memory = || std::fs::read_dir("/dev/shm").map_or(0, Iterator::count);
            let before = shared_memory();
            let mut app = App::demo(&["--workers", "3", "--policy", policy]);
            assert_eq!(app.get("/").status, 200);
            app.signal(signal);
            // Waits for the master and for each child that was ever seen.
            app.ended();
            assert!(listening(app.port).is_empty());
            assert_eq!(shared_memory(), before);
        }
    }
}
