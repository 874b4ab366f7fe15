//! As the first process of a container: signals, orphans and the exit code.

use std::process::Command as Program;

use nix::sys::signal::Signal;

use super::service::first_process;
use crate::harness::app::{App, demo_path};
use crate::harness::client::Client;
use crate::harness::privilege::is_root;
use crate::harness::wait::wait_until;

/// The kernel gives process 1 only those signals that it handles: without a handler TERM does nothing.
#[test]
fn each_signal_means_the_same_to_process_1() {
    for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGQUIT] {
        let folder = tempfile::tempdir().unwrap();
        let Some((mut app, master)) = first_process(&["--workers", "1"], &folder.path().join("c"))
        else {
            return;
        };
        master.signal(Signal::SIGTTIN);
        wait_until("a second worker", || master.children().len() == 2);
        master.signal(Signal::SIGTTOU);
        wait_until("one worker", || master.children().len() == 1);
        // Without an access log.
        master.signal(Signal::SIGUSR1);
        app.log.wait_for("SIGUSR1 is ignored");
        assert_eq!(app.get("/whoami").status, 200);
        master.signal(signal);
        assert_eq!(app.ended().code(), Some(0), "{signal}");
    }
}

/// Two signals in a row: the second one stops at once.
#[test]
fn process_1_is_stopped_at_once_by_a_second_signal() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut app, master)) = first_process(&["--workers", "1"], &folder.path().join("c"))
    else {
        return;
    };
    let mut client = Client::connect(app.port).unwrap();
    client.ask("/offload?ms=60000").unwrap();
    master.signal(Signal::SIGTERM);
    app.log.wait_for("stop");
    master.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0));
}

/// The exit code of process 1 is the container's: what restarts it reads the reason there.
#[test]
fn the_exit_code_of_process_1_says_why_it_ended() {
    if !is_root("a process namespace") {
        return;
    }
    let fixture = env!("CARGO_BIN_EXE_fixture");
    let demo = demo_path();
    let demo = demo.to_str().unwrap();
    for (command, code) in [
        (&[fixture, "fatal"][..], 78),
        (&[fixture, "exit-78"], 78),
        (&[fixture, "give-up"], 79),
        (&[fixture, "second-thread"], 70),
        (&[demo, "--bind", "192.0.2.7", "--port", "0"], 69),
        (&[demo, "--policy", "rr", "--listener", "reuseport"], 64),
    ] {
        let mut program = Program::new("unshare");
        program.args(["--pid", "--fork", "--mount-proc", "--kill-child"]).args(command);
        let mut app = App::start(&mut program);
        assert_eq!(app.ended().code(), Some(code), "{command:?}: {}", app.log.text());
    }
}

/// Orphans that end in a burst: their signals are merged, and none is left as a zombie; nor while the
/// master drains.
#[test]
fn process_1_reaps_a_crowd_of_orphans_also_while_it_drains() {
    let folder = tempfile::tempdir().unwrap();
    let Some((mut app, master)) = first_process(&["--workers", "1"], &folder.path().join("c"))
    else {
        return;
    };
    let workers = master.children();
    let crowd = |count: u32| {
        let pid = master.pid.to_string();
        // The shell ends before them, and leaves them to process 1.
        let script = format!("n=0; while [ $n -lt {count} ]; do sleep 60 & n=$((n + 1)); done");
        let mut shell = Program::new("nsenter");
        shell.args(["--pid", "--target", &pid, "sh", "-c", &script]);
        assert!(shell.status().unwrap().success());
        let orphans = || master.children().into_iter().filter(|it| !workers.contains(it));
        wait_until("the orphans", || orphans().count() == usize::try_from(count).unwrap());
        orphans().for_each(|orphan| orphan.signal(Signal::SIGKILL));
        wait_until("nobody but the workers", || orphans().count() == 0);
    };
    crowd(100);
    assert_eq!(app.log.count("is starting"), 1, "nobody is replaced");
    let mut client = Client::connect(app.port).unwrap();
    client.ask("/offload?ms=60000").unwrap();
    master.signal(Signal::SIGTERM);
    app.log.wait_for("stop");
    crowd(20);
    assert!(workers[0].lives(), "it drains on");
    master.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0));
}
