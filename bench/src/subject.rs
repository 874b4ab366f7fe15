//! A server that is measured: started on a free port, ended whatever happens.

use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result};
use evenkeel::{AcceptWake, Listener, Policy};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// No server takes this long to start.
const START_MILLISECONDS: u16 = 10_000;

/// A running server.
pub(crate) struct Subject {
    pub(crate) name: String,
    pub(crate) port: u16,
    master: Child,
}

/// What can be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kind {
    pub(crate) name: String,
    program: Program,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Program {
    /// The demo, with these flags.
    Evenkeel(Vec<String>),
    /// Node's cluster, with this scheduling policy.
    Node(&'static str),
}

impl Kind {
    /// Everything, in the order of the tables. The framework's own types say what it can do.
    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for policy in Policy::ALL {
            for listener in policy.listeners() {
                let name = format!("evenkeel {policy}/{listener}");
                let flags = vec![format!("--policy={policy}"), format!("--listener={listener}")];
                if (*policy, *listener) != (Policy::None, Listener::Inherited) {
                    all.push(Self { name, program: Program::Evenkeel(flags) });
                    continue;
                }
                for wake in AcceptWake::ALL {
                    let wake_flag = format!("--accept-wake={wake}");
                    let flags = flags.iter().cloned().chain([wake_flag]).collect();
                    let name = format!("{name} {wake}");
                    all.push(Self { name, program: Program::Evenkeel(flags) });
                }
            }
        }
        let node = |policy| Self {
            name: format!("node cluster {policy}"),
            program: Program::Node(policy),
        };
        all.extend([node("rr"), node("none")]);
        all
    }

    /// New connections, one after the other, come to each worker sooner or later. An exclusive
    /// wake-up prefers the same few.
    pub(crate) fn meets_every_worker(&self) -> bool {
        !self.name.ends_with(&AcceptWake::Exclusive.to_string())
    }

    /// Starts it; `None` if the program is not installed.
    pub(crate) fn start(&self, workers: u16) -> Result<Option<Subject>> {
        let workers = workers.to_string();
        let name = &self.name;
        let mut command = match &self.program {
            Program::Evenkeel(flags) => {
                let mut command = Command::new(demo()?);
                command.args(["--port", "0", "--min-uptime", "0", "--workers", &workers]);
                command.args(flags).env("RUST_LOG", "error");
                command
            }
            Program::Node(policy) => {
                let mut command = Command::new("node");
                let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/cluster.js");
                command.args([script, &workers, policy]);
                command
            }
        };
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        match command.spawn() {
            Ok(master) => Subject::listening(name.clone(), master).map(Some),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot start {name}")),
        }
    }
}

impl Subject {
    /// Reads the line in which each subject says its address.
    fn listening(name: String, mut master: Child) -> Result<Self> {
        let out = master.stdout.take().context("its output is piped")?;
        let mut subject = Self { name, port: 0, master };
        let mut ready = [PollFd::new(out.as_fd(), PollFlags::POLLIN)];
        anyhow::ensure!(
            poll(&mut ready, START_MILLISECONDS)? > 0,
            "{} does not start",
            subject.name
        );
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let address = line.split_once("http://").and_then(|(_, rest)| rest.split(' ').next());
        let port = address.and_then(|address| address.rsplit(':').next()?.parse().ok());
        subject.port =
            port.with_context(|| format!("{} does not listen: {line:?}", subject.name))?;
        Ok(subject)
    }
}

impl Subject {
    /// The master's process id.
    pub(crate) fn master(&self) -> u32 {
        self.master.id()
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
