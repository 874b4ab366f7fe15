//! The change to another program, in place: the process, its children and its sockets stay.
//!
//! 1. A trial: a child runs the program that is on disk now. When it comes to `serve` with a valid
//!    plan, and can read what this master would leave to it, it says so and ends.
//! 2. This process runs the program. It finds what was left, and replaces the workers.
//!
//! A trial that fails in any way changes nothing.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::PathBuf;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, getpid, getppid};

use super::action::Rollout;
use super::event::{Event, Exit};
use super::obey::Wait;
use super::{Master, SIGNALS, notify};
use crate::birth::code;
use crate::board::What;
use crate::control::Reply;
use crate::net::channel::{Channel, Next, Report};
use crate::signals::Signals;
use crate::sys::exec::{self, Identity, Program};
use crate::sys::fork::{Side, exit_now, fork};

/// Tells a program that it is run by a master: what for, and the numbers of the descriptors.
pub(super) const VARIABLE: &str = "EVENKEEL_HANDOVER";

/// Where the program is, and what is under way.
#[derive(Debug)]
pub(super) struct Upgrade {
    /// As the program was called, with no link resolved: what is there at the time of the upgrade.
    program: io::Result<PathBuf>,
    trial: Option<Running>,
    /// The rollout that belongs to the last upgrade.
    rollout: Option<Rollout>,
    /// The program that was tried last, as a file; it may take over.
    tried: Option<Identity>,
    passed: Option<Identity>,
}

/// A program that is being tried.
#[derive(Debug)]
struct Running {
    pid: Pid,
    /// `None` when the trial has closed its side.
    channel: Option<Channel>,
    fits: bool,
    late: bool,
    failure: Option<String>,
}

impl Upgrade {
    pub(super) fn new() -> Self {
        Self { program: exec::own_program(), trial: None, rollout: None, tried: None, passed: None }
    }

    /// In the program that another one has become, and which is yet to replace the workers.
    pub(super) fn half_done(rollout: Rollout, program: Option<PathBuf>) -> Self {
        let program = program.map_or_else(exec::own_program, Ok);
        Self { program, trial: None, rollout: Some(rollout), tried: None, passed: None }
    }

    /// For a child, which has no business with it.
    pub(super) fn forget(&mut self) {
        self.trial = None;
    }

    /// Where the program is, if it could be found out.
    pub(super) fn program_path(&self) -> Option<PathBuf> {
        self.program.as_ref().ok().cloned()
    }

    /// The program that was tried is to take over.
    pub(super) fn pass(&mut self) {
        self.passed = self.tried.take();
    }

    pub(super) fn has_passed(&self) -> bool {
        self.passed.is_some()
    }

    /// Where the trial reports.
    pub(super) fn channel(&self) -> Option<&Channel> {
        self.trial.as_ref().and_then(|trial| trial.channel.as_ref())
    }

    pub(super) fn under_way(&self) -> bool {
        self.trial.is_some()
    }

    /// This rollout is the second half of an upgrade.
    pub(super) fn completes(&self, rollout: Rollout) -> bool {
        self.rollout == Some(rollout)
    }

    /// Takes what the trial reports.
    pub(super) fn hear(&mut self) {
        let Some(trial) = &mut self.trial else { return };
        while let Some(channel) = &trial.channel {
            match channel.next_report() {
                Next::Message(Report::Ready { .. }) => trial.fits = true,
                Next::Message(Report::Failed { text }) => trial.failure = Some(text),
                Next::Message(_) | Next::Unknown => {}
                Next::Nothing => return,
                Next::End => trial.channel = None,
            }
        }
    }

    /// The process was reaped; whether it was the trial, and fits.
    pub(super) fn buried(&mut self, pid: Pid, exit: Exit) -> Option<Result<(), String>> {
        self.hear();
        let trial = self.trial.take_if(|trial| trial.pid == pid)?;
        let how = match exit {
            _ if trial.late => "it did not come to serve in time, and was ended".to_owned(),
            Exit::Code(code::DONE) if trial.fits => return Some(Ok(())),
            Exit::Code(code::DONE) => "it ended without coming to serve".to_owned(),
            Exit::Code(code) => format!("it ended with exit code {code}"),
            Exit::Signal(signal) => format!("it was ended by signal {signal}"),
        };
        Some(Err(trial.failure.map_or(how.clone(), |text| format!("{how}: {text}"))))
    }

    fn end_trial(&mut self) {
        let Some(trial) = &mut self.trial else { return };
        trial.late = true;
        // The pid is certain: it has not been reaped.
        if let Err(error) = kill(trial.pid, Signal::SIGKILL) {
            tracing::error!("cannot end the trial: {error}");
        }
    }
}

impl Master<'_> {
    /// Runs the program that is on disk, as a child that only says whether it could take over.
    pub(super) fn try_program(&mut self) -> Option<Event> {
        notify::reloading("upgrading: the new program is tried");
        self.note_all(What::UpgradeBegan);
        match self.begin_trial() {
            Ok((trial, identity)) => {
                self.upgrade.tried = Some(identity);
                tracing::info!(pid = trial.pid.as_raw(), "upgrade begins: the program is tried");
                self.upgrade.trial = Some(trial);
                None
            }
            Err(error) => {
                self.fail_upgrade(&format!("it cannot be tried: {error}"));
                Some(Event::Tried(false))
            }
        }
    }

    fn begin_trial(&self) -> io::Result<(Running, Identity)> {
        let program = self.program()?;
        let identity = exec::identity(program.path()).map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", program.path().display()))
        })?;
        let state = self.handover()?.write()?;
        let (channel, theirs) = Channel::pair()?;
        let master = getpid();
        Signals::block(&SIGNALS)?;
        let side = fork();
        if let Ok(Side::Child) = side {
            let error = run_trial(&program, &state, &theirs, master);
            let text = format!("cannot run {}: {error}", program.path().display());
            let _ = theirs.report(&Report::Failed { text });
            exit_now(code::FAILED);
        }
        Signals::unblock(&SIGNALS)?;
        let side = side.map_err(|refused| io::Error::other(format!("{refused:?}")))?;
        let Side::Master { child: pid } = side else { unreachable!("the child never gets here") };
        let channel = Some(channel);
        Ok((Running { pid, channel, fits: false, late: false, failure: None }, identity))
    }

    fn program(&self) -> io::Result<Program> {
        let path = self.upgrade.program.as_ref();
        let path = path.map_err(|error| io::Error::new(error.kind(), error.to_string()))?;
        Program::new(path, std::env::args_os().collect())
    }

    pub(super) fn end_trial(&mut self) {
        self.upgrade.end_trial();
    }

    /// Nothing has changed.
    pub(super) fn fail_upgrade(&mut self, why: &str) {
        tracing::error!("upgrade given up: {why}; nothing has changed");
        self.note_rollout(true, false);
        // A reload that the manager asked for meanwhile was refused, and it waits for an answer.
        notify::reloading("an upgrade is given up");
        self.tell_ready("an upgrade was given up");
        let reply = Reply::failed(format!("upgrade given up: {why}; nothing has changed"));
        self.reply_to(|wait| matches!(wait, Wait::Upgrade(_)), &reply);
    }

    /// Whoever still waits for an upgrade that was given up is told.
    pub(super) fn forget_upgrade(&mut self) {
        let reply = Reply::failed("upgrade given up; nothing has changed: see the log");
        self.reply_to(|wait| matches!(wait, Wait::Upgrade(_)), &reply);
    }

    /// Becomes the program that has passed its trial. Comes back only if it could not.
    pub(super) fn become_program(&mut self) -> Event {
        tracing::info!("the program has passed its trial: this process becomes it");
        let passed = self.upgrade.passed.take();
        // The next program has the whole time until it serves.
        self.heartbeat.beat();
        let error = self.try_to_become(passed);
        for result in [self.leave_open(false), Signals::unblock(&SIGNALS)] {
            if let Err(error) = result {
                tracing::error!("cannot go on as before: {error}");
            }
        }
        self.fail_upgrade(&format!("the program passed its trial, but cannot be run: {error}"));
        Event::NotUpgraded
    }

    fn try_to_become(&mut self, passed: Option<Identity>) -> io::Error {
        let prepared = self.program().and_then(|program| {
            if exec::identity(program.path()).ok() != passed {
                return Err(io::Error::other("it is another file than the one that was tried"));
            }
            // Before it is written down who is connected: some leave with their answer.
            let text = "the master became another program before that was done: ask again";
            self.reply_to(|wait| !matches!(wait, Wait::Upgrade(_)), &Reply::failed(text));
            let state = self.handover()?.write()?;
            exec::inherit(state.as_fd(), true)?;
            self.leave_open(true)?;
            // They wait until the next program has its handlers.
            Signals::block(&SIGNALS)?;
            // What came before that goes to the next program, too.
            for signal in self.signals.take() {
                kill(getpid(), signal)?;
            }
            Ok((program, state))
        });
        match prepared {
            Ok((program, state)) => {
                super::spawn::flush();
                program.become_it(VARIABLE, &state.as_raw_fd().to_string())
            }
            Err(error) => error,
        }
    }
}

/// In the child: runs the program. Comes back only if it could not.
fn run_trial(program: &Program, state: &OwnedFd, channel: &Channel, master: Pid) -> io::Error {
    let prepared = || {
        set_pdeathsig(Signal::SIGKILL)?;
        if getppid() != master {
            return Err(io::Error::other("the master died during the fork"));
        }
        exec::inherit(state.as_fd(), true)?;
        exec::inherit(channel.as_fd(), true)?;
        Signals::unblock(&SIGNALS)
    };
    if let Err(error) = prepared() {
        return error;
    }
    let numbers = format!("{}:{}", state.as_raw_fd(), channel.as_fd().as_raw_fd());
    program.become_it(VARIABLE, &numbers)
}
