//! As whom workers run, what they are left with, and what is refused to them.

mod calls;
pub(crate) mod limits;
mod security_page;

use std::collections::BTreeSet;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command as Program;

use evenkeel::control::Command;
use nix::sys::signal::Signal;

use crate::harness::app::{App, demo, demo_path, intakes, run_to_end};
use crate::harness::installed::Installed;
use crate::harness::privilege::is_root;
use crate::harness::process::{Process, listening};
use crate::harness::wait::wait_until;

/// A user that every Linux has, and its number in Debian and its relatives.
const NOBODY: &str = "nobody";

/// A line of `proc_pid_status(5)`, for each thread of the process: they are all to say the same.
pub(crate) fn field(process: Process, name: &str) -> String {
    let threads = fs::read_dir(format!("/proc/{}/task", process.pid)).unwrap();
    let lines: BTreeSet<String> = threads
        .map(|thread| {
            let status = fs::read_to_string(thread.unwrap().path().join("status")).unwrap();
            let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
            line.trim_start_matches(':').split_whitespace().collect::<Vec<_>>().join(" ")
        })
        .collect();
    assert_eq!(lines.len(), 1, "threads of {process:?} differ in {name}: {lines:?}");
    lines.into_iter().next().unwrap()
}

fn asked(program: &str, arguments: &[&str]) -> String {
    let output = Program::new(program).args(arguments).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

const SETS: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

fn has_no_capability(process: Process, sets: &[&str]) {
    for set in sets {
        assert_eq!(field(process, set).trim_matches('0'), "", "{set} of {process:?}");
    }
}

fn is_nobody(process: Process) {
    let [user, group] = ["-u", "-g"].map(|what| asked("id", &[what, NOBODY]));
    assert_eq!(field(process, "Uid"), [&*user; 4].join(" "));
    assert_eq!(field(process, "Gid"), [&*group; 4].join(" "));
    assert_eq!(field(process, "Groups"), asked("id", &["-G", NOBODY]));
    assert_eq!(field(process, "NoNewPrivs"), "1");
    has_no_capability(process, &SETS);
}

/// The first port below 1024 that is free, from the top.
fn privileged_port() -> String {
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (1..1024).rev().find(free).expect("a free port").to_string()
}

#[test]
fn workers_are_another_user_with_no_privilege_left_and_the_master_stays_who_it_is() {
    if !is_root("workers of another user") {
        return;
    }
    for arguments in intakes() {
        let own = ["--workers", "2", "--user", NOBODY, "--admin", "127.0.0.1:0"];
        let app = App::controlled(&[&own, arguments].concat());
        for _ in 0..2 {
            assert_eq!(app.get("/").status, 200, "{arguments:?}");
            app.children().into_iter().for_each(is_nobody);
            assert_eq!(field(app.master, "Uid"), "0 0 0 0");
            assert_eq!(field(app.master, "NoNewPrivs"), "0");
            assert_ne!(field(app.master, "CapEff").trim_matches('0'), "");
            // A program that came by an upgrade is root as well, and its workers are not.
            app.done(Command::Upgrade {});
        }
        // The master may signal them.
        app.stop();
    }
}

/// Each slot's listener belongs to a group of one user, and its port is not for everybody.
#[test]
fn new_slots_join_the_group_of_a_privileged_port_as_who_opened_it() {
    if !is_root("a port below 1024 with workers of another user") {
        return;
    }
    let port = privileged_port();
    let arguments = ["--workers", "1", "--user", NOBODY, "--port", &port];
    let mut app = App::start(demo(&arguments).args(["--policy", "none"])).listening();
    for signal in [Signal::SIGTTIN, Signal::SIGHUP, Signal::SIGTTIN] {
        let before = app.log.count("is ready");
        app.signal(signal);
        wait_until("a new worker", || app.log.count("is ready") > before);
    }
    let killed = app.worker(1);
    killed.signal(Signal::SIGKILL);
    wait_until("its successor", || app.worker(1) != killed);
    wait_until("all three to answer", || {
        let workers: BTreeSet<u16> = (0..12).map(|_| app.get("/").worker()).collect();
        workers.len() == 3
    });
    app.children().into_iter().for_each(is_nobody);
    app.signal(Signal::SIGTERM);
    assert_eq!(app.ended().code(), Some(0));
}

/// A change of user makes the kernel forget to end a child with its parent.
#[test]
fn a_worker_of_another_user_that_is_not_ready_ends_with_its_master() {
    if !is_root("a worker of another user whose master is killed") {
        return;
    }
    let mut command = Program::new(env!("CARGO_BIN_EXE_guarded"));
    let mut app = App::start(command.args(["user=nobody", "never-ready"]));
    let worker = app.worker(0);
    wait_until("it to be in the start closure", || app.log.text().contains("starts for ever"));
    is_nobody(worker);
    app.signal(Signal::SIGKILL);
    // Waits for the children, too.
    app.ended();
}

#[test]
fn without_any_wish_workers_renounce_privileges_and_keep_no_capability() {
    let app = App::demo(&["--workers", "1", "--policy", "rr"]);
    for child in app.children() {
        assert_eq!(field(child, "NoNewPrivs"), "1");
        has_no_capability(child, &["CapInh", "CapPrm", "CapEff", "CapAmb"]);
        assert_eq!(field(child, "Uid"), field(app.master, "Uid"));
    }
    assert_eq!(field(app.master, "NoNewPrivs"), "0");
    app.stop();
}

#[test]
fn what_is_to_be_kept_is_kept() {
    let start = |argument: &str| {
        App::start(Program::new(env!("CARGO_BIN_EXE_guarded")).arg(argument)).listening()
    };
    let app = start("new-privileges");
    assert_eq!(field(app.worker(0), "NoNewPrivs"), field(app.master, "NoNewPrivs"));
    has_no_capability(app.worker(0), &["CapPrm", "CapEff"]);
    assert_eq!(field(app.worker(0), "CapBnd"), field(app.master, "CapBnd"), "sudo needs them");
    app.stop();
    let app = start("capabilities");
    assert_eq!(field(app.worker(0), "NoNewPrivs"), "1");
    for set in SETS {
        assert_eq!(field(app.worker(0), set), field(app.master, set), "{set}");
    }
    app.stop();
}

#[test]
fn who_may_not_change_the_user_is_told_and_who_is_that_user_already_needs_no_privilege() {
    if !is_root("a start as another user that names a user") {
        return;
    }
    let installed = Installed::new();
    let mut command = installed.as_nobody(&[], &["--user", "daemon"]);
    let (code, out, text) = run_to_end(&mut command);
    assert_eq!((code, &*out), (Some(77), ""), "{text}");
    for word in ["daemon", "CAP_SETUID, CAP_SETGID, CAP_KILL", "start the server as root"] {
        assert!(text.contains(word), "{word} in {text}");
    }
    // By number: setpriv gives it no other group.
    let already = ["--workers", "1", "--user", "65534", "--group", "65534"];
    let app = App::start(&mut installed.as_nobody(&[], &already)).listening();
    assert_eq!(app.get("/").status, 200);
    app.stop();
}

#[test]
fn a_user_that_is_not_there_is_an_error_of_the_settings() {
    for (arguments, word) in [
        (&["--user", "no such user"][..], "getent passwd"),
        (&["--user", "root", "--group", "no such group"], "getent group"),
        (&["--user", "3123456789"], "say the group, too"),
        (&["--user", "4294967295", "--group", "0"], "there is no user"),
    ] {
        let (code, _, text) = run_to_end(demo(arguments).args(["--port", "0"]));
        assert_eq!(code, Some(64), "{text}");
        assert!(text.contains(word), "{text}");
    }
}

/// In a user namespace with one user the kernel refuses others, in the child only: no worker can ever run.
#[test]
fn a_child_that_cannot_be_left_with_what_was_wished_does_not_run() {
    for policy in ["none", "rr"] {
        let mut command = Program::new("unshare");
        command.args(["--map-root-user", "--"]).arg(demo_path()).args(["--policy", policy]);
        command.args(["--port", "0", "--user", "4711", "--group", "4711"]);
        let (code, out, text) = run_to_end(&mut command);
        assert_eq!(code, Some(78), "{text}");
        assert!(!out.contains("listening"), "{out}");
        assert!(text.contains("cannot change to the groups of user 4711"), "{text}");
    }
}

/// What it says is not understood and passed over, and its socket is not given to its successor.
#[test]
fn a_worker_that_lies_to_its_master_harms_nobody_but_itself() {
    let mut command = Program::new(env!("CARGO_BIN_EXE_guarded"));
    let app = App::start(command.arg("no-wish")).listening();
    assert_eq!(app.get("/rogue").status, 200);
    app.log.wait_for("something that is not understood");
    app.log.wait_for("sent a socket that is not its listener: it is closed");
    let before = listening(app.port).len();
    app.signal(Signal::SIGTTIN);
    app.log.wait_for("worker 1 (generation 1) is ready");
    let liar = app.worker(0);
    liar.signal(Signal::SIGKILL);
    app.log.wait_for("worker 0 (generation 2) is ready");
    assert_eq!(listening(app.port).len(), before + 1);
    (0..20).for_each(|_| assert_eq!(app.get("/").status, 200));
    app.stop();
}

/// The log belongs to those who write it, and root writes nothing where others may put links.
#[test]
fn an_access_log_is_made_by_who_writes_it_or_the_start_says_why_not() {
    if !is_root("an access log of workers of another user") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("access.log");
    let path = log.to_str().unwrap();
    let arguments = ["--workers", "1", "--user", NOBODY, "--access-log", path];
    // The folder is root's.
    let (code, _, text) = run_to_end(demo(&arguments).args(["--port", "0"]));
    assert_eq!(code, Some(77), "{text}");
    assert!(text.contains("the user of the workers"), "{text}");
    assert!(!log.exists());
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let app = App::demo(&arguments);
    assert_eq!(app.get("/").status, 200);
    app.stop();
    assert_eq!(fs::metadata(&log).unwrap().uid().to_string(), asked("id", &["-u", NOBODY]));
    assert_eq!(fs::read_to_string(&log).unwrap().lines().count(), 1);
}
