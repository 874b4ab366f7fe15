//! Listeners of a worker, and those who wait for its drain.

use std::process::Command;

use nix::sys::signal::Signal;

use crate::harness::app::App;
use crate::harness::client::{Client, Failure};
use crate::harness::example::{PLAIN, example};
use crate::harness::wait::wait_until;

/// The program whose tasks do what `mode` says.
fn hosted(mode: &str) -> App {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hosted"));
    App::controlled_in(tempfile::tempdir().unwrap(), command.arg(mode))
}

#[test]
fn who_gives_up_waiting_for_the_drain_leaves_nothing_behind() {
    let app = hosted("wakers");
    assert_eq!(app.get("/").text(), "0", "wakers");
    app.stop();
}

#[test]
fn a_listener_that_is_dropped_takes_nothing_away_from_the_others() {
    let app = hosted("listeners");
    for _ in 0..3 {
        assert_eq!(app.get("/").text(), "one of two");
        assert_eq!(app.get("/").text(), "the other");
    }
    app.stop();
}

#[test]
fn what_nobody_takes_is_closed_when_the_last_listener_is_dropped() {
    let mut app = hosted("drops");
    assert_eq!(app.get("/").text(), "the only one");
    let mut left = Client::connect(app.port).unwrap();
    left.ask("/").unwrap();
    wait_until("it to be accepted", || app.status().workers[0].accepted == 2);
    app.signal(Signal::SIGTERM);
    assert_eq!(left.answer(), Err(Failure::Cut));
    app.ended();
    assert_eq!(app.log.count("is killed"), 0);
    assert_eq!(app.log.count("not taken before the last listener was dropped"), 1);
}

/// The watchdog's timer needs a signal to be queued.
#[test]
fn a_worker_that_cannot_begin_ends_and_says_why() {
    for name in PLAIN {
        let program = example(name);
        let mut limited = Command::new("prlimit");
        limited.arg("--sigpending=0").arg(program.get_program());
        let app = App::start(limited.args(["--port", "0", "--workers", "1"]));
        app.log.wait_for("worker 0 (generation 1) failed: Resource temporarily unavailable");
        assert_eq!(app.log.count("is ready"), 0, "{name}");
        assert_eq!(app.log.count("a connection is lost"), 0, "{name}");
        app.signal(Signal::SIGQUIT);
    }
}
