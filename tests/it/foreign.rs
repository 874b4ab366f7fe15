//! Programs that do not link evenkeel, and take their listeners as `sd_listen_fds(3)` has it.

use std::fs;

use nix::fcntl::OFlag;
use nix::sys::signal::Signal;

use crate::harness::cli::Cli;
use crate::harness::client;
use crate::harness::load::Load;
use crate::harness::privilege::is_installed;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;

pub(crate) const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

pub(crate) fn installed(program: &str) -> bool {
    is_installed(program, &format!("a server of {program}"))
}

/// Starts a program on a port of the kernel's choice.
pub(crate) fn start(cli: &Cli, settings: &[&str], program: &[&str]) -> String {
    let given = ["start", "--name", "guest", "--listen", "127.0.0.1:0"];
    cli.done(&[&given[..], settings, &["--"], program].concat())
}

pub(crate) fn python() -> String {
    format!("{PROGRAMS}/listen_fds.py")
}

/// Under load of new connections: none is lost, whatever is done.
pub(crate) fn survives_everything(cli: &Cli) {
    let load = Load::start(cli.port("guest"), 3, "/");
    for verb in [&["reload"][..], &["scale", "guest", "3"], &["scale", "-2"], &["upgrade", "guest"]]
    {
        cli.done(verb);
    }
    let count = load.stop();
    assert_eq!(count.failed(), 0, "{count:?}");
    assert!(count.answered > 0);
}

#[test]
fn a_program_of_python_loses_no_connection() {
    if !installed("python3") {
        return;
    }
    for listener in ["listener=reuseport", "listener=inherited"] {
        let cli = Cli::new();
        start(&cli, &["--set", "workers=2", "--set", listener], &["python3", &python()]);
        let answer = client::get(cli.port("guest"), "/").unwrap().text();
        let words: Vec<&str> = answer.split(' ').collect();
        assert_eq!(words[1..5], ["1", "primary", "-", "-"], "its environment: {answer}");
        survives_everything(&cli);
        assert_eq!(cli.json(&["list"])[0]["workers"], 1);
        cli.done(&["stop", "guest"]);
        cli.all_gone();
    }
}

#[test]
fn the_channel_is_not_the_programs_and_further_listeners_are() {
    if !installed("python3") {
        return;
    }
    let cli = Cli::new();
    start(&cli, &["--listen", "127.0.0.1:0", "--set", "workers=1"], &["python3", &python()]);
    let answer = client::get(cli.port("guest"), "/").unwrap().text();
    assert!(answer.starts_with("0 2 primary:further1 "), "{answer}");
    let worker = cli.master("guest").children()[0];
    // That of the connection goes as soon as the program has seen its end.
    wait_until("two listeners, and nothing else", || worker.sockets().len() == 2);
    cli.done(&["stop"]);
}

#[test]
fn what_is_queued_when_the_stop_comes_is_answered() {
    if !installed("python3") {
        return;
    }
    let cli = Cli::new();
    start(&cli, &["--set", "workers=2"], &["python3", &python()]);
    let port = cli.port("guest");
    let workers = cli.master("guest").children();
    for worker in &workers {
        worker.signal(Signal::SIGSTOP);
    }
    wait_until("stopped workers", || workers.iter().all(|worker| worker.is_stopped()));
    let clients = client::Client::waiting(port, 20, "/");
    let mut stop = cli.command(&["stop", "guest"]).spawn().unwrap();
    wait_until("the stop", || cli.json(&["status", "guest"])[0]["status"]["doing"] == "stopping");
    for worker in &workers {
        worker.signal(Signal::SIGCONT);
    }
    let answered = clients.into_iter().filter_map(|mut client| client.answer().ok());
    assert_eq!(answered.filter(|answer| answer.status == 200).count(), 20);
    assert!(stop.wait().unwrap().success());
    cli.all_gone();
}

#[test]
fn a_listener_stays_as_the_program_has_made_it() {
    if !installed("python3") {
        return;
    }
    let first =
        "import os, time\nif os.environ['EVENKEEL_GENERATION'] == '1': os.set_blocking(3, False)\n";
    let program = format!("{first}time.sleep(600)");
    for listener in ["listener=reuseport", "listener=inherited"] {
        let cli = Cli::new();
        start(&cli, &["--set", "workers=1", "--set", listener], &["python3", "-c", &program]);
        wait_until("it to be made so", || !blocks(cli.master("guest").children()[0]));
        cli.done(&["reload"]);
        assert!(!blocks(cli.master("guest").children()[0]), "{listener}");
        cli.done(&["stop"]);
        cli.all_gone();
    }
}

/// Whether the first listener of a program blocks in `accept`.
fn blocks(worker: Process) -> bool {
    let info = fs::read_to_string(format!("/proc/{}/fdinfo/3", worker.pid)).unwrap();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:")).unwrap();
    i32::from_str_radix(flags.trim(), 8).unwrap() & OFlag::O_NONBLOCK.bits() == 0
}

#[test]
fn a_program_ends_with_its_master() {
    if !installed("python3") {
        return;
    }
    let cli = Cli::new();
    start(&cli, &["--set", "workers=2"], &["python3", &python()]);
    let master = cli.master("guest");
    let workers = master.children();
    client::get(cli.port("guest"), "/").unwrap();
    // Each has become the program, which ends at SIGTERM.
    master.signal(Signal::SIGKILL);
    wait_until("the end of its workers", || workers.iter().all(|worker| !worker.lives()));
    assert_eq!(cli.json(&["list"])[0]["state"], "stopped");
}

#[test]
fn one_that_does_not_end_is_killed_with_all_that_it_started() {
    let cli = Cli::new();
    let stubborn = "trap '' TERM; sleep 600 & wait; wait; sleep 600";
    start(&cli, &["--set", "workers=1", "--set", "grace=300ms"], &["sh", "-c", stubborn]);
    let worker = cli.master("guest").children()[0];
    wait_until("what it started", || !worker.children().is_empty());
    let started = worker.children();
    cli.done(&["stop"]);
    wait_until("the end of both", || {
        !worker.lives() && started.iter().all(|process| !process.lives())
    });
}

#[test]
fn a_stop_signal_can_be_chosen() {
    let cli = Cli::new();
    let program = "trap 'exit 0' QUIT; trap '' TERM; while :; do sleep 0.02; done";
    let settings = ["--stop-signal", "QUIT", "--set", "workers=1", "--set", "grace=20s"];
    start(&cli, &settings, &["sh", "-c", program]);
    cli.done(&["stop"]);
    let log = std::fs::read_to_string(cli.path("state/guest.log")).unwrap();
    assert!(log.contains("worker 0 (generation 1) is done"), "{log}");
}

#[test]
fn what_cannot_work_is_said_at_the_start() {
    let cli = Cli::new();
    let refused = |settings: &[&str], program: &str, why: &str| {
        let given = ["start", "--name", "guest", "--listen", "127.0.0.1:0"];
        let said = cli.run(&[&given[..], settings, &["--", program]].concat());
        assert_ne!(said.code, Some(0), "{}", said.out);
        assert!(said.error.contains(why), "{why}: {}", said.error);
    };
    refused(&[], "no-such-program", "no folder of PATH has it");
    refused(&[], "/etc/passwd", "is not executable");
    refused(&["--set", "policy=rr"], "true", "its dispatcher hands sockets to workers");
    refused(&["--set", "policy=least-busy"], "true", "it goes by what workers count");
    refused(
        &["--set", "accept_wake=herd"],
        "true",
        "accept_wake is for programs that link evenkeel",
    );
    refused(&["--stop-signal", "KILL"], "true", "is no signal to stop by");
}
