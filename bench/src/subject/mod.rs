//! A server that is measured: started on a free port, ended whatever happens.

mod command;
mod kind;
mod nginx;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::fd::AsFd;
use std::process::Child;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use nix::poll::{PollFd, PollFlags, poll};
use nix::sys::prctl::set_child_subreaper;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid, waitpid};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::client::whoami;
use crate::interrupt;
use crate::procfs;
use kind::Program;

pub(crate) use kind::Kind;

/// No server takes this long to start.
const START_MILLISECONDS: u16 = 20_000;

/// A server that takes longer to end is killed.
const END_PATIENCE: Duration = Duration::from_secs(5);
const END_TICK: Duration = Duration::from_millis(1);

/// How often, and how long at the most, a server is looked at until it rests.
const SETTLE_TICK: Duration = Duration::from_millis(5);
const SETTLE_MAX: Duration = Duration::from_secs(2);
/// CPU time in a tick of a server that rests: Node has its timers.
const IDLE_NS: u64 = 250_000;

/// A server ends with this when it lacks a privilege (`EX_NOPERM`).
const NOT_PERMITTED: i32 = 77;

/// What came of starting a server.
pub(crate) enum Start {
    Running(Subject),
    /// This machine or this user cannot have it, for this reason; the others are measured without it.
    Skipped(String),
}

/// Those of the servers that can be had here, with a line for each that cannot.
pub(crate) fn start_all<'a>(
    kinds: impl IntoIterator<Item = &'a Kind>,
    workers: u16,
) -> Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for kind in kinds {
        match kind.start(workers)? {
            Start::Running(subject) => subjects.push(subject),
            Start::Skipped(why) => println!("skipped: {} ({why})", kind.name),
        }
    }
    Ok(subjects)
}

/// Measures the servers in turn, so that what disturbs the machine disturbs all alike, and each
/// repetition has its own run to be compared with.
pub(crate) fn take_turns<T>(
    subjects: &[Subject],
    results: &mut [Vec<T>],
    repetitions: u32,
    measure: impl Fn(&Subject) -> Result<T>,
) -> Result<()> {
    for _ in 0..repetitions {
        for (subject, results) in subjects.iter().zip(&mut *results) {
            let result = measure(subject)?;
            // It was cut short.
            interrupt::check()?;
            results.push(result);
        }
    }
    Ok(())
}

/// A process that was started and may not listen yet.
struct Started {
    master: Child,
    /// Known before, or said by the program in its first line.
    port: Option<u16>,
    folder: Option<TempDir>,
    /// What it writes on stderr.
    errors: File,
}

/// A running server.
pub(crate) struct Subject {
    pub(crate) kind: Kind,
    pub(crate) port: u16,
    master: Child,
    /// Process ids, in the order of the tables' columns where the answers name a process.
    workers: Vec<u32>,
    _folder: Option<TempDir>,
}

impl Subject {
    fn running(kind: &Kind, started: Started, workers: u16) -> Result<Start> {
        let Started { master, port, folder, errors } = started;
        let mut this =
            Self { kind: kind.clone(), port: 0, master, workers: Vec::new(), _folder: folder };
        this.port = match port {
            Some(port) => nginx::wait_until_ready(&mut this.master, port, workers)?,
            None => match this.announced_port()? {
                Some(port) => port,
                None => return Ok(Start::Skipped(this.lacks(errors)?)),
            },
        };
        this.workers = this.find_workers(workers)?;
        Ok(Start::Running(this))
    }

    pub(crate) fn name(&self) -> &str {
        &self.kind.name
    }

    /// The master's process id.
    pub(crate) fn master(&self) -> u32 {
        self.master.id()
    }

    /// The workers' process ids.
    pub(crate) fn workers(&self) -> &[u32] {
        &self.workers
    }

    /// The process ids of master, workers and whatever else it runs.
    pub(crate) fn processes(&self) -> Vec<u32> {
        procfs::spent(self.master()).into_keys().collect()
    }

    /// None of them has ended.
    pub(crate) fn has_its_workers(&self) -> bool {
        let children = procfs::children(self.master());
        self.workers.iter().all(|worker| children.contains(worker))
    }

    /// Waits until it has nothing left to do of a run: it would disturb the next server's.
    pub(crate) fn settle(&self) {
        let spent = || procfs::spent(self.master()).into_values().sum::<u64>();
        let deadline = Instant::now() + SETTLE_MAX;
        let mut before = spent();
        while Instant::now() < deadline {
            std::thread::sleep(SETTLE_TICK);
            let now = spent();
            if now - before.min(now) < IDLE_NS {
                return;
            }
            before = now;
        }
    }

    /// The column of the worker that said so in its `X-Worker`: an index, or nginx's process id.
    pub(crate) fn column(&self, x_worker: u32) -> Option<usize> {
        if matches!(self.kind.program, Program::Nginx { .. }) {
            return self.workers.iter().position(|pid| *pid == x_worker);
        }
        usize::try_from(x_worker).ok().filter(|index| *index < self.workers.len())
    }

    /// Tells the server to replace its workers, as its users would.
    pub(crate) fn reload(&self) -> Result<()> {
        Ok(kill(pid(self.master()), Signal::SIGHUP)?)
    }

    /// Reads the line in which the server says its address; `None` if it ends without a word.
    fn announced_port(&mut self) -> Result<Option<u16>> {
        let name = &self.kind.name;
        let out = self.master.stdout.take().context("its output is piped")?;
        let mut ready = [PollFd::new(out.as_fd(), PollFlags::POLLIN)];
        let lines = poll(&mut ready, START_MILLISECONDS);
        interrupt::check()?;
        ensure!(lines? > 0, "{name} does not start");
        let mut line = String::new();
        if BufReader::new(out).read_line(&mut line)? == 0 {
            return Ok(None);
        }
        let address = line.split_once("http://").and_then(|(_, rest)| rest.split(' ').next());
        let port = address.and_then(|address| address.rsplit(':').next()?.parse().ok());
        port.map(Some).with_context(|| format!("{name} does not listen: {line:?}"))
    }

    /// Which privilege a server lacks that ended instead of listening, in its own words.
    fn lacks(&self, errors: File) -> Result<String> {
        // It is not reaped, so that its id stays its own until it is dropped.
        let how = WaitPidFlag::WEXITED | WaitPidFlag::WNOWAIT | WaitPidFlag::WNOHANG;
        let deadline = Instant::now() + END_PATIENCE;
        let mut status = WaitStatus::StillAlive;
        while status == WaitStatus::StillAlive && Instant::now() < deadline {
            interrupt::check()?;
            std::thread::sleep(END_TICK);
            status = waitid(Id::Pid(pid(self.master())), how)?;
        }
        let said = command::last_words(errors)?;
        let lacks = matches!(status, WaitStatus::Exited(_, NOT_PERMITTED));
        ensure!(lacks, "{} does not start: {status:?}: {said}", self.kind.name);
        Ok(said)
    }

    /// All children of the master; with a dispatcher among them, those that answer.
    fn find_workers(&self, workers: u16) -> Result<Vec<u32>> {
        let (children, workers) = (procfs::children(self.master()), usize::from(workers));
        if children.len() == workers {
            return Ok(children);
        }
        let mut answering = BTreeSet::new();
        for _ in 0..workers * 100 {
            answering.insert(whoami(self.port)?);
            if answering.len() == workers {
                return Ok(answering.into_iter().collect());
            }
        }
        bail!("{}: {} of {workers} workers answer", self.kind.name, answering.len());
    }
}

impl Drop for Subject {
    fn drop(&mut self) {
        // It has not been waited for, so the id is still its own. Workers end with their master:
        // evenkeel's and the bare loop's by the kernel, Node's when their channel closes; nginx's are
        // told by the signal.
        let children = procfs::children(self.master());
        let _ = kill(pid(self.master.id()), Signal::SIGCONT);
        let signal = match self.kind.program {
            Program::Node(_) | Program::Bare => Signal::SIGKILL,
            Program::Evenkeel(_) => Signal::SIGQUIT,
            Program::Nginx { .. } => Signal::SIGTERM,
        };
        let _ = kill(pid(self.master.id()), signal);
        let deadline = Instant::now() + END_PATIENCE;
        while matches!(self.master.try_wait(), Ok(None)) {
            if Instant::now() > deadline {
                let _ = self.master.kill();
            }
            std::thread::sleep(END_TICK);
        }
        children.into_iter().map(pid).for_each(end_orphan);
    }
}

/// Orphans are this process's children (`adopt_orphans`), so the id is still its own.
fn end_orphan(orphan: Pid) {
    if waitpid(orphan, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive) {
        let _ = kill(orphan, Signal::SIGKILL);
        let _ = waitpid(orphan, None);
    }
}

/// Servers' processes that outlive their master become children of this one, which waits for them: none
/// is left behind as it runs, or as a zombie where nothing else waits for orphans.
pub(crate) fn adopt_orphans() -> nix::Result<()> {
    set_child_subreaper(true)
}

/// Versions of the peers that are installed.
pub(crate) fn peer_versions() -> Vec<String> {
    let nginx = command::said(nginx::program(), "-v").and_then(|said| {
        let (_, version) = said.split_once("nginx/")?;
        Some(format!("nginx {}", version.split_whitespace().next()?))
    });
    let node = command::said("node", "-v").map(|said| format!("node {}", said.trim()));
    node.into_iter().chain(nginx).collect()
}

pub(crate) fn pid(id: u32) -> Pid {
    Pid::from_raw(i32::try_from(id).unwrap_or(i32::MAX))
}
