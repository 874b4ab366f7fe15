//! strace at running processes.

use std::fs;
use std::io::{ErrorKind, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::sys::signal::{Signal, kill};
use tempfile::NamedTempFile;

use super::calls::Calls;
use crate::interrupt;
use crate::procfs;
use crate::subject::pid;

/// It takes no longer to attach, or to detach and to write its table.
const PATIENCE: Duration = Duration::from_secs(10);
const TICK: Duration = Duration::from_millis(1);

/// Counts until it is dropped; the processes go on then.
pub(super) struct Strace {
    child: Child,
    summary: NamedTempFile,
}

impl Strace {
    /// Returns when each thread of these processes is watched, or with the reason why none can be.
    pub(super) fn attach(processes: &[u32]) -> Result<Result<Self, String>> {
        let summary = NamedTempFile::new()?;
        let mut command = Command::new("strace");
        command.args(["-f", "-c", "-o"]).arg(summary.path());
        for process in processes {
            command.args(["-p", &process.to_string()]);
        }
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let child = match command.spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Err("strace is not installed".to_owned()));
            }
            Err(error) => return Err(error).context("cannot start strace"),
        };
        let mut this = Self { child, summary };
        let deadline = Instant::now() + PATIENCE;
        while !processes.iter().all(|process| is_traced_by(*process, this.child.id())) {
            interrupt::check()?;
            if this.child.try_wait()?.is_some() {
                return Ok(Err(this.last_words()));
            }
            ensure!(Instant::now() < deadline, "strace does not attach to {processes:?}");
            std::thread::sleep(TICK);
        }
        Ok(Ok(this))
    }

    /// What was called meanwhile.
    pub(super) fn detach(mut self) -> Result<Calls> {
        kill(pid(self.child.id()), Signal::SIGINT)?;
        let deadline = Instant::now() + PATIENCE;
        while self.child.try_wait()?.is_none() {
            ensure!(Instant::now() < deadline, "strace does not end");
            std::thread::sleep(TICK);
        }
        let summary = fs::read_to_string(self.summary.path())?;
        let calls = Calls::read(&summary);
        if calls == Calls::default() {
            bail!("strace counted nothing: {}", self.last_words());
        }
        Ok(calls)
    }

    /// Of a process that has ended.
    fn last_words(&mut self) -> String {
        let mut text = String::new();
        if let Some(errors) = &mut self.child.stderr {
            let _ = errors.read_to_string(&mut text);
        }
        let says = text.lines().find(|line| !line.ends_with(" attached"));
        says.unwrap_or("strace does not say why").to_owned()
    }
}

impl Drop for Strace {
    fn drop(&mut self) {
        // It has not been waited for, unless it has ended. Killed, it leaves the processes running.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Each of its threads.
fn is_traced_by(process: u32, tracer: u32) -> bool {
    procfs::tasks(process).into_iter().all(|task| {
        let status = fs::read_to_string(format!("/proc/{process}/task/{task}/status"));
        let tracer = format!("TracerPid:\t{tracer}");
        status.is_ok_and(|status| status.lines().any(|line| line == tracer))
    })
}
