//! Servers with several addresses whose workers or program change.

use std::fs;
use std::os::unix::fs::MetadataExt;

use evenkeel::control::Command;

use crate::harness::app::{App, intakes};
use crate::harness::client::Client;
use crate::harness::deployed::Deployed;
use crate::harness::load::Load;
use crate::harness::place::{Place, Sockets, places, with_further};
use crate::harness::process::cookies;
use crate::harness::wait::wait_until;

/// Each place answered under its load, and all that was asked.
fn none_was_lost<const N: usize>(places: &[Place; N], loads: [Load; N], arguments: &[&str]) {
    for (place, load) in places.iter().zip(loads) {
        let count = load.stop();
        assert_eq!(count.failed(), 0, "{arguments:?}: {place:?}: {count:?}");
        assert!(count.answered > 0, "{arguments:?}: {place:?}");
    }
}

#[test]
fn a_reload_loses_no_connection_of_any_address() {
    for arguments in intakes() {
        let sockets = Sockets::new();
        let all = [&["--workers", "2"], arguments].concat();
        let app = App::controlled(&with_further(&all, &sockets.address()));
        let places = places(&app, &sockets);
        let loads = places.each_ref().map(|place| place.load(1));
        for _ in 0..3 {
            app.done(Command::Reload {});
        }
        none_was_lost(&places, loads, arguments);
        let answer = places[2].connect().unwrap().get("/whoami").unwrap();
        assert_eq!(answer.number("generation"), 4);
        app.stop();
    }
}

#[test]
fn a_worker_that_is_scaled_away_leaves_further_queues_to_its_siblings() {
    for arguments in intakes() {
        let sockets = Sockets::new();
        let all = [&["--workers", "2"], arguments].concat();
        let app = App::controlled(&with_further(&all, &sockets.address()));
        let places = places(&app, &sockets);
        let loads = places.each_ref().map(|place| place.load(1));
        for workers in [1, 2, 1] {
            let scale = evenkeel::control::Scale::To(workers);
            app.done(Command::Scale { workers: scale });
        }
        wait_until("the worker's end", || {
            let children = app.children().len();
            children == 1 + usize::from(arguments.contains(&"rr"))
        });
        none_was_lost(&places, loads, arguments);
        app.stop();
    }
}

#[test]
fn an_upgrade_keeps_every_socket_and_loses_no_connection() {
    for arguments in intakes() {
        let sockets = Sockets::new();
        let all = [&["--workers", "2"], arguments].concat();
        let deployed = Deployed::demo(&with_further(&all, &sockets.address()));
        let places = places(&deployed.app, &sockets);
        let Place::Port(port) = places[1] else { panic!("a port") };
        let before = (cookies(port), fs::metadata(sockets.path()).unwrap().ino());
        let loads = places.each_ref().map(|place| place.load(1));
        for _ in 0..2 {
            let reply = deployed.upgrade();
            assert!(reply.ok, "{arguments:?}: {}", reply.text);
        }
        none_was_lost(&places, loads, arguments);
        let after = (cookies(port), fs::metadata(sockets.path()).unwrap().ino());
        assert_eq!(after, before, "the same sockets");
        deployed.app.stop();
        assert!(!sockets.path().exists(), "removed by the program that came last");
    }
}

#[test]
fn an_upgrade_to_other_further_addresses_is_refused() {
    let deployed = Deployed::fixture("plain");
    deployed.mode("other-further");
    let reply = deployed.upgrade();
    let text = "cannot change the further addresses from none to 127.0.0.1:0";
    assert!(!reply.ok && reply.text.contains(text), "{}", reply.text);
    deployed.app.stop();
}

#[test]
fn a_failed_trial_leaves_the_socket_in_place() {
    let sockets = Sockets::new();
    let deployed = Deployed::demo(&["--workers", "1", "--also", &sockets.address()]);
    deployed.deploy(b"#!/bin/sh\nexit 3\n");
    assert!(!deployed.upgrade().ok);
    let answer = Client::connect_unix(&sockets.path()).unwrap().get("/").unwrap();
    assert_eq!(answer.status, 200);
    deployed.app.stop();
    assert!(!sockets.path().exists());
}
