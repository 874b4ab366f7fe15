//! A worker that is another program: one that does not link evenkeel, and takes its listeners as
//! `sd_listen_fds(3)` has it.
//!
//! It says READY, and so lodges its listener, just before it becomes that program: connections wait in the
//! accept queue while the program starts, and none is lost, as the slot's listener outlives it. The channel
//! ends then. From there on the master goes by the process alone: it is told to finish by a signal.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{AccessFlags, Pid, access, setpgid};

use crate::birth::{Birth, Stock, code};
use crate::error::Error;
use crate::ids::Place;
use crate::net::channel::{Channel, Next, Order, Report};
use crate::net::listener;
use crate::plan::stop_signals;
use crate::signals::Signals;
use crate::sys::program::{become_it, forget_handlers, out_of_the_way};

/// A program for [`Server::run_program`](crate::Server::run_program).
#[derive(Debug)]
pub struct Foreign {
    command: Command,
    pub(crate) stop_signal: Signal,
}

impl Foreign {
    /// This program, in each worker. Its standard input is empty, and it leads a process group of its own.
    pub fn new(command: Command) -> Self {
        Self { command, stop_signal: Signal::SIGTERM }
    }

    /// The signal at which it finishes what it has, and ends: TERM (the default), INT, QUIT, HUP, USR1,
    /// USR2 or WINCH.
    ///
    /// # Errors
    /// It is another one.
    pub fn stop_signal(mut self, name: &str) -> Result<Self, Error> {
        let full = format!("SIG{}", name.trim_start_matches("SIG"));
        let known = stop_signals().iter().find(|signal| signal.as_str() == full);
        self.stop_signal = *known.ok_or_else(|| {
            Error::config(format!(
                "{name:?} is no signal to stop by: choose TERM, INT, QUIT, HUP, USR1, USR2 or WINCH"
            ))
        })?;
        Ok(self)
    }
}

impl From<Command> for Foreign {
    fn from(command: Command) -> Self {
        Self::new(command)
    }
}

/// A worker's life until it is the program; its exit code if it never becomes that.
pub(crate) fn run(mut birth: Birth, program: &mut Foreign) -> i32 {
    let (text, exit) = match become_program(&mut birth, program) {
        Ok(()) => return code::DONE,
        Err(Failure::Program(text)) => (text, code::FATAL),
        Err(Failure::System(error)) => (error.to_string(), code::FAILED),
    };
    // When the master cannot be told, the exit code still speaks.
    let _ = birth.channel.report(&Report::Failed { text });
    exit
}

enum Failure {
    /// It can never be run like this.
    Program(String),
    System(io::Error),
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl From<nix::errno::Errno> for Failure {
    fn from(error: nix::errno::Errno) -> Self {
        Self::System(error.into())
    }
}

/// Comes back when it was told to end before it became the program.
fn become_program(birth: &mut Birth, program: &mut Foreign) -> Result<(), Failure> {
    check(&program.command).map_err(Failure::Program)?;
    let (own, lodged) = take_up(birth)?;
    let further = std::mem::take(&mut birth.further);
    let listeners: Vec<OwnedFd> = std::iter::once(own).chain(further).collect();
    let count = listeners.len();
    let listeners: Vec<OwnedFd> = listeners
        .iter()
        .map(|own| out_of_the_way(own.as_fd(), count))
        .collect::<io::Result<_>>()?;
    // The old one closes when the program begins.
    let channel = Channel::from_descriptor(out_of_the_way(birth.channel.as_fd(), count)?);
    birth.channel = Box::leak(Box::new(channel));
    // What it starts can be ended with it; and what a terminal sends is for the master.
    setpgid(Pid::from_raw(0), Pid::from_raw(0))?;
    birth.confine()?;
    birth.ready(lodged)?;
    // Nobody will read the channel.
    set_pdeathsig(program.stop_signal)?;
    if !wait_for_word(birth)? {
        return Ok(());
    }
    prepare(birth, &mut program.command, count);
    let signals = stop_signals();
    Signals::block(signals)?;
    if !birth.signals.take().is_empty() {
        return Ok(());
    }
    forget_handlers(signals)?;
    let error = become_it(&mut program.command, &listeners, || Signals::unblock(signals));
    Err(Failure::Program(format!("cannot run {}: {error}", shown(&program.command))))
}

/// The slot's listener, and what is lodged with the master.
fn take_up(birth: &mut Birth) -> io::Result<(OwnedFd, Option<OwnedFd>)> {
    match std::mem::replace(&mut birth.stock, Stock::Links) {
        Stock::Slot { listener: own, is_new, cpu } => {
            let lodged = is_new.then(|| own.try_clone()).transpose()?;
            if is_new {
                listener::block(&own)?;
            }
            cpu.map_or(Ok(()), |cpu| listener::prefer_cpu(own.as_fd(), cpu))?;
            Ok((own, lodged))
        }
        Stock::Shared(shared, _) => Ok((shared, None)),
        Stock::Links | Stock::Dispatcher(_) => Err(io::Error::other("it accepts for itself only")),
    }
}

/// Waits until the listener listens; false when it is to end instead.
fn wait_for_word(birth: &Birth) -> io::Result<bool> {
    loop {
        if !birth.signals.take().is_empty() {
            return Ok(false);
        }
        match birth.channel.next_order() {
            Next::Message(Order::Accept) => return Ok(true),
            Next::Message(Order::Drain { .. }) | Next::End => return Ok(false),
            Next::Message(_) | Next::Unknown => {}
            Next::Nothing => {
                let source = |descriptor| PollFd::new(descriptor, PollFlags::POLLIN);
                let mut sources = [source(birth.channel.as_fd()), source(birth.signals.as_fd())];
                match poll(&mut sources, PollTimeout::NONE) {
                    Ok(_) | Err(nix::errno::Errno::EINTR) => {}
                    Err(errno) => return Err(errno.into()),
                }
            }
        }
    }
}

/// What `sd_listen_fds(3)` and PM2's programs find in their environment.
fn prepare(birth: &Birth, command: &mut Command, listeners: usize) {
    let Place::Slot(slot) = birth.id.place else { return };
    let further = (1..listeners).map(|number| format!("further{number}"));
    let names: Vec<String> = std::iter::once("primary".to_owned()).chain(further).collect();
    command
        .stdin(Stdio::null())
        .env("LISTEN_PID", std::process::id().to_string())
        .env("LISTEN_FDS", listeners.to_string())
        .env("LISTEN_FDNAMES", names.join(":"))
        .env("NODE_APP_INSTANCE", slot.to_string());
}

/// Finds out before READY what would fail after it: a worker that is there is not given up for a program
/// that is not.
fn check(command: &Command) -> Result<(), String> {
    let program = Path::new(command.get_program());
    let here = command.get_current_dir().unwrap_or(Path::new("."));
    if !here.is_dir() {
        return Err(format!("cannot run {}: {} is no directory", shown(command), here.display()));
    }
    let runs = |path: &PathBuf| path.is_file() && access(path, AccessFlags::X_OK).is_ok();
    if program.components().count() > 1 {
        let path = here.join(program);
        let found = runs(&path);
        return found.then_some(()).ok_or_else(|| {
            format!("cannot run {}: it is not there, or is not executable", path.display())
        });
    }
    let said = command.get_envs().find(|(name, _)| *name == "PATH");
    let path = said.map_or_else(|| std::env::var_os("PATH"), |(_, value)| value.map(Into::into));
    let path = path.unwrap_or_default();
    let found = std::env::split_paths(&path).any(|folder| runs(&folder.join(program)));
    found.then_some(()).ok_or_else(|| {
        format!("cannot run {}: no folder of PATH has it; name its path", shown(command))
    })
}

fn shown(command: &Command) -> String {
    command.get_program().to_string_lossy().into_owned()
}
