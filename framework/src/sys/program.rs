//! Another program in the place of a child, with listeners as `sd_listen_fds(3)` has them.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::fcntl::{FcntlArg, fcntl};
use nix::sys::signal::{SigHandler, Signal, signal};

/// The first descriptor that a program is given (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;

/// A duplicate of the descriptor that is not in the place of one of so many listeners, and close-on-exec. It is
/// no higher than it must be: the user may have limited them.
pub(crate) fn out_of_the_way(descriptor: BorrowedFd<'_>, listeners: usize) -> io::Result<OwnedFd> {
    let above = FIRST + i32::try_from(listeners).map_err(io::Error::other)?;
    let number = fcntl(descriptor, FcntlArg::F_DUPFD_CLOEXEC(above))?;
    // SAFETY: the kernel has just made this descriptor for us, nobody else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Takes away this process's own handlers of these signals, which must be held back: one that is let come
/// afterwards does what it does to any program.
pub(crate) fn forget_handlers(signals: &[Signal]) -> io::Result<()> {
    for number in signals {
        // SAFETY: the default action runs no code of ours. signal-hook, which had the handler before, is
        // asked nothing any more: this process becomes another program, or ends.
        unsafe { signal(*number, SigHandler::SigDfl)? };
    }
    Ok(())
}

/// Runs the program in the place of this process, with these descriptors from 3 on; they must be out of the
/// way. `last` is done at the very end. Returns only when it could not, and then this process is only good
/// to say so and end: what had those numbers before is overwritten.
pub(crate) fn become_it(
    command: &mut Command,
    listeners: &[OwnedFd],
    last: impl FnOnce() -> io::Result<()>,
) -> io::Error {
    let placed = (FIRST..).zip(listeners).try_for_each(|(number, listener)| {
        // SAFETY: dup2(2) takes any number. Whoever owned it is not used again (see above).
        let done = unsafe { libc::dup2(listener.as_raw_fd(), number) };
        if done == number { Ok(()) } else { Err(io::Error::last_os_error()) }
    });
    match placed.and_then(|()| last()) {
        Ok(()) => command.exec(),
        Err(error) => error,
    }
}
