//! Handlers that do not come back.

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::app::{App, BLOCKING, fixture, intakes};
use crate::harness::client::{Client, Failure};
use crate::harness::process::Process;
use crate::harness::wait::{wait_for, wait_until};

/// An app of one worker, which hangs, and which process that is.
fn hung(arguments: &[&str]) -> (App, Client, Process) {
    let app = App::controlled(&[&["--workers", "1"], arguments].concat());
    let worker = app.worker(0);
    let mut victim = Client::connect(app.port).unwrap();
    victim.ask("/sleep?ms=60000").unwrap();
    wait_until("the handler", || worker.sleeps_in_handler());
    (app, victim, worker)
}

#[test]
fn a_worker_that_hangs_is_ended_and_what_waited_for_it_is_answered() {
    for arguments in intakes() {
        let (app, mut victim, worker) =
            hung(&[&["--hang-timeout", "0.4", "--min-uptime", "0"], arguments].concat());
        let mut waiting = Client::waiting(app.port, 20, "/whoami");
        assert_eq!(victim.answer(), Err(Failure::Cut), "{arguments:?}");
        wait_until("its end", || !worker.lives());
        answered_by_the_successor(&mut waiting, arguments);
        let text = "worker 0 (generation 1) hung: it was ended after 400ms away from its loop";
        app.log.wait_for(text);
        assert_eq!(app.status().workers[0].hangs, 1);
        app.stop();
    }
}

/// What was queued is answered by the next worker. A thread that blocks in accept may have taken one
/// connection for the worker that died.
pub(crate) fn answered_by_the_successor(waiting: &mut [Client], arguments: &[&str]) {
    let mut lost = 0;
    for client in waiting {
        match client.answer() {
            Ok(answer) => assert_eq!(answer.number("generation"), 2, "{arguments:?}"),
            Err(failure) => {
                assert_eq!(failure, Failure::Cut, "{arguments:?}");
                lost += 1;
            }
        }
    }
    assert!(lost <= usize::from(arguments == BLOCKING), "{lost} are lost, {arguments:?}");
}

/// Busy all the time, but never for long.
#[test]
fn a_worker_that_is_busy_is_not_taken_for_one_that_hangs() {
    let app = App::controlled(&["--workers", "1", "--hang-timeout", "0.8"]);
    let worker = app.worker(0);
    let mut client = Client::connect(app.port).unwrap();
    for _ in 0..20 {
        assert_eq!(client.get("/sleep?ms=100").unwrap().status, 200);
    }
    assert!(worker.lives());
    assert_eq!(app.status().workers[0].hangs, 0);
    app.stop();
}

#[test]
fn an_idle_worker_is_left_asleep() {
    let app = App::demo(&["--workers", "1", "--hang-timeout", "0.2"]);
    let worker = app.worker(0);
    app.get("/");
    // The timers that its last turn has set run out once, the last of them after a second.
    let quiet = wait_for("it to sleep on", || {
        let before = worker.context_switches();
        std::thread::sleep(Duration::from_millis(1500));
        (worker.context_switches() == before).then_some(before)
    });
    assert!((0..50).all(|_| worker.waits_for_events()));
    assert_eq!(worker.context_switches(), quiet);
    app.get("/");
    app.stop();
}

#[test]
fn a_stopped_worker_does_not_hang() {
    let app = App::controlled(&["--workers", "1", "--hang-timeout", "0.3"]);
    let worker = app.worker(0);
    let mut client = Client::connect(app.port).unwrap();
    for stopped_ms in [100, 700] {
        client.ask("/sleep?ms=200").unwrap();
        wait_until("the handler", || worker.sleeps_in_handler());
        worker.signal(Signal::SIGSTOP);
        wait_until("it to stand still", || worker.is_stopped());
        std::thread::sleep(Duration::from_millis(stopped_ms));
        worker.signal(Signal::SIGCONT);
        assert_eq!(client.answer().map(|answer| answer.status), Ok(200), "{stopped_ms} ms");
    }
    assert!(worker.lives());
    app.stop();
}

#[test]
fn a_worker_may_be_let_hang() {
    let (app, mut victim, worker) = hung(&["--hang-timeout", "0", "--grace", "1"]);
    assert!(victim.get_within("/", Duration::from_millis(500)).is_err());
    assert!(worker.lives());
    app.stop();
}

#[test]
fn a_time_that_would_end_busy_workers_is_refused() {
    let mut command = crate::harness::app::demo(&["--hang-timeout", "0.01", "--port", "0"]);
    let (code, _, log) = crate::harness::app::run_to_end(&mut command);
    assert_eq!(code, Some(64));
    assert!(log.contains("choose at least 100ms, or None"), "{log}");
}

/// A handler whose system calls the timer's signal interrupts goes on with them.
#[test]
fn a_signal_of_the_timer_does_not_disturb_a_handler() {
    let app = App::start(&mut fixture(&["read-slowly"])).listening();
    let mut client = Client::connect(app.port).unwrap();
    for _ in 0..3 {
        assert_eq!(client.get("/read").unwrap().text(), "read\n");
    }
    app.stop();
}
