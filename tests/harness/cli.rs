//! The program `evenkeel`, with directories of its own, and an end to all that it started.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock};

use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use super::app::{built_with, demo_path};
use super::process::Process;
use super::wait::{wait_for, wait_until};

/// The program, built once for all tests.
pub(crate) fn evenkeel_path() -> PathBuf {
    static PATH: OnceLock<PathBuf> = OnceLock::new();
    PATH.get_or_init(|| built_with("evenkeel", &["--features", "evenkeel/cli"])).clone()
}

/// A user's place: a runtime and a state directory.
pub(crate) struct Cli {
    folder: TempDir,
    seen: Mutex<BTreeSet<Process>>,
}

/// What it said: exit code, output, error.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) error: String,
}

impl Cli {
    pub(crate) fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), seen: Mutex::default() }
    }

    /// One whose two applications run.
    pub(crate) fn two() -> Self {
        let cli = Self::new();
        cli.write_two();
        cli.done(&["start", "apps.toml"]);
        cli
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Any program, as this user runs it.
    pub(crate) fn program(&self, path: impl AsRef<Path>) -> Command {
        let mut command = Command::new(path.as_ref());
        command.current_dir(self.folder.path());
        command.env("EVENKEEL_RUNTIME_DIR", self.path("run"));
        command.env("EVENKEEL_STATE_DIR", self.path("state"));
        for name in ["RUST_LOG", "RUST_BACKTRACE", "NO_COLOR", "EVENKEEL_CONTROL"] {
            command.env_remove(name);
        }
        command
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.program(evenkeel_path());
        command.args(arguments);
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().unwrap();
        self.look();
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        Said { code: output.status.code(), out: text(output.stdout), error: text(output.stderr) }
    }

    /// Something that is to succeed; its output.
    pub(crate) fn done(&self, arguments: &[&str]) -> String {
        let said = self.run(arguments);
        assert_eq!(said.code, Some(0), "{arguments:?}: {}{}", said.out, said.error);
        said.out
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let out = self.done(&[arguments, &["--json"]].concat());
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{error}: {out}"))
    }

    pub(crate) fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// A file with two demos, each on a port of the kernel's choice.
    pub(crate) fn write_two(&self) {
        let demo = demo_path();
        let app = |name: &str| {
            format!(
                "[app.{name}]\nprogram = {:?}\nlisten = \"127.0.0.1:0\"\nworkers = 2\n",
                demo.display().to_string()
            )
        };
        self.write("apps.toml", &format!("{}{}", app("shop"), app("blog")));
    }

    /// What the master of an application says of itself.
    pub(crate) fn record(&self, name: &str) -> Option<Value> {
        let bytes = fs::read(self.path("run").join(name).join("app.json")).ok()?;
        serde_json::from_slice(&bytes).ok()
    }

    pub(crate) fn master(&self, name: &str) -> Process {
        wait_for("the master", || {
            let record = self.record(name)?;
            let pid = u32::try_from(record["pid"].as_u64()?).ok()?;
            let process = Process::of(pid)?;
            (process.started() == record["started"].as_u64()?).then_some(process)
        })
    }

    pub(crate) fn port(&self, name: &str) -> u16 {
        wait_for("the address", || {
            let record = self.record(name)?;
            record["addresses"][0].as_str()?.rsplit(':').next()?.parse().ok()
        })
    }

    /// Remembers who is there.
    fn look(&self) {
        let mut seen = self.seen.lock().unwrap();
        for entry in fs::read_dir(self.path("run")).into_iter().flatten().flatten() {
            let name = entry.file_name().into_string().unwrap();
            let record = self.record(&name);
            let pid = record.and_then(|record| record["pid"].as_u64());
            let process = pid.and_then(|pid| Process::of(u32::try_from(pid).ok()?));
            if let Some(process) = process {
                seen.insert(process);
                seen.extend(process.children());
            }
        }
    }

    /// All that was seen is gone.
    pub(crate) fn all_gone(&self) {
        let seen = self.seen.lock().unwrap().clone();
        wait_until("the end of all processes", || seen.iter().all(|process| !process.lives()));
    }
}

impl Drop for Cli {
    fn drop(&mut self) {
        self.look();
        for process in self.seen.lock().unwrap().iter() {
            process.children().iter().for_each(|child| child.signal(Signal::SIGKILL));
            process.signal(Signal::SIGKILL);
        }
    }
}
