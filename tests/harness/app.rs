//! A program under test: started on a port of the kernel's choice, and ended with all its children.

use std::collections::BTreeSet;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{self, Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::JoinHandle;

use evenkeel::control::{self, Command, Reply, Status};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::client::{self, Answer};
use super::privilege::may_load_programs;
use super::process::Process;
use super::wait::{PATIENCE, wait_for, wait_until};

/// A running master. Dropping it ends it and its workers, also when the test panics.
pub(crate) struct App {
    child: Child,
    pub(crate) master: Process,
    pub(crate) port: u16,
    pub(crate) out: Output,
    pub(crate) log: Output,
    /// All children that were ever seen.
    seen: Mutex<BTreeSet<Process>>,
    /// Where its control socket is.
    folder: Option<TempDir>,
}

/// What a program has written so far.
#[derive(Clone, Default)]
pub(crate) struct Output {
    text: Arc<Mutex<Vec<u8>>>,
    complete: Arc<AtomicBool>,
}

/// Arguments for each way in which connections come to workers, as far as this process may use it.
pub(crate) fn intakes() -> Vec<&'static [&'static str]> {
    let mut all: Vec<&[&str]> = vec![
        NONE,
        &["--policy", "rr"],
        &["--listener", "inherited"],
        BLOCKING,
        &["--policy", "cpu"],
    ];
    if may_load_programs("policies kernel-rr and least-busy") {
        all.extend([KERNEL_RR, LEAST_BUSY]);
    }
    all
}

pub(crate) const NONE: &[&str] = &["--policy", "none"];
pub(crate) const KERNEL_RR: &[&str] = &["--policy", "kernel-rr"];
pub(crate) const LEAST_BUSY: &[&str] = &["--policy", "least-busy"];
/// A thread of each worker blocks in `accept`.
pub(crate) const BLOCKING: &[&str] = &["--listener", "inherited", "--accept-wake", "blocking"];

/// The demo, built once for all tests with the profile of the tests.
pub(crate) fn demo_path() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built("demo-app")).clone()
}

/// The program of this package, built with the profile of the tests.
pub(crate) fn built(package: &str) -> PathBuf {
    built_with(package, &[])
}

/// The same, with more arguments to cargo.
pub(crate) fn built_with(package: &str, arguments: &[&str]) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    // target/PROFILE/deps/TEST
    let directory = test.parent().unwrap().parent().unwrap().to_path_buf();
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut build = process::Command::new(cargo);
    build.args(["build", "--quiet", "--package", package]).args(arguments);
    build.arg("--target-dir").arg(directory.parent().unwrap());
    if directory.ends_with("release") {
        build.arg("--release");
    }
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../Cargo.toml");
    let status = build.arg("--manifest-path").arg(manifest).status().unwrap();
    assert!(status.success(), "{package} does not build");
    directory.join(package)
}

/// The demo with these arguments; the caller says which port.
pub(crate) fn demo(arguments: &[&str]) -> process::Command {
    let mut command = process::Command::new(demo_path());
    command.args(arguments);
    command
}

/// The program that misbehaves as its first argument says.
pub(crate) fn fixture(arguments: &[&str]) -> process::Command {
    let mut command = process::Command::new(env!("CARGO_BIN_EXE_fixture"));
    command.args(arguments);
    command
}

impl App {
    /// The demo on a free port, listening.
    pub(crate) fn demo(arguments: &[&str]) -> Self {
        Self::start(demo(arguments).args(["--port", "0"])).listening()
    }

    /// The demo on a free port, listening, and on a control socket.
    pub(crate) fn controlled(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::controlled_in(folder, demo(arguments).args(["--port", "0"]))
    }

    /// The same for any program with the demo's flags.
    pub(crate) fn controlled_in(folder: TempDir, command: &mut process::Command) -> Self {
        let control = folder.path().join("control");
        Self::in_folder(folder, command.arg("--control").arg(control))
    }

    /// A program that was told to have its control socket in this folder, with the name `control`.
    pub(crate) fn in_folder(folder: TempDir, command: &mut process::Command) -> Self {
        let mut app = Self::start(command);
        app.folder = Some(folder);
        app.listening()
    }

    /// Where its control socket is.
    pub(crate) fn control(&self) -> PathBuf {
        self.folder.as_ref().expect("a control socket").path().join("control")
    }

    /// Commands the master, and waits for the outcome.
    pub(crate) fn command(&self, command: Command) -> Reply {
        self.children();
        ask(&self.control(), command)
    }

    /// Commands something that is to succeed.
    pub(crate) fn done(&self, command: Command) {
        let reply = self.command(command);
        assert!(reply.ok, "{command}: {}", reply.text);
    }

    pub(crate) fn status(&self) -> Status {
        self.command(Command::Status {}).status.expect("a status")
    }

    /// Any program; it need not listen yet.
    pub(crate) fn start(command: &mut process::Command) -> Self {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.env_remove("RUST_LOG").env_remove("RUST_BACKTRACE");
        let mut child = command.spawn().unwrap();
        let master = wait_for("the process", || Process::of(child.id()));
        let out = Output::collect(child.stdout.take().unwrap());
        let log = Output::collect(child.stderr.take().unwrap());
        Self { child, master, port: 0, out, log, seen: Mutex::default(), folder: None }
    }

    /// Waits for the line that says the address.
    pub(crate) fn listening(mut self) -> Self {
        self.port = wait_for("the line with the address", || {
            assert!(self.master.lives(), "it ended: {}", self.log.text());
            let text = self.out.text();
            let (_, after) = text.split_once("listening on http://")?;
            let (address, _) = after.split_once([' ', '\n'])?;
            address.rsplit(':').next()?.parse().ok()
        });
        self
    }

    /// All children: workers and, under `rr`, the dispatcher.
    pub(crate) fn children(&self) -> Vec<Process> {
        let children = self.master.children();
        self.seen.lock().unwrap().extend(&children);
        children
    }

    /// The process of a worker or of the `dispatcher`, by the newest line in the log that names it.
    pub(crate) fn child_named(&self, name: &str) -> Option<Process> {
        self.children();
        let log = self.log.text();
        let line = log.lines().rfind(|line| {
            line.contains(&format!(" {name} (generation ")) && line.contains("is starting")
        })?;
        let pid = line.rsplit("pid=").next()?.trim().parse().ok()?;
        Process::of(pid)
    }

    pub(crate) fn dispatcher(&self) -> Process {
        wait_for("the dispatcher", || self.child_named("dispatcher"))
    }

    pub(crate) fn worker(&self, index: u16) -> Process {
        wait_for("the worker", || self.child_named(&format!("worker {index}")))
    }

    pub(crate) fn signal(&self, signal: Signal) {
        self.children();
        self.master.signal(signal);
    }

    pub(crate) fn get(&self, target: &str) -> Answer {
        client::get(self.port, target).unwrap_or_else(|failure| panic!("{target}: {failure:?}"))
    }

    /// Waits for the master's end and for that of all its children.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let status = wait_for("the master's end", || self.child.try_wait().unwrap());
        let seen = self.seen.lock().unwrap().clone();
        wait_until("the end of all children", || seen.iter().all(|process| !process.lives()));
        // Nobody can write any more: all that was written is here when the pipes have ended.
        let outputs = [&self.out, &self.log];
        wait_until("the last words", || outputs.iter().all(|output| output.complete.load(Relaxed)));
        status
    }

    /// Ends it as a user would, and checks that nothing is left.
    pub(crate) fn stop(mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.ended();
        assert_eq!(status.code(), Some(0), "{}", self.log.text());
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.children();
        self.master.signal(Signal::SIGKILL);
        let _ = self.child.wait();
        for process in self.seen.lock().unwrap().iter() {
            process.signal(Signal::SIGKILL);
        }
        if std::thread::panicking() {
            eprintln!("--- log of the program under test\n{}", self.log.text());
        }
    }
}

impl Output {
    fn collect(mut from: impl Read + Send + 'static) -> Self {
        let this = Self::default();
        let Self { text, complete } = this.clone();
        let _reader: JoinHandle<()> = std::thread::spawn(move || {
            let mut part = [0; 4096];
            while let Ok(count) = from.read(&mut part) {
                if count == 0 {
                    break;
                }
                text.lock().unwrap().extend_from_slice(&part[..count]);
            }
            complete.store(true, Relaxed);
        });
        this
    }

    /// All of it so far.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.text.lock().unwrap()).into_owned()
    }

    pub(crate) fn wait_for(&self, text: &str) {
        wait_until(&format!("{text:?} in the output"), || self.text().contains(text));
    }

    pub(crate) fn count(&self, text: &str) -> usize {
        self.text().matches(text).count()
    }
}

/// Commands a master, and waits for the outcome, but not for ever.
pub(crate) fn ask(control: &Path, command: Command) -> Reply {
    let mut client = control::Client::connect(control).unwrap();
    client.set_timeout(Some(PATIENCE)).unwrap();
    client.send(&command).unwrap_or_else(|error| panic!("{command}: {error}"))
}

/// Runs a program that ends by itself: its exit code, standard output and error.
pub(crate) fn run_to_end(command: &mut process::Command) -> (Option<i32>, String, String) {
    let mut app = App::start(command);
    let status = app.ended();
    (status.code(), app.out.text(), app.log.text())
}
