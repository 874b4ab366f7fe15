//! Socket activation: listeners that a service manager opens, passes at the start, and keeps.

use std::collections::BTreeSet;
use std::process::Command as Program;

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;

use crate::harness::activated::{Activated, all_answered};
use crate::harness::app::{App, demo_path, intakes};
use crate::harness::client::Client;
use crate::harness::load::Load;
use crate::harness::place::{Place, Sockets, answered_by_all};
use crate::harness::privilege::is_installed;
use crate::harness::process::{cookies, listening};
use crate::harness::wait::wait_until;

/// Each way in which connections come to two workers, and what the manager opens for it.
fn ways() -> Vec<(&'static [&'static str], &'static [&'static str])> {
    const SHARED: &[&str] = &["plain", "127.0.0.1:0"];
    const OWN: &[&str] = &["reuseport", "2", "127.0.0.1:0"];
    let listeners = |arguments: &[&str]| {
        let shared = arguments.contains(&"rr") || arguments.contains(&"inherited");
        if shared { SHARED } else { OWN }
    };
    intakes().into_iter().map(|arguments| (listeners(arguments), arguments)).collect()
}

#[test]
fn what_came_before_the_server_was_there_is_answered() {
    for (listeners, arguments) in ways() {
        let what = format!("{arguments:?}");
        let server = Activated::demo(listeners, &[&["--workers", "2"], arguments].concat());
        let sockets = cookies(server.app.port);
        all_answered(server.waiting(20, "/whoami"), &what);
        assert_eq!(cookies(server.app.port), sockets, "{what}: no other listener");
        server.app.log.wait_for("a listener was passed address=127.0.0.1:");
        assert!(server.app.log.text().contains("name=\"web\""), "{}", server.app.log.text());
    }
}

#[test]
fn a_restart_loses_neither_what_is_in_flight_nor_what_is_queued() {
    for (listeners, arguments) in ways() {
        let what = format!("{arguments:?}");
        let server = Activated::demo(listeners, &[&["--workers", "2"], arguments].concat());
        all_answered(server.waiting(4, "/"), &what);
        for signal in [Signal::SIGTERM, Signal::SIGKILL] {
            let load = Load::start(server.app.port, 4, "/whoami");
            let first = server.master();
            let in_flight = server.waiting(6, "/sleep?ms=60");
            server.stop_server(signal);
            let queued = server.waiting(20, "/whoami");
            all_answered(queued, &what);
            all_answered(in_flight, &what);
            assert_ne!(server.master(), first, "{what}");
            let count = load.stop();
            assert_eq!(count.failed(), 0, "{what}, {signal}: {count:?}");
        }
    }
}

/// The listeners of the others are bound into the group of the one that was passed.
#[test]
fn one_listener_for_three_workers_has_others_bound_beside_it() {
    let arguments = ["--workers", "3", "--policy", "none"];
    let server = Activated::demo(&["reuseport", "1", "127.0.0.1:0"], &arguments);
    let passed = cookies(server.app.port);
    answered_by_all(&Place::Port(server.app.port), 3, "three workers");
    assert_eq!(listening(server.app.port).len(), 3);
    let load = Load::start(server.app.port, 4, "/whoami");
    for _ in 0..3 {
        assert!(server.command(Command::Reload {}).ok);
        server.stop_server(Signal::SIGTERM);
        all_answered(server.waiting(10, "/whoami"), "after a stop");
    }
    let count = load.stop();
    assert_eq!(count.failed(), 0, "{count:?}");
    assert!(cookies(server.app.port).is_superset(&passed));
}

#[test]
fn scaling_to_fewer_workers_than_listeners_leads_around_those_that_nobody_accepts_from() {
    for (listeners, arguments) in ways() {
        let what = format!("{arguments:?}");
        let server = Activated::demo(listeners, &[&["--workers", "2"], arguments].concat());
        all_answered(server.waiting(4, "/"), &what);
        let passed = cookies(server.app.port);
        let load = Load::start(server.app.port, 4, "/whoami");
        for workers in [1, 4, 1, 3] {
            let reply = server.command(Command::Scale { workers: Scale::To(workers) });
            assert!(reply.ok, "{what}: {}", reply.text);
            all_answered(server.waiting(20, "/whoami"), &what);
            assert!(cookies(server.app.port).is_superset(&passed), "{what}");
        }
        let count = load.stop();
        assert_eq!(count.failed(), 0, "{what}: {count:?}");
    }
}

#[test]
fn an_upgrade_hands_on_what_was_passed() {
    for (listeners, arguments) in ways() {
        let what = format!("{arguments:?}");
        let server = Activated::demo(listeners, &[&["--workers", "2"], arguments].concat());
        all_answered(server.waiting(4, "/"), &what);
        let (passed, master) = (cookies(server.app.port), server.master());
        let load = Load::start(server.app.port, 4, "/whoami");
        let reply = server.command(Command::Upgrade {});
        assert!(reply.ok, "{what}: {}", reply.text);
        assert_eq!(server.master(), master);
        assert_eq!(cookies(server.app.port), passed, "{what}");
        server.stop_server(Signal::SIGTERM);
        all_answered(server.waiting(10, "/whoami"), &what);
        let count = load.stop();
        assert_eq!(count.failed(), 0, "{what}: {count:?}");
    }
}

#[test]
fn several_addresses_find_their_listeners() {
    let sockets = Sockets::new();
    let path = sockets.path();
    let listeners = ["unix", path.to_str().unwrap(), "plain", "127.0.0.1:0"];
    let further = sockets.address();
    let arguments =
        ["--workers", "2", "--listener", "inherited", "--also", &further, "--also", "127.0.0.1:0"];
    let server = Activated::demo(&listeners, &arguments);
    for _ in 0..2 {
        let mut client = Client::connect_unix(&path).unwrap();
        assert_eq!(client.get("/").unwrap().status, 200);
        server.app.log.wait_for("listening address=unix:");
        server.stop_server(Signal::SIGTERM);
        assert!(path.exists(), "its file is the manager's");
    }
}

#[test]
fn a_program_passed_on_by_systemd_socket_activate_serves() {
    if !is_installed("systemd-socket-activate", "the activation by systemd's own program") {
        return;
    }
    let sockets = Sockets::new();
    let mut program = Program::new("systemd-socket-activate");
    program.arg("-l").arg(sockets.path()).arg("--fdname=front").arg(demo_path());
    program.args(["--workers", "2", "--bind", &sockets.address()]);
    let app = App::start(&mut program);
    wait_until("the socket", || sockets.path().exists());
    let mut seen = BTreeSet::new();
    wait_until("both workers", || {
        let mut client = Client::connect_unix(&sockets.path()).unwrap();
        seen.insert(client.get("/whoami").unwrap().worker());
        seen.len() == 2
    });
    assert!(app.log.text().contains("name=\"front\""), "{}", app.log.text());
    app.stop();
    assert!(sockets.path().exists());
}
