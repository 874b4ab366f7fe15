//! What a service manager hears, word by word (`sd_notify(3)`).

use std::time::Duration;

use nix::sys::signal::Signal;

use crate::harness::app::{App, NONE, demo};
use crate::harness::manager::{Manager, Message, value};
use crate::harness::process::Process;
use crate::harness::wait::{wait_for, wait_until};

/// Without what differs from run to run.
fn said(messages: &[Message]) -> Vec<String> {
    let line = |message: &Message| {
        let fixed = message.iter().map(|line| match line.split_once('=') {
            Some(("MONOTONIC_USEC", _)) => "MONOTONIC_USEC",
            _ => line.as_str(),
        });
        fixed.collect::<Vec<_>>().join("|")
    };
    messages.iter().map(line).collect()
}

fn start(manager: &Manager, arguments: &[&str]) -> App {
    manager.start(demo(&[NONE, arguments].concat()).args(["--port", "0"])).listening()
}

#[test]
fn start_reload_upgrade_and_stop_are_told_step_by_step() {
    let manager = Manager::new();
    let arguments = ["--workers", "2", "--grace", "20", "--ready-timeout", "10"];
    let mut app = start(&manager, &arguments);
    let served = format!("STATUS=2 of 2 workers ready, listening on 127.0.0.1:{}", app.port);
    // A start: 10 s until it is ready, 20 s for a drain, 5 s to kill, 5 s more.
    let step = "EXTEND_TIMEOUT_USEC=40000000";
    let heard = said(&manager.hears_until("READY=1"));
    assert_eq!(heard.first().unwrap(), &format!("STATUS=0 of 2 workers ready|{step}"));
    assert_eq!(heard.last().unwrap(), &format!("READY=1|{served}"), "{heard:?}");

    let mut stamps = Vec::new();
    for (signal, what) in [(Signal::SIGHUP, "reload"), (Signal::SIGUSR2, "upgrade")] {
        app.signal(signal);
        let messages = manager.hears_a_reload();
        let heard = said(&messages);
        let tried = "RELOADING=1|MONOTONIC_USEC|STATUS=upgrading: the new program is tried";
        assert_eq!(heard[0] == tried, what == "upgrade", "{heard:?}");
        let begins = format!("RELOADING=1|MONOTONIC_USEC|STATUS={what}: all workers are replaced");
        let at = |line: &str| heard.iter().position(|said| said == line);
        let all = [
            at(&begins),
            at(&format!("STATUS={what}: slot 1 of 2|{step}")),
            at(&format!("STATUS={what}: slot 2 of 2|{step}")),
        ];
        assert!(all.iter().all(Option::is_some) && all.is_sorted(), "{heard:?}");
        let end = format!("READY=1|{served}; {what} done: all workers are new");
        assert_eq!(heard.last(), Some(&end), "{heard:?}");
        let clocks = messages.iter().map(|message| value(message, "MONOTONIC_USEC"));
        stamps.extend(clocks.filter_map(|clock| clock.parse::<u64>().ok()));
    }
    assert!(stamps.len() == 3 && stamps.is_sorted(), "{stamps:?}");
    manager.hears_nothing();

    app.signal(Signal::SIGTERM);
    assert_eq!(
        said(&[manager.hears()]),
        ["STOPPING=1|STATUS=draining|EXTEND_TIMEOUT_USEC=30000000"]
    );
    assert_eq!(app.ended().code(), Some(0));
    for message in manager.hears_until_silent(Duration::from_millis(100)) {
        assert!(value(&message, "STATUS").starts_with("stopping: "), "{message:?}");
    }
}

#[test]
fn a_worker_that_is_missing_is_told_of() {
    let manager = Manager::new();
    let app = start(&manager, &["--workers", "2", "--min-uptime", "60"]);
    manager.hears_until("READY=1");
    app.worker(0).signal(Signal::SIGKILL);
    let listening = format!("listening on 127.0.0.1:{}", app.port);
    manager.hears_until(&format!("STATUS=1 of 2 workers ready, {listening}"));
    manager.hears_until(&format!("STATUS=2 of 2 workers ready, {listening}"));
    app.stop();
}

#[test]
fn an_announced_stop_is_given_its_time() {
    let manager = Manager::new();
    let mut app = start(&manager, &["--workers", "1", "--pre-stop-delay", "0.2", "--grace", "1"]);
    manager.hears_until("READY=1");
    app.signal(Signal::SIGTERM);
    let first = said(&[manager.hears()]);
    assert_eq!(first, ["STOPPING=1|STATUS=a stop is announced|EXTEND_TIMEOUT_USEC=11200000"]);
    manager.hears_until("EXTEND_TIMEOUT_USEC=11000000");
    assert_eq!(app.ended().code(), Some(0));
}

const ALIVE: &str = "WATCHDOG=1";
/// Half of it is the time between two signs of life.
const WATCHDOG_USEC: &str = "100000";

#[test]
fn signs_of_life_come_from_a_master_that_runs_and_from_no_other() {
    let manager = Manager::new();
    let mut program = demo(&["--workers", "1", "--port", "0"]);
    let mut app = manager.start(program.env("WATCHDOG_USEC", WATCHDOG_USEC)).listening();
    for _ in 0..5 {
        manager.hears_until(ALIVE);
    }
    // The next program in this process gives them as well.
    app.signal(Signal::SIGUSR2);
    app.log.wait_for("upgrade done");
    manager.hears_until("READY=1");
    manager.hears_until(ALIVE);
    app.signal(Signal::SIGSTOP);
    wait_until("the stop", || app.master.is_stopped());
    let _ = manager.hears_until_silent(Duration::from_millis(10));
    // Ten would have come.
    assert!(manager.hears_until_silent(Duration::from_millis(500)).is_empty());
    app.signal(Signal::SIGCONT);
    manager.hears_until(ALIVE);
    app.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0));
}

/// A worker that hangs is no matter of the service manager's: the kernel ends it, and the master gives
/// signs of life all the time.
#[test]
fn a_worker_that_hangs_is_replaced_while_the_master_gives_signs_of_life() {
    let manager = Manager::new();
    let mut program = demo(&["--workers", "1", "--port", "0", "--hang-timeout", "0.4"]);
    let app = manager.start(program.env("WATCHDOG_USEC", WATCHDOG_USEC)).listening();
    let worker = app.worker(0);
    let mut client = crate::harness::client::Client::connect(app.port).unwrap();
    client.ask("/sleep?ms=60000").unwrap();
    wait_until("the handler", || worker.sleeps_in_handler());
    while worker.lives() {
        manager.hears_until(ALIVE);
    }
    let next = |now: &Process| *now != worker;
    wait_for("the next one", || app.child_named("worker 0").filter(next));
    manager.hears_until(ALIVE);
    app.stop();
}

#[test]
fn without_the_wish_there_are_no_signs_of_life_and_an_idle_master_sleeps() {
    let manager = Manager::new();
    let mut program = demo(&["--workers", "1", "--port", "0"]);
    program.env("WATCHDOG_USEC", WATCHDOG_USEC).env("WATCHDOG_PID", "1");
    let app = manager.start(&mut program).listening();
    manager.hears_until("READY=1");
    app.get("/");
    let before = app.master.context_switches();
    assert!(manager.hears_until_silent(Duration::from_millis(300)).is_empty());
    assert_eq!(app.master.context_switches(), before);
    app.stop();
}
