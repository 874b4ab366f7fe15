//! Workers that cannot begin, and masters that must not.

use nix::sys::signal::Signal;

use crate::harness::app::{App, demo, fixture, intakes, run_to_end};
use crate::harness::process::queue_lengths;
use crate::harness::wait::wait_until;

/// The pauses that the log announces, in milliseconds.
fn pauses(app: &App) -> Vec<u64> {
    let log = app.log.text();
    let lines = log.lines().filter_map(|line| line.split_once("is backing-off for "));
    lines.map(|(_, after)| after.split(' ').next().unwrap().parse().unwrap()).collect()
}

fn backs_off(mode: &str, reason: &str) {
    let mut app = App::start(&mut fixture(&[mode]));
    app.log.wait_for("backing-off for 337 ms");
    assert_eq!(pauses(&app)[..4], [100, 150, 225, 337]);
    // Four pauses follow four workers: nothing was forked in between.
    let forked = app.log.count("is starting");
    assert!((4..=5).contains(&forked), "{forked} workers for four failures");
    assert!(app.log.text().contains(reason), "{}", app.log.text());
    app.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0));
}

#[test]
fn a_worker_that_panics_at_its_start_is_tried_again_after_growing_pauses() {
    backs_off("panic-at-start", "it panicked: no database today");
}

#[test]
fn a_worker_that_fails_at_its_start_is_tried_again_after_growing_pauses() {
    backs_off("error-at-start", "failed: no database today");
}

#[test]
fn a_worker_that_never_becomes_ready_is_killed_and_tried_again() {
    let mut app = App::start(&mut fixture(&["never-ready"]));
    app.log.wait_for("was not ready within 500ms and is killed");
    app.log.wait_for("worker 0 (generation 2) is starting");
    app.signal(Signal::SIGQUIT);
    assert_eq!(app.ended().code(), Some(0));
}

#[test]
fn a_worker_that_says_that_none_can_work_stops_the_server() {
    let (code, _, log) = run_to_end(&mut fixture(&["fatal"]));
    assert_eq!(code, Some(78));
    assert!(
        log.contains("no worker can run (exit code 78): the table of prices is missing"),
        "{log}"
    );
    let (code, _, log) = run_to_end(&mut fixture(&["exit-78"]));
    assert_eq!(code, Some(78));
    assert!(log.contains("it gave no reason"), "{log}");
    assert_eq!(log.matches("is starting").count(), 1);
}

#[test]
fn a_second_thread_before_the_fork_is_refused_with_the_mend() {
    let (code, _, log) = run_to_end(&mut fixture(&["second-thread"]));
    assert_eq!(code, Some(70));
    assert!(log.contains("refusing to fork while 2 threads are alive"), "{log}");
    assert!(log.contains("idler"), "{log}");
    assert!(log.contains("call serve from a plain fn main"), "{log}");
}

#[test]
fn a_server_within_a_runtime_is_refused_with_the_mend() {
    let (code, _, log) = run_to_end(&mut fixture(&["within-tokio"]));
    assert_eq!(code, Some(70));
    assert!(log.contains("threads are alive") && log.contains("without #[tokio::main]"), "{log}");
}

#[test]
fn a_panic_in_a_handler_is_a_500_and_the_worker_lives() {
    let app = App::start(&mut fixture(&["plain"])).listening();
    let failed = app.get("/panic");
    assert_eq!((failed.status, failed.header("connection")), (500, Some("close")));
    assert_eq!(app.get("/").text(), "generation 1\n");
    assert!(app.log.text().contains("a handler failed: a handler's own fault"));
    app.stop();
}

#[test]
fn a_handler_cannot_split_its_answer() {
    let app = App::start(&mut fixture(&["plain"])).listening();
    let failed = app.get("/inject");
    assert_eq!(failed.status, 500);
    assert_eq!(failed.header("set-cookie"), None);
    app.stop();
}

/// Its listener is opened together with that of its sibling, which never comes.
#[test]
fn a_ready_worker_waits_asleep_until_its_listener_is_opened() {
    let app = App::start(&mut fixture(&["one-of-two"]));
    app.log.wait_for("worker 0 (generation 1) is ready");
    let worker = app.worker(0);
    wait_until("it to wait for events", || worker.waits_for_events());
    let switches = worker.context_switches();
    assert!((0..50).all(|_| worker.waits_for_events()));
    assert_eq!(worker.context_switches(), switches, "it does not sleep");
}

#[test]
fn queues_are_as_long_as_the_backlog_says() {
    for arguments in intakes() {
        let mut command = demo(&[&["--port", "0", "--workers", "2"], arguments].concat());
        let app = App::start(command.env("EVENKEEL_BACKLOG", "7")).listening();
        let lengths = queue_lengths(app.port);
        assert!(!lengths.is_empty() && lengths.iter().all(|length| *length == 7), "{lengths:?}");
        app.stop();
    }
}
