//! What a worker that leaves still does.

use std::time::Duration;

use evenkeel::control::Command;
use nix::sys::signal::Signal;

use crate::harness::app::{App, ask, intakes};
use crate::harness::client::{Client, Failure};
use crate::harness::wait::{wait_for, wait_until};

#[test]
fn the_next_request_on_a_kept_connection_is_answered_as_the_last_one() {
    for arguments in intakes() {
        let app = App::controlled(&[&["--workers", "1"], arguments].concat());
        let mut kept = Client::connect(app.port).unwrap();
        assert_eq!(kept.get("/whoami").unwrap().header("connection"), None);
        let path = app.control();
        let reload = std::thread::spawn(move || ask(&path, Command::Reload {}));
        app.log.wait_for("worker 0 (generation 2) is ready");
        // The order to drain is on its way: one of the next answers is the last one.
        let last = wait_for("the last answer", || {
            let answer = kept.get("/whoami").expect("each is answered");
            assert_eq!(answer.number("generation"), 1);
            (answer.header("connection") == Some("close")).then_some(answer)
        });
        assert_eq!(last.status, 200);
        assert_eq!(kept.rest(), Ok(Vec::new()), "closed, and not reset");
        assert!(reload.join().unwrap().ok);
        app.stop();
    }
}

#[test]
fn requests_that_were_sent_ahead_are_all_answered_and_the_last_one_says_so() {
    let mut app = App::demo(&["--workers", "1"]);
    let mut client = Client::connect(app.port).unwrap();
    let one = "GET /sleep?ms=100 HTTP/1.1\r\nHost: test\r\n\r\n";
    client.send(one.repeat(5)).unwrap();
    wait_until("the handler", || app.worker(0).sleeps_in_handler());
    app.signal(Signal::SIGTERM);
    let answers: Vec<_> = (0..5).map(|_| client.answer().expect("an answer")).collect();
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(client.rest(), Ok(Vec::new()));
    assert_eq!(app.ended().code(), Some(0));
}

#[test]
fn what_a_deadline_cuts_is_said() {
    let app = App::controlled(&["--workers", "1", "--grace", "1"]);
    let mut victim = Client::connect(app.port).unwrap();
    let mut idle = Client::connect(app.port).unwrap();
    assert_eq!(idle.get("/").unwrap().status, 200);
    victim.ask("/sleep?ms=60000").unwrap();
    wait_until("the handler", || app.worker(0).sleeps_in_handler());
    app.done(Command::Reload {});
    assert_eq!(victim.answer(), Err(Failure::Cut));
    app.log.wait_for("worker 0 (generation 1) had its time and is killed: 2 connections are cut");
    assert_eq!(app.get("/whoami").number("generation"), 2);
    app.stop();
}

#[test]
fn a_delay_before_the_stop_lets_a_load_balancer_notice() {
    for arguments in intakes() {
        let all = [&["--workers", "2", "--pre-stop-delay", "600"], arguments].concat();
        let mut app = App::controlled(&all);
        assert_eq!(app.get("/health").status, 200);
        app.signal(Signal::SIGTERM);
        app.log.wait_for("the stop begins in 600s; until then all is served as before");
        // A balancer that asks is told; everybody else is served, by workers that are replaced.
        assert_eq!(app.get("/health").status, 503);
        assert_eq!(app.status().doing, "closing");
        let victim = app.worker(0);
        victim.signal(Signal::SIGKILL);
        wait_until("its successor", || app.worker(0) != victim);
        for _ in 0..10 {
            assert_eq!(app.get("/").status, 200);
        }
        let reply = app.command(Command::Reload {});
        assert!(!reply.ok && reply.text.contains("the master is stopping"), "{}", reply.text);
        app.signal(Signal::SIGTERM);
        assert_eq!(app.ended().code(), Some(0));
    }
}

#[test]
fn a_delayed_stop_stops_by_itself() {
    let mut app = App::demo(&["--workers", "1", "--pre-stop-delay", "0.3"]);
    let mut client = Client::connect(app.port).unwrap();
    app.signal(Signal::SIGTERM);
    app.log.wait_for("the stop begins");
    assert_eq!(client.get("/").map(|answer| answer.header("connection").is_none()), Ok(true));
    assert_eq!(app.ended().code(), Some(0));
    assert_eq!(client.get_within("/", Duration::from_secs(1)).err(), Some(Failure::Cut));
}
