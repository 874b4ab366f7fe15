//! The control socket, and the command line that speaks over it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Command as Program;

use evenkeel::control::{Command, Scale};
use nix::sys::signal::Signal;

use crate::harness::app::{App, demo, fixture, run_to_end};
use crate::harness::cli::evenkeel_path;
use crate::harness::client::Client;
use crate::harness::privilege::is_root;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;

/// What the command line says: exit code, output, error.
fn evenkeel(control: &Path, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut program = Program::new(evenkeel_path());
    let output = program.arg("--control").arg(control).args(arguments).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

#[test]
fn each_verb_waits_for_its_outcome_and_ends_with_it() {
    let mut app = App::controlled(&["--workers", "2"]);
    let control = app.control();
    let old: Vec<Process> = app.children();
    let (code, out, _) = evenkeel(&control, &["reload"]);
    assert_eq!((code, out.as_str()), (Some(0), "reload done: all workers are new\n"));
    assert!(old.iter().all(|worker| !worker.lives()));

    let (code, out, _) = evenkeel(&control, &["scale", "+2"]);
    assert_eq!((code, out.as_str()), (Some(0), "4 workers serve\n"));
    assert_eq!(app.children().len(), 4);
    let (code, out, _) = evenkeel(&control, &["scale", "1"]);
    assert_eq!((code, out.as_str()), (Some(0), "1 worker serves\n"));
    assert_eq!(app.children().len(), 1);
    let (code, _, error) = evenkeel(&control, &["scale", "-1"]);
    assert_eq!(code, Some(1));
    assert_eq!(error, "error: nothing is changed: there can be 1 to 256 workers\n");

    let (code, out, _) = evenkeel(&control, &["upgrade"]);
    assert_eq!((code, out.as_str()), (Some(0), "upgrade done: all workers are new\n"));

    app.get("/");
    let (code, out, _) = evenkeel(&control, &["status"]);
    assert_eq!(code, Some(0));
    let lines: Vec<&str> = out.lines().collect();
    let pid = app.master.pid;
    let port = app.port;
    let head =
        format!("master {pid} on 127.0.0.1:{port}, policy none, running: 1 of 1 workers ready");
    assert_eq!(lines[0], head);
    assert!(lines[1].contains("connections") && lines[2].contains("ready"), "{out}");
    let (_, out, _) = evenkeel(&control, &["status", "--json"]);
    let json: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!(json[0]["status"]["workers"][0]["requests"], 1);

    let (code, out, _) = evenkeel(&control, &["stop"]);
    assert_eq!((code, out.as_str()), (Some(0), "stopped: all workers are gone\n"));
    assert_eq!(app.ended().code(), Some(0));
    assert!(!control.exists(), "the socket is removed");
    let (code, _, error) = evenkeel(&control, &["status"]);
    assert_eq!(code, Some(69));
    assert!(error.contains("is not there: no master runs"), "{error}");
}

#[test]
fn a_verb_that_fails_says_why_and_ends_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let control = folder.path().join("control");
    let mut command = fixture(&["fail-from-the-third-on", control.to_str().unwrap()]);
    let app = App::start(&mut command).listening();
    assert_eq!(evenkeel(&control, &["reload"]).0, Some(0));
    let (code, _, error) = evenkeel(&control, &["reload"]);
    assert_eq!(code, Some(1));
    assert!(error.contains("no more licences"), "{error}");
    let (code, _, error) = evenkeel(&control, &["upgrade"]);
    assert_eq!(code, Some(1), "{error}");
    app.stop();
}

#[test]
fn a_stop_drains_and_a_stop_now_does_not() {
    let mut app = App::controlled(&["--workers", "1"]);
    let mut sleeper = Client::connect(app.port).unwrap();
    sleeper.ask("/sleep?ms=500").unwrap();
    wait_until("the handler", || app.worker(0).sleeps_in_handler());
    // A repeated order is not a more urgent one, as a repeated signal is.
    let control = app.control();
    let stops: Vec<_> = (0..2)
        .map(|_| {
            let control = control.clone();
            std::thread::spawn(move || evenkeel(&control, &["stop"]))
        })
        .collect();
    assert_eq!(sleeper.answer().map(|answer| answer.status), Ok(200));
    for stop in stops {
        assert_eq!(stop.join().unwrap().0, Some(0));
    }
    assert_eq!(app.ended().code(), Some(0));

    let mut app = App::controlled(&["--workers", "1"]);
    let mut sleeper = Client::connect(app.port).unwrap();
    sleeper.ask("/sleep?ms=60000").unwrap();
    wait_until("the handler", || app.worker(0).sleeps_in_handler());
    assert_eq!(evenkeel(&app.control(), &["stop", "--now"]).0, Some(0));
    assert!(sleeper.answer().is_err());
    assert_eq!(app.ended().code(), Some(0));
}

#[test]
fn the_socket_is_for_its_user_only_and_each_command_is_in_the_log() {
    let app = App::controlled(&["--workers", "1"]);
    let found = fs::metadata(app.control()).unwrap();
    assert!(found.file_type().is_socket());
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    app.done(Command::Scale { workers: Scale::To(2) });
    let uid = nix::unistd::geteuid();
    let pid = std::process::id();
    app.log.wait_for(&format!("control: scale 2, by uid {uid}, process {pid} ("));
    app.stop();
}

/// Needs root, to become somebody else.
#[test]
fn another_user_is_refused() {
    if !is_root("a command of another user") {
        return;
    }
    let app = App::controlled(&["--workers", "1"]);
    // Even where the file system would let him.
    fs::set_permissions(app.control(), fs::Permissions::from_mode(0o666)).unwrap();
    let folder = app.control().parent().unwrap().to_owned();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
    // Where he may run it.
    let program = folder.join("evenkeel");
    fs::copy(evenkeel_path(), &program).unwrap();
    let mut nobody = Program::new("setpriv");
    nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(program);
    let output = nobody.arg("--control").arg(app.control()).arg("stop").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(77), "{error}");
    assert!(error.contains("only root and the user of the master may command it"), "{error}");
    app.log.wait_for("control: refused to uid 65534");
    assert_eq!(app.get("/").status, 200);
    app.stop();
}

#[test]
fn what_is_no_command_is_answered_and_does_no_harm() {
    let app = App::controlled(&["--workers", "1"]);
    let ask = |line: &[u8]| {
        let mut stream = UnixStream::connect(app.control()).unwrap();
        // What is too long is cut off.
        let sent = stream.write_all(line);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        let read = stream.read_to_string(&mut answer);
        assert!(line.len() > 1024 || sent.and(read).is_ok());
        answer
    };
    assert!(ask(b"{\"command\":\"dance\"}\n").contains("unknown variant `dance`"));
    assert!(ask(b"reload\n").contains("this is no command"));
    assert!(ask(b"\xff\xfe\n").contains("this is no command"));
    assert_eq!(ask(b""), "");
    assert_eq!(ask(&vec![b'x'; 100_000]), "", "too long for a command");
    // One that sends nothing more still gets its answer.
    assert!(ask(b"{\"command\":\"reload\"}\n").contains("reload done"));
    assert!(app.status().pid > 0);
    app.stop();
}

#[test]
fn many_who_only_hold_a_place_do_not_keep_others_out() {
    let app = App::controlled(&["--workers", "1"]);
    let idle: Vec<UnixStream> =
        (0..100).map(|_| UnixStream::connect(app.control()).unwrap()).collect();
    assert!(app.status().pid > 0);
    assert!(app.master.descriptors().len() < 70, "they are not all kept");
    drop(idle);
    app.stop();
}

#[test]
fn a_caller_that_goes_away_leaves_the_command_and_the_master_alone() {
    let app = App::controlled(&["--workers", "2"]);
    for _ in 0..40 {
        let mut stream = UnixStream::connect(app.control()).unwrap();
        stream.write_all(b"{\"command\":\"reload\"}\n").unwrap();
    }
    wait_until("a reload", || app.status().rollouts > 0);
    app.done(Command::Reload {});
    app.stop();
}

#[test]
fn the_master_sleeps_while_a_caller_waits() {
    let app = App::controlled(&["--workers", "1"]);
    let mut sleeper = Client::connect(app.port).unwrap();
    sleeper.ask("/sleep?ms=1000").unwrap();
    wait_until("the handler", || app.worker(0).sleeps_in_handler());
    let mut stream = UnixStream::connect(app.control()).unwrap();
    stream.write_all(b"{\"command\":\"reload\"}\n").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    app.log.wait_for("worker 0 (generation 2) is ready");
    let switches = app.master.context_switches();
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).unwrap();
    assert!(answer.contains("reload done"), "{answer}");
    let switches = app.master.context_switches() - switches;
    assert!(switches < 20, "it woke {switches} times while it had nothing to do");
    app.stop();
}

#[test]
fn a_socket_that_a_dead_master_left_is_replaced_and_a_living_ones_is_not() {
    let mut first = App::controlled(&["--workers", "1"]);
    let control = first.control();
    let second = |path: &Path| {
        let mut command = demo(&["--workers", "1", "--port", "0", "--control"]);
        command.arg(path);
        command
    };
    let (code, _, log) = run_to_end(&mut second(&control));
    assert_eq!(code, Some(69));
    assert!(
        log.contains("another process listens there; stop it, or choose another path"),
        "{log}"
    );
    first.signal(Signal::SIGKILL);
    first.ended();
    assert!(control.exists());
    let (code, _, error) = evenkeel(&control, &["status"]);
    assert_eq!(code, Some(69));
    assert!(error.contains("its master is dead"), "{error}");
    let app = App::start(&mut second(&control)).listening();
    assert_eq!(evenkeel(&control, &["status"]).0, Some(0));
    app.stop();
}

#[test]
fn a_path_that_cannot_be_is_refused_with_the_mend() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    fs::write(&file, "precious").unwrap();
    let refused = |path: &Path, code: i32, text: &str| {
        let mut command = demo(&["--workers", "1", "--port", "0", "--control"]);
        let (found, _, log) = run_to_end(command.arg(path));
        assert_eq!(found, Some(code), "{log}");
        assert!(log.contains(text), "{log}");
    };
    refused(&file, 64, "it exists, and is no socket; choose another path");
    assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    refused(&folder.path().join("no/folder"), 64, "its folder must be there before the start");
}
