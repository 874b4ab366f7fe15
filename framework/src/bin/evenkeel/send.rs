//! `evenkeel signal`.

use evenkeel::control::Command;
use nix::sys::signal::Signal;
use nix::unistd::geteuid;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, kill_process, pidfd_open, pidfd_send_signal};

use crate::answer::{self, Answer};
use crate::cli::Cli;
use crate::outcome::{Failure, REFUSED, UNREACHABLE, USAGE};
use crate::target::{Target, targets};

pub(crate) fn signal(cli: &Cli, names: &[String], signal: &str) -> Result<u8, Failure> {
    let full = format!("SIG{}", signal.to_ascii_uppercase().trim_start_matches("SIG"));
    let meant: Signal = full.parse().map_err(|_| {
        Failure::new(USAGE, format!("{signal:?} is no signal: say HUP, TERM or USR1, say"))
    })?;
    let send = |target: Target| Answer::plain(target.name.clone(), send(cli, &target, meant));
    let answers: Vec<Answer> = targets(cli, names)?.into_iter().map(send).collect();
    Ok(answer::report(cli, names, &answers))
}

/// Nobody says himself which process he is: it is in the record, if that can be believed, or the kernel's word.
fn send(cli: &Cli, target: &Target, meant: Signal) -> Result<String, Failure> {
    let pid = match &target.app {
        Some(app) => {
            let is_there = || {
                let gone = || Failure::new(UNREACHABLE, "its master has ended");
                app.is_running().then_some(()).ok_or_else(gone)
            };
            deliver(app.record.pid, meant, is_there)?;
            app.record.pid
        }
        None => to_peer(cli, target, meant)?,
    };
    Ok(format!("{meant} was sent to process {pid}"))
}

fn to_peer(cli: &Cli, target: &Target, meant: Signal) -> Result<u32, Failure> {
    let mut master = target.connect(cli)?;
    let peer = master.peer()?;
    if peer.pid == 0 {
        let text =
            "the master cannot be seen from here, as one in another container: signal it there";
        return Err(Failure::new(UNREACHABLE, text));
    }
    if peer.uid != 0 && peer.uid != geteuid().as_raw() {
        let text = format!("who listens there is user {}: name the application instead", peer.uid);
        return Err(Failure::new(REFUSED, text));
    }
    // Whoever answers had not ended.
    let is_there = || master.send(&Command::Status {}).map(drop).map_err(Failure::from);
    deliver(peer.pid, meant, is_there)?;
    Ok(peer.pid)
}

/// The process is held, and then looked at: its id cannot be another's by the time that it is used.
fn deliver(
    pid: u32,
    meant: Signal,
    is_there: impl FnOnce() -> Result<(), Failure>,
) -> Result<(), Failure> {
    let failed = |error: Errno| {
        let code = if error == Errno::PERM { REFUSED } else { UNREACHABLE };
        Failure::new(code, format!("cannot send {meant} to process {pid}: {error}"))
    };
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or(Errno::SRCH);
    let number = number.map_err(failed)?;
    let signal = rustix::process::Signal::from_named_raw(meant as i32).ok_or(Errno::INVAL);
    let signal = signal.map_err(failed)?;
    let held = pidfd_open(number, PidfdFlags::empty());
    is_there()?;
    let sent = match held {
        Ok(held) => pidfd_send_signal(held, signal),
        // Linux before 5.3, or a sandbox that does not know it.
        Err(Errno::NOSYS | Errno::PERM) => kill_process(number, signal),
        Err(error) => Err(error),
    };
    sent.map_err(failed)
}
