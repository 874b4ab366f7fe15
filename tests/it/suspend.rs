//! A whole process group that stands still, and goes on.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::app::{App, intakes};
use crate::harness::client::Client;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;

/// Longer than every limit in these tests, and than what the master takes for its own delay.
const STILL: Duration = Duration::from_millis(3500);

fn stand_still(app: &App) {
    let all: Vec<Process> = app.children().into_iter().chain([app.master]).collect();
    for process in &all {
        process.signal(Signal::SIGSTOP);
    }
    wait_until("all to stand still", || all.iter().all(|process| process.is_stopped()));
    std::thread::sleep(STILL);
    for process in all.iter().rev() {
        process.signal(Signal::SIGCONT);
    }
}

#[test]
fn nobody_is_taken_for_hung_or_late_after_a_pause_of_all() {
    for arguments in intakes() {
        let app = App::controlled(
            &[&["--workers", "2", "--hang-timeout", "1", "--grace", "2"], arguments].concat(),
        );
        let children = app.children();
        let mut sleepers: Vec<Client> =
            (0..4).map(|_| Client::connect(app.port).unwrap()).collect();
        for sleeper in &mut sleepers {
            sleeper.ask("/sleep?ms=300").unwrap();
        }
        wait_until("a handler", || (0..2).any(|index| app.worker(index).sleeps_in_handler()));
        stand_still(&app);
        for sleeper in &mut sleepers {
            assert_eq!(sleeper.answer().map(|answer| answer.status), Ok(200), "{arguments:?}");
        }
        assert_eq!(app.children(), children, "{arguments:?}");
        app.stop();
    }
}

#[test]
fn a_drain_goes_on_after_a_pause_of_all() {
    let mut app = App::demo(&["--workers", "1", "--grace", "2"]);
    let mut sleeper = Client::connect(app.port).unwrap();
    sleeper.ask("/sleep?ms=1000").unwrap();
    wait_until("the handler", || app.worker(0).sleeps_in_handler());
    app.signal(Signal::SIGTERM);
    app.log.wait_for("stopping: no new connections");
    stand_still(&app);
    assert_eq!(sleeper.answer().map(|answer| answer.status), Ok(200));
    drop(sleeper);
    assert_eq!(app.ended().code(), Some(0));
    assert!(app.log.text().contains("all deadlines are put off by that"));
    assert_eq!(app.log.count("is killed"), 0);
}

/// Its client stood still as well, perhaps, and has its second to ask once more.
#[test]
fn a_silent_connection_of_a_draining_worker_survives_a_pause_of_all() {
    let mut app = App::demo(&["--workers", "1"]);
    let mut client = Client::connect(app.port).unwrap();
    let mut witness = Client::connect(app.port).unwrap();
    client.get("/").unwrap();
    witness.get("/").unwrap();
    let worker = app.worker(0);
    app.signal(Signal::SIGTERM);
    app.log.wait_for("stopping: no new connections");
    wait_until("the worker to drain", || {
        witness.get("/").unwrap().header("connection") == Some("close")
    });
    stand_still(&app);
    let before = worker.context_switches();
    wait_until("the worker to look around", || worker.context_switches() > before + 3);
    assert_eq!(client.get("/").map(|answer| answer.status), Ok(200));
    drop(client);
    assert_eq!(app.ended().code(), Some(0));
}
