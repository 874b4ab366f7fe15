//! Programs that do not link evenkeel, and take their listeners as `sd_listen_fds(3)` has it.

use std::fs;

use nix::sys::signal::Signal;

use crate::harness::cli::Cli;
use crate::harness::client;
use crate::harness::load::Load;
use crate::harness::privilege::is_installed;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;
use crate::pages::block_of;

const PROGRAMS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/clients");

pub(crate) fn installed(program: &str) -> bool {
    is_installed(program, &format!("a server of {program}"))
}

/// Starts a program on a port of the kernel's choice.
fn start(cli: &Cli, settings: &[&str], program: &[&str]) -> String {
    let given = ["start", "--name", "guest", "--listen", "127.0.0.1:0"];
    cli.done(&[&given[..], settings, &["--"], program].concat())
}

pub(crate) fn python() -> String {
    format!("{PROGRAMS}/listen_fds.py")
}

/// Under load of new connections: none is lost, whatever is done.
fn survives_everything(cli: &Cli) {
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
fn a_server_of_node_listens_on_descriptor_3() {
    if !installed("node") {
        return;
    }
    let cli = Cli::new();
    start(&cli, &["--set", "workers=2"], &["node", &format!("{PROGRAMS}/listen_fds.mjs")]);
    assert!(client::get(cli.port("guest"), "/").unwrap().text().starts_with("node "));
    survives_everything(&cli);
    cli.done(&["stop"]);
    cli.all_gone();
}

/// What is in flight there takes a while.
#[test]
fn the_guides_program_of_node_answers_what_is_in_flight() {
    if !installed("node") {
        return;
    }
    let cli = Cli::new();
    cli.write("app.mjs", &block_of("framework/src/guide/pm2.md", "import http"));
    start(&cli, &["--set", "workers=2"], &["node", "app.mjs"]);
    assert_eq!(client::get(cli.port("guest"), "/").unwrap().text(), "hello\n");
    survives_everything(&cli);
    cli.done(&["stop"]);
    cli.all_gone();
}

#[test]
fn a_program_that_listens_for_itself_is_told_what_it_has_to_do() {
    if !installed("node") {
        return;
    }
    let cli = Cli::new();
    let program = ["node", "-e", "require('http').createServer().listen(1, '192.0.2.1')"];
    let given = ["start", "--name", "guest", "--listen", "127.0.0.1:0", "--"];
    let said = cli.run(&[&given[..], &program].concat());
    assert_eq!(said.code, Some(1), "{}", said.error);
    assert!(
        said.error.contains("on the descriptors that it finds open, from 3 on"),
        "{}",
        said.error
    );
    cli.done(&["stop", "--now"]);
    cli.all_gone();
}

#[test]
fn gunicorn_is_a_worker_like_any_other() {
    if !installed("gunicorn") {
        return;
    }
    let cli = Cli::new();
    let folder = format!("--chdir={PROGRAMS}");
    let program = ["gunicorn", &folder, "--workers=1", "wsgi_app:app"];
    start(&cli, &["--set", "workers=1"], &program);
    assert_eq!(client::get(cli.port("guest"), "/").unwrap().text(), "gunicorn\n");
    let load = Load::start(cli.port("guest"), 2, "/");
    cli.done(&["reload"]);
    let count = load.stop();
    assert_eq!(count.failed(), 0, "{count:?}");
    let all: Vec<Process> =
        cli.master("guest").children().iter().flat_map(|arbiter| arbiter.children()).collect();
    cli.done(&["stop"]);
    cli.all_gone();
    wait_until("its own workers' end", || all.iter().all(|process| !process.lives()));
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

/// It is not asked whether it is ready: it has to live beside the one that serves before that one goes.
#[test]
fn a_program_that_fails_in_a_reload_replaces_nobody() {
    if !installed("python3") {
        return;
    }
    let cli = Cli::new();
    let good = fs::read_to_string(python()).unwrap();
    cli.write("server.py", &good);
    let program = cli.path("server.py");
    start(&cli, &["--set", "workers=2"], &["python3", program.to_str().unwrap()]);
    let workers = || {
        let status = &cli.json(&["status", "guest"])[0];
        let workers = status["status"]["workers"].as_array().unwrap().clone();
        workers.iter().map(|worker| worker["pid"].as_u64().unwrap()).collect::<Vec<_>>()
    };
    let before = workers();
    let load = Load::start(cli.port("guest"), 2, "/");
    cli.write("server.py", "raise SystemExit('it cannot begin')\n");
    for verb in ["reload", "upgrade"] {
        let said = cli.run(&[verb, "guest"]);
        assert_eq!(said.code, Some(1), "{} {}", said.out, said.error);
        assert!(said.error.contains("given up: worker 0"), "{}", said.error);
        assert_eq!(workers(), before, "after {verb}");
    }
    cli.write("server.py", &good);
    cli.done(&["reload", "guest"]);
    assert!(workers().iter().all(|pid| !before.contains(pid)));
    let count = load.stop();
    assert_eq!(count.failed(), 0, "{count:?}");
    cli.done(&["stop", "guest"]);
    cli.all_gone();
}
