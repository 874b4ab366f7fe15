//! Stops, gentle and not.

use std::process::Command;

use nix::sys::signal::Signal;

use crate::harness::app::{App, BLOCKING, demo_path, intakes};
use crate::harness::client::{Client, Failure};
use crate::harness::process::queued;
use crate::harness::wait::wait_until;

/// What the log says when newcomers are turned away.
const STOPPING: &str = "stopping: no new connections";

/// Fifty requests in flight: sent on connections that a worker has accepted and answered on before.
/// Fifty connections queued: made, with their request, while both workers sleep in a handler, so
/// that nobody can have accepted them. Under rr a few of these are on the way to a worker, and the
/// workers begin to drain when the dispatcher has handed out all, so that not every answer is
/// marked as the last.
fn all_hundred_are_answered(arguments: &[&str], queued_at_least: usize) {
    let mut all = vec!["--workers", "2"];
    all.extend(arguments);
    let mut app = App::demo(&all);
    let mut in_flight: Vec<(u16, Client)> = Vec::new();
    let mut connections = 0;
    while in_flight.len() < 50 || in_flight.iter().all(|(worker, _)| *worker == in_flight[0].0) {
        let mut client = Client::connect(app.port).unwrap();
        let worker = client.get("/whoami").unwrap().worker();
        in_flight.push((worker, client));
        connections += 1;
        assert!(connections < 500, "one worker gets everything");
    }
    for worker in 0..2 {
        let (_, sleeper) = in_flight.iter_mut().find(|(index, _)| *index == worker).unwrap();
        sleeper.ask("/sleep?ms=1500").unwrap();
    }
    for index in 0..2 {
        let worker = app.worker(index);
        wait_until("both workers in a handler", || worker.sleeps_in_handler());
    }
    let mut asked = [false; 2];
    for (worker, client) in &mut in_flight {
        // The first of each worker is its sleeper.
        if std::mem::replace(&mut asked[usize::from(*worker)], true) {
            client.ask("/sleep?ms=2").unwrap();
        }
    }
    let waiting = Client::waiting(app.port, 50, "/sleep?ms=2");
    wait_until("the queues", || queued(app.port) >= queued_at_least);

    app.signal(Signal::SIGTERM);
    for (_, mut client) in in_flight {
        assert_eq!(client.answer().expect("in flight").text(), "done\n");
    }
    for mut client in waiting {
        let answer = client.answer().expect("queued");
        assert_eq!(answer.text(), "done\n");
        if !arguments.contains(&"rr") {
            assert_eq!(answer.header("connection"), Some("close"));
        }
        assert_eq!(client.rest(), Ok(Vec::new()), "the connection ends cleanly");
    }
    assert_eq!(app.ended().code(), Some(0));
    assert_eq!(app.log.count("is killed"), 0);
}

#[test]
fn term_answers_what_is_in_flight_and_what_is_queued_under_none() {
    all_hundred_are_answered(&["--policy", "none"], 50);
}

#[test]
fn term_answers_what_is_in_flight_and_what_is_queued_under_an_inherited_listener() {
    all_hundred_are_answered(&["--listener", "inherited"], 50);
}

/// Each of the two threads that wait in `accept` takes one while its worker sleeps.
#[test]
fn term_answers_what_is_in_flight_and_what_is_queued_under_blocking_accepts() {
    all_hundred_are_answered(BLOCKING, 48);
}

#[test]
fn term_answers_what_is_in_flight_and_what_is_queued_under_rr() {
    all_hundred_are_answered(&["--policy", "rr"], 40);
}

/// A worker that would sleep for a minute is in a handler.
fn with_sleeper(arguments: &[&str]) -> (App, Client) {
    let mut all = vec!["--workers", "1"];
    all.extend(arguments);
    let app = App::demo(&all);
    let mut sleeper = Client::connect(app.port).unwrap();
    sleeper.ask("/sleep?ms=60000").unwrap();
    let worker = app.worker(0);
    wait_until("the handler", || worker.sleeps_in_handler());
    (app, sleeper)
}

#[test]
fn a_second_term_or_int_or_a_quit_stops_at_once() {
    let orders: [&[Signal]; 3] = [
        &[Signal::SIGTERM, Signal::SIGTERM],
        &[Signal::SIGINT, Signal::SIGINT],
        &[Signal::SIGQUIT],
    ];
    for signals in orders {
        let (mut app, mut sleeper) = with_sleeper(&[]);
        for signal in signals {
            app.signal(*signal);
            // Only when the first was acted on is a second signal of the kind a second one.
            if signals.len() == 2 {
                app.log.wait_for(STOPPING);
            }
        }
        assert_eq!(sleeper.answer(), Err(Failure::Cut));
        assert_eq!(app.ended().code(), Some(0));
        app.log.wait_for("is killed");
    }
}

#[test]
fn a_worker_that_does_not_finish_within_the_grace_is_killed_and_named() {
    let (mut app, mut sleeper) = with_sleeper(&["--grace", "1"]);
    app.signal(Signal::SIGTERM);
    assert_eq!(sleeper.answer(), Err(Failure::Cut));
    assert_eq!(app.ended().code(), Some(0));
    app.log.wait_for("worker 0 (generation 1) had its time and is killed");
}

#[test]
fn idle_keep_alive_connections_do_not_hold_up_a_stop() {
    for arguments in intakes() {
        let mut app = App::demo(&[&["--workers", "2"], arguments].concat());
        let mut idle: Vec<Client> = (0..10).map(|_| Client::connect(app.port).unwrap()).collect();
        for client in &mut idle {
            assert_eq!(client.get("/").unwrap().status, 200);
        }
        app.signal(Signal::SIGTERM);
        for mut client in idle {
            assert_eq!(client.rest(), Ok(Vec::new()), "closed, and not reset");
        }
        assert_eq!(app.ended().code(), Some(0));
        assert_eq!(app.log.count("is killed"), 0);
    }
}

/// Such as a browser makes in advance: it is accepted while the worker drains already.
#[test]
fn a_silent_connection_in_the_queue_does_not_hold_up_a_stop() {
    for arguments in intakes() {
        let mut app = App::demo(&[&["--workers", "1", "--grace", "15"], arguments].concat());
        let mut sleeper = Client::connect(app.port).unwrap();
        sleeper.ask("/sleep?ms=500").unwrap();
        let worker = app.worker(0);
        wait_until("the handler", || worker.sleeps_in_handler());
        let mut silent: Vec<Client> = (0..3).map(|_| Client::connect(app.port).unwrap()).collect();
        app.signal(Signal::SIGTERM);
        assert_eq!(sleeper.answer().map(|answer| answer.status), Ok(200), "{arguments:?}");
        for client in &mut silent {
            assert_eq!(client.rest(), Ok(Vec::new()), "closed, and not reset: {arguments:?}");
        }
        assert_eq!(app.ended().code(), Some(0));
        assert_eq!(app.log.count("is killed"), 0, "{arguments:?}");
    }
}

/// signal(7): what is blocked stays so over execve. The thread that blocks in `accept` is called back
/// by a signal that nobody may have blocked for it.
#[test]
fn a_program_that_was_started_with_a_blocked_sigurg_drains() {
    let mut command = Command::new("env");
    command.arg("--block-signal=URG").arg(demo_path()).args(["--port", "0", "--workers", "2"]);
    let mut app = App::start(command.args(BLOCKING)).listening();
    assert_eq!(app.get("/").status, 200);
    app.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0));
    assert_eq!(app.log.count("is killed"), 0);
}

#[test]
fn a_new_connection_during_a_stop_is_turned_away_and_never_reset() {
    let (mut app, _sleeper) = with_sleeper(&["--grace", "1"]);
    app.signal(Signal::SIGTERM);
    app.log.wait_for(STOPPING);
    // Its SYN is dropped; it tries again when the port is closed.
    assert_eq!(Client::connect(app.port).err(), Some(Failure::Refused));
    assert_eq!(app.ended().code(), Some(0));
}

/// A terminal sends its interrupt, and systemd its SIGTERM, to the master and to all its children.
#[test]
fn a_signal_to_all_processes_at_once_drains_like_one_to_the_master() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        for arguments in intakes() {
            let mut app = App::demo(&[&["--workers", "1"], arguments].concat());
            let worker = app.worker(0);
            let mut clients = vec![Client::connect(app.port).unwrap()];
            clients[0].ask("/sleep?ms=300").unwrap();
            wait_until("the handler", || worker.sleeps_in_handler());
            for _ in 0..20 {
                let mut client = Client::connect(app.port).unwrap();
                client.ask("/").unwrap();
                clients.push(client);
            }
            for process in app.children().into_iter().chain([app.master]) {
                process.signal(signal);
            }
            for mut client in clients {
                let answer = client.answer();
                assert_eq!(answer.expect("queued or in flight").status, 200, "{arguments:?}");
            }
            assert_eq!(app.ended().code(), Some(0));
        }
    }
}
