//! A server that is measured: started on a free port, ended whatever happens.

use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// No server takes this long to start.
const START_MILLISECONDS: u16 = 10_000;

/// A running server.
pub(crate) struct Subject {
    pub(crate) name: &'static str,
    pub(crate) port: u16,
    master: Child,
}

/// What can be measured, in the order of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Evenkeel(&'static str, &'static [&'static str]),
    Node(&'static str, &'static str),
}

impl Kind {
    pub(crate) const ALL: [Self; 5] = [
        Self::Evenkeel("evenkeel none/reuseport", &["--policy", "none"]),
        Self::Evenkeel("evenkeel none/inherited", &["--listener", "inherited"]),
        Self::Evenkeel("evenkeel rr", &["--policy", "rr"]),
        Self::Node("node cluster rr", "rr"),
        Self::Node("node cluster none", "none"),
    ];

    /// Starts it; `None` if the program is not installed.
    pub(crate) fn start(self, workers: u16) -> Result<Option<Subject>> {
        let workers = workers.to_string();
        let (name, mut command) = match self {
            Self::Evenkeel(name, arguments) => {
                let mut command = Command::new(demo()?);
                command.args(["--port", "0", "--min-uptime", "0", "--workers", &workers]);
                command.args(arguments).env("RUST_LOG", "error");
                (name, command)
            }
            Self::Node(name, policy) => {
                let mut command = Command::new("node");
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/cluster.js");
                command.args([script, &workers, policy]);
                (name, command)
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        match command.spawn() {
            Ok(master) => Subject::listening(name, master).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot start {name}")),
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Evenkeel(name, _) | Self::Node(name, _) => name,
        }
    }
}

impl Subject {
    /// Reads the line in which each subject says its address.
    fn listening(name: &'static str, mut master: Child) -> Result<Self> {
        let out = master.stdout.take().context("its output is piped")?;
        let mut subject = Self { name, port: 0, master };
        let mut ready = [PollFd::new(out.as_fd(), PollFlags::POLLIN)];
        anyhow::ensure!(poll(&mut ready, START_MILLISECONDS)? > 0, "{name} does not start");
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line.split_once("http://").and_then(|(_, rest)| rest.split(' ').next());
        let port = address.and_then(|address| address.rsplit(':').next()?.parse().ok());
        subject.port = port.with_context(|| format!("{name} does not listen: {line:?}"))?;
        Ok(subject)
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        let pid = Pid::from_raw(i32::try_from(self.master.id()).unwrap_or(i32::MAX));
        // It has not been waited for, so the id is still its own. Workers end with their master.
        let _ = kill(pid, Signal::SIGQUIT);
        if self.name.starts_with("node") {
            let _ = self.master.kill();
        }
        let _ = self.master.wait();
    }
}

/// The demo, built beside this program with the same profile.
fn demo() -> Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let demo = bench.with_file_name("demo-app");
    let built = demo.exists();
    anyhow::ensure!(built, "{} is missing: cargo build --release -p demo-app", demo.display());
    Ok(demo)
}
