//! Servers with several addresses that end.

use nix::sys::signal::Signal;

use crate::harness::app::{App, demo, intakes};
use crate::harness::client::{Client, Failure};
use crate::harness::place::{Place, Sockets, all_asleep, places, with_further};
use crate::harness::wait::wait_until;

const WAITING: usize = 20;

#[test]
fn a_stop_answers_what_is_queued_at_each_address() {
    for arguments in intakes() {
        let sockets = Sockets::new();
        let all = [&["--workers", "2"], arguments].concat();
        let mut app = App::demo(&with_further(&all, &sockets.address()));
        let places = places(&app, &sockets);
        let sleepers = all_asleep(&app, &places, 2);
        let waiting: Vec<Client> =
            places.iter().flat_map(|place| place.waiting(WAITING, "/whoami")).collect();
        for place in &places[1..] {
            wait_until("the queue", || place.queued() == WAITING);
        }
        app.signal(Signal::SIGTERM);
        app.log.wait_for("stopping: no new connections");
        // To a socket nobody can connect any more, and is told at once.
        assert_eq!(places[2].connect().err(), Some(Failure::Refused));
        for mut client in sleepers.into_iter().chain(waiting) {
            let answer = client.answer();
            assert_eq!(answer.map(|answer| answer.status), Ok(200), "{arguments:?}");
            assert_eq!(client.rest(), Ok(Vec::new()), "closed, and not reset: {arguments:?}");
        }
        assert_eq!(app.ended().code(), Some(0));
        assert_eq!(app.log.count("is killed"), 0, "{arguments:?}");
        assert!(!sockets.path().exists());
    }
}

#[test]
fn a_stop_without_workers_answers_what_is_queued_at_a_further_address() {
    for arguments in intakes() {
        let sockets = Sockets::new();
        let all = [&["--workers", "1", "--min-uptime", "60"], arguments].concat();
        let mut app = App::demo(&with_further(&all, &sockets.address()));
        let places = places(&app, &sockets);
        for generation in 1..=4 {
            app.log.wait_for(&format!("worker 0 (generation {generation}) is ready"));
            app.worker(0).signal(Signal::SIGKILL);
        }
        app.log.wait_for("worker 0 is backing-off for 337 ms");
        let waiting: Vec<Client> =
            places.iter().flat_map(|place| place.waiting(WAITING, "/")).collect();
        app.signal(Signal::SIGTERM);
        for mut client in waiting {
            let answer = client.answer();
            assert_eq!(answer.map(|answer| answer.status), Ok(200), "{arguments:?}");
        }
        assert_eq!(app.ended().code(), Some(0));
    }
}

#[test]
fn a_worker_that_drains_long_does_not_spin_on_a_closed_socket() {
    for arguments in intakes() {
        let sockets = Sockets::new();
        let all = [&["--workers", "1", "--grace", "20"], arguments].concat();
        let mut app = App::demo(&with_further(&all, &sockets.address()));
        // An answer that takes long, made by a thread: the loop is free to spin.
        let mut client = Client::connect(app.port).unwrap();
        client.ask("/offload?ms=1500").unwrap();
        let worker = app.worker(0);
        app.signal(Signal::SIGTERM);
        app.log.wait_for("stopping: no new connections");
        wait_until("it to wait for events", || worker.waits_for_events());
        let switches = worker.context_switches();
        let waits = (0..200).filter(|_| worker.waits_for_events()).count();
        assert!(waits > 150, "{arguments:?}: it was seen waiting {waits} of 200 times");
        assert!(worker.context_switches() < switches + 50, "{arguments:?}: it does not sleep");
        assert_eq!(client.answer().map(|answer| answer.status), Ok(200), "{arguments:?}");
        assert_eq!(app.ended().code(), Some(0));
    }
}

#[test]
fn workers_of_a_dead_master_answer_what_is_queued_and_a_new_master_takes_every_address() {
    for arguments in intakes() {
        let sockets = Sockets::new();
        let address = sockets.address();
        let all = [&["--workers", "2"], arguments].concat();
        let mut old = App::demo(&with_further(&all, &address));
        let old_places = places(&old, &sockets);
        let sleepers = all_asleep(&old, &old_places, 2);
        let waiting: Vec<Client> =
            old_places[1..].iter().flat_map(|place| place.waiting(WAITING, "/whoami")).collect();
        old.signal(Signal::SIGKILL);
        let (port, Place::Port(further)) = (old.port.to_string(), &old_places[1]) else {
            panic!("a port")
        };
        let further = format!("127.0.0.1:{further}");
        let again = [&all[..], &["--port", &port, "--also", &further, "--also", &address]].concat();
        let new = App::start(&mut demo(&again)).listening();
        for mut client in sleepers.into_iter().chain(waiting) {
            let answer = client.answer();
            assert_eq!(answer.map(|answer| answer.status), Ok(200), "{arguments:?}");
        }
        old.ended();
        for place in places(&new, &sockets) {
            let answer = place.connect().unwrap().get("/whoami").unwrap();
            assert_eq!(answer.number("generation"), 1, "{arguments:?}");
        }
        new.stop();
        assert!(!sockets.path().exists());
    }
}
