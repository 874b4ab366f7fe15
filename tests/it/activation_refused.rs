//! Listeners of a service manager that do not go with the settings, and what is not to be seen of it.

use std::process::Command as Program;

use crate::harness::activated::{Activated, all_answered};
use crate::harness::app::{demo, fixture};
use crate::harness::client::{Client, get};
use crate::harness::installed::Installed;
use crate::harness::manager::{Manager, value};
use crate::harness::place::Sockets;
use crate::harness::privilege::is_root;

const SHARED: &[&str] = &["plain", "127.0.0.1:0"];

/// What the server says, and its exit code, when somebody connects.
fn refusal(listeners: &[&str], program: &Program) -> (Option<i32>, String) {
    let mut app = Activated::program(listeners, program);
    let _client = Client::connect(app.port).unwrap();
    let code = app.ended().code();
    (code, app.log.text())
}

#[test]
fn listeners_that_do_not_fit_are_refused_with_the_mend() {
    let cases: [(&[&str], &[&str], &str); 5] = [
        (
            SHARED,
            &["--bind", "127.0.0.2", "--port", "8080"],
            "this program listens on 127.0.0.2:8080",
        ),
        (SHARED, &["--port", "0", "--workers", "2"], "set ReusePort=yes"),
        (
            &["reuseport", "3", "127.0.0.1:0"],
            &["--port", "0", "--workers", "2"],
            "passed 3 listeners on 127.0.0.1",
        ),
        (
            &["reuseport", "2", "127.0.0.1:0"],
            &["--port", "0", "--listener", "inherited"],
            "leave one ListenStream= line",
        ),
        (
            &["plain", "127.0.0.1:0", "plain", "127.0.0.1:0"],
            &["--port", "0", "--policy", "rr"],
            "name the same ones in the ListenStream= lines",
        ),
    ];
    for (listeners, arguments, text) in cases {
        let (code, log) = refusal(listeners, &demo(arguments));
        assert_eq!(code, Some(64), "{arguments:?}: {log}");
        assert!(log.contains(text), "{arguments:?}: {log}");
    }
}

/// With `DynamicUser` the sockets are root's, and nobody else can bind beside them.
#[test]
fn another_user_is_told_to_have_a_listener_for_each_worker() {
    if !is_root("listeners of another user") {
        return;
    }
    let installed = Installed::new();
    let two = ["--workers", "2"];
    let (code, log) = refusal(&["reuseport", "1", "127.0.0.1:0"], &installed.as_nobody(&[], &two));
    assert_eq!(code, Some(64), "{log}");
    assert!(log.contains("passed 1 of 2 listeners on 127.0.0.1:"), "{log}");
    assert!(log.contains("2 times in the .socket unit"), "{log}");

    let program = installed.as_nobody(&[], &two);
    let app = Activated::program(&["reuseport", "2", "127.0.0.1:0"], &program);
    assert_eq!(get(app.port, "/whoami").unwrap().status, 200);
    let server = app.children()[0];
    app.master.signal(nix::sys::signal::Signal::SIGKILL);
    server.signal(nix::sys::signal::Signal::SIGTERM);
}

#[test]
fn policy_auto_shares_the_one_listener_that_was_passed() {
    let server = Activated::demo(SHARED, &["--workers", "2", "--policy", "auto"]);
    let waiting = server.waiting(4, "/");
    all_answered(waiting, "auto");
    server.app.log.wait_for("policy auto is none/inherited: one listener was passed");
}

#[test]
fn workers_do_not_see_what_the_service_manager_says_to_the_master() {
    let manager = Manager::new();
    let mut program = fixture(&["plain"]);
    program.env("WATCHDOG_USEC", "60000000").env("LISTEN_PID", "1").env("LISTEN_FDS", "1");
    let app = manager.start(&mut program).listening();
    let names = app.get("/environment").text();
    for word in ["LISTEN_", "WATCHDOG_", "NOTIFY_"] {
        assert!(!names.contains(word), "{names}");
    }
    app.stop();
}

#[test]
fn a_start_that_fails_says_why() {
    let manager = Manager::new();
    let sockets = Sockets::new();
    let nowhere = sockets.path().join("below");
    let mut app = manager.start(demo(&["--port", "0", "--control"]).arg(nowhere));
    assert_eq!(app.ended().code(), Some(64));
    let status = value(&manager.hears(), "STATUS");
    assert!(status.contains("cannot open the control socket"), "{status}");
}
