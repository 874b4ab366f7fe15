//! What workers write: where it goes, what is never lost, and that the master has nothing to do with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use evenkeel::control::{Command, Status};
use nix::sys::signal::Signal;

use crate::harness::app::{App, ask, demo, demo_path, run_to_end};
use crate::harness::client;
use crate::harness::privilege::is_root;
use crate::harness::process::Process;
use crate::harness::wait::{wait_for, wait_until};

/// A program that writes lines, and the folder for them.
pub(crate) struct Lines {
    pub(crate) app: App,
    pub(crate) folder: tempfile::TempDir,
}

impl Lines {
    /// `kind`: `merged` (four workers) or `each` (two).
    pub(crate) fn start(kind: &str, further: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Program::new(env!("CARGO_BIN_EXE_lines"));
        program.arg(folder.path().join("control")).arg(kind).arg(folder.path().join("out.log"));
        let app = App::start(program.args(further)).listening();
        let lines = Self { app, folder };
        wait_until("all workers", || {
            let status = lines.status();
            status.workers_ready == status.workers_wanted
        });
        lines
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn done(&self, command: Command) {
        self.app.children();
        let reply = ask(&self.path("control"), command);
        assert!(reply.ok, "{command}: {}", reply.text);
    }

    pub(crate) fn status(&self) -> Status {
        self.app.children();
        ask(&self.path("control"), Command::Status {}).status.expect("a status")
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap_or_default()
    }

    /// Asks until each worker has answered, and says what they said.
    pub(crate) fn ask_all(&self, target: &str) -> BTreeSet<String> {
        let mut heard = BTreeSet::new();
        let workers = usize::from(self.status().workers_wanted);
        wait_until("an answer of each worker", || {
            heard.insert(self.app.get(target).text());
            heard.len() == workers
        });
        heard
    }
}

/// What descriptors 1 and 2 of a process are.
pub(crate) fn outputs(process: Process) -> [PathBuf; 2] {
    let pid = process.pid;
    ["1", "2"].map(|fd| fs::read_link(format!("/proc/{pid}/fd/{fd}")).unwrap_or_default())
}

#[test]
fn standard_output_and_error_of_all_workers_are_one_file() {
    let lines = Lines::start("merged", &[]);
    let who = lines.ask_all("/line");
    let text = lines.read("out.log");
    for who in &who {
        assert!(
            text.contains(&format!("\nout {who}\n")) && text.contains(&format!("\nerr {who}\n"))
        );
    }
    assert!(text.starts_with("begin "), "{text}");
    let log = lines.path("out.log");
    assert!(lines.app.children().iter().all(|child| outputs(*child) == [log.clone(), log.clone()]));
    assert!(!lines.app.out.text().contains("begin "), "{}", lines.app.out.text());
    let status = lines.status();
    assert_eq!((status.outputs.len(), status.outputs[0].name.as_str()), (1, "all"));
    assert_eq!(status.outputs[0].path, log);
    lines.app.stop();
}

/// Octets that a process has read and written (`proc_pid_io`).
fn octets(process: Process) -> Vec<String> {
    let text = fs::read_to_string(format!("/proc/{}/io", process.pid)).unwrap();
    text.lines().filter(|line| line.contains("char:")).map(str::to_owned).collect()
}

#[test]
fn no_line_goes_through_the_master() {
    let lines = Lines::start("merged", &[]);
    lines.app.master.signal(Signal::SIGSTOP);
    wait_until("it to stand still", || lines.app.master.is_stopped());
    let before = octets(lines.app.master);
    for _ in 0..5 {
        lines.app.get("/thousand");
    }
    assert_eq!(lines.read("out.log").matches("line 999 ").count(), 5);
    assert_eq!(octets(lines.app.master), before);
    lines.app.master.signal(Signal::SIGCONT);
    lines.app.stop();
}

#[test]
fn the_last_line_before_any_end_is_there() {
    for end in ["/panic", "/abort", "/raise", "/exit"] {
        let lines = Lines::start("merged", &[]);
        let _ = client::get(lines.app.port, end);
        wait_until(end, || lines.read("out.log").contains("last words of "));
        lines.app.stop();
    }
}

#[test]
fn a_line_is_there_when_its_writer_is_killed_a_moment_later() {
    let lines = Lines::start("each", &[]);
    let worker = wait_for("the worker", || lines.app.child_named("worker 0"));
    wait_until("its line", || lines.app.get("/line").text() == "0.1");
    worker.signal(Signal::SIGKILL);
    wait_until("the successor", || lines.read("out-0.log").contains("begin 0.2\n"));
    let text = lines.read("out-0.log");
    let (out, err) = (text.find("out 0.1\n").unwrap(), text.rfind("err 0.1\n").unwrap());
    assert!(out < err && err < text.find("begin 0.2\n").unwrap(), "{text}");
    lines.app.stop();
}

#[test]
fn a_file_of_a_slot_goes_on_over_death_reload_and_upgrade() {
    let lines = Lines::start("each", &[]);
    wait_for("the worker", || lines.app.child_named("worker 1")).signal(Signal::SIGKILL);
    wait_until("the successor", || {
        let status = lines.status();
        status.workers_ready == 2 && status.workers[1].generation == 2
    });
    lines.done(Command::Reload {});
    lines.done(Command::Upgrade {});
    for (name, who) in [("out-0.log", ["0.1", "0.2", "0.3"]), ("out-1.log", ["1.1", "1.2", "1.3"])]
    {
        let text = lines.read(name);
        let begins: Vec<&str> = text.lines().filter_map(|it| it.strip_prefix("begin ")).collect();
        assert_eq!(begins[..3], who, "{text}");
    }
    assert_eq!(lines.read("out-1.log").matches("begin 1.").count(), 4);
    let names: Vec<String> = lines.status().outputs.into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["worker 0", "worker 1"]);
    lines.app.stop();
}

#[test]
fn a_line_of_a_logger_says_whose_it_is_in_text_and_in_json() {
    let folder = tempfile::tempdir().unwrap();
    for format in ["text", "json"] {
        let path = folder.path().join(format);
        let mut program = Program::new("env");
        program.arg("RUST_LOG=evenkeel=trace").arg(demo_path());
        program.args(["--port", "0", "--workers", "1", "--log-format", format, "--output"]);
        let app = App::start(program.arg(&path)).listening();
        app.get("/");
        let read = || fs::read_to_string(&path).unwrap_or_default();
        let line = wait_for("the line", || {
            read().lines().find(|it| it.contains("answered")).map(str::to_owned)
        });
        let pid = app.children()[0].pid;
        if format == "json" {
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            let span = &value["span"];
            assert_eq!((&span["name"], &span["slot"]), (&"worker".into(), &0.into()), "{line}");
            assert_eq!((&span["generation"], &span["pid"]), (&1.into(), &pid.into()), "{line}");
        } else {
            let whose = format!("worker{{slot=0 generation=1 pid={pid}}}: ");
            assert!(line.contains(&whose) && !line.contains('\x1b'), "{line}");
        }
        app.stop();
    }
}

#[test]
fn an_output_that_cannot_be_written_is_an_error_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let refused = |path: &Path, further: &[&str]| {
        let mut command = demo(&["--port", "0", "--output", path.to_str().unwrap()]);
        let (code, _, log) = run_to_end(command.args(further));
        (code, log)
    };
    let missing = folder.path().join("not-there/log");
    for (path, further, why) in [
        (missing.as_path(), &[][..], "its folder must be there"),
        (folder.path(), &[], "name a file in it"),
        (Path::new("/dev/full"), &[], "it is no regular file"),
        (
            &folder.path().join("log"),
            &["--output-max", "1", "--output-keep", "0"],
            "choose at least",
        ),
    ] {
        let (code, log) = refused(path, further);
        assert!(code == Some(64) && log.contains(why), "{path:?}: {code:?} {log}");
    }
}

/// Needs root, to become somebody else.
#[test]
fn an_output_that_this_user_may_not_write_is_an_error_at_the_start() {
    if !is_root("an output that another user may not write") {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let mode = std::os::unix::fs::PermissionsExt::from_mode;
    fs::set_permissions(folder.path(), mode(0o755)).unwrap();
    let program = folder.path().join("demo");
    fs::copy(demo_path(), &program).unwrap();
    let file = folder.path().join("log");
    let refused = |further: &[&str]| {
        let mut nobody = Program::new("setpriv");
        nobody.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&program);
        nobody.args(["--port", "0", "--output"]).arg(&file).args(further);
        let (code, _, log) = run_to_end(&mut nobody);
        assert!(code == Some(77) && log.contains("that this user may write to"), "{code:?} {log}");
    };
    refused(&[]);
    // Written it may be, but not moved.
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, mode(0o666)).unwrap();
    refused(&["--output-max", "1"]);
}
