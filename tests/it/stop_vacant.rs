//! A stop that comes while a place has no process: what waits there is still to be answered.

use nix::sys::signal::Signal;

use crate::hang::answered_by_the_successor;
use crate::harness::app::{App, intakes};
use crate::harness::client::Client;
use crate::harness::process::{Process, queued};
use crate::harness::wait::wait_until;

const WAITING: usize = 20;

/// Kills the process of a place, each time it is there, until its place waits for long.
fn make_vacant(app: &App, name: &str) {
    let mut victim: Option<Process> = None;
    for generation in 1..=6 {
        app.log.wait_for(&format!("{name} (generation {generation}) is ready"));
        wait_until("another process", || {
            let found = app.child_named(name);
            found.is_some() && found != victim
        });
        victim = app.child_named(name);
        victim.unwrap().signal(Signal::SIGKILL);
    }
    app.log.wait_for(&format!("{name} is backing-off for 759 ms"));
}

fn stop_answers_what_waits(mut app: App, what: &str) {
    let waiting = Client::waiting(app.port, WAITING, "/");
    wait_until("the queue", || queued(app.port) == WAITING);
    app.signal(Signal::SIGTERM);
    for mut client in waiting {
        assert_eq!(client.answer().map(|answer| answer.status), Ok(200), "{what}");
    }
    assert_eq!(app.ended().code(), Some(0), "{what}");
    assert_eq!(app.log.count("connections are cut"), 0, "{what}");
}

#[test]
fn a_stop_answers_what_waits_for_a_worker_that_is_not_there() {
    for arguments in intakes() {
        let app = App::demo(&[&["--workers", "1"], arguments].concat());
        make_vacant(&app, "worker 0");
        stop_answers_what_waits(app, &format!("{arguments:?}"));
    }
}

#[test]
fn a_stop_answers_what_waits_for_a_dispatcher_that_is_not_there() {
    let app = App::demo(&["--workers", "2", "--policy", "rr"]);
    make_vacant(&app, "dispatcher");
    stop_answers_what_waits(app, "the dispatcher");
}

/// The last one, which has the queue to itself, dies before it has emptied it.
#[test]
fn a_worker_that_dies_during_a_stop_leaves_its_queue_to_another() {
    for arguments in intakes() {
        let mut app = App::demo(&[&["--workers", "1"], arguments].concat());
        let worker = app.worker(0);
        let mut sleeper = Client::connect(app.port).unwrap();
        sleeper.ask("/sleep?ms=60000").unwrap();
        wait_until("the handler", || worker.sleeps_in_handler());
        let mut waiting = Client::waiting(app.port, WAITING, "/whoami");
        app.signal(Signal::SIGTERM);
        app.log.wait_for("stopping: no new connections");
        worker.signal(Signal::SIGKILL);
        assert!(sleeper.answer().is_err());
        answered_by_the_successor(&mut waiting, arguments);
        assert_eq!(app.ended().code(), Some(0));
    }
}
