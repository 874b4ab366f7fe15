//! Calls a thread back out of a system call that blocks.

use std::io;

use nix::libc::pthread_t;
use nix::sys::pthread::pthread_kill;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

/// Ignored by default, so that one that comes late does no harm; hardly anybody asks for its meaning
/// (out-of-band data).
const INTERRUPT: Signal = Signal::SIGURG;

/// Gives the signal a handler that does nothing, without `SA_RESTART`: a system call that it
/// interrupts fails with `EINTR` (signal(7)).
pub(crate) fn prepare() -> io::Result<()> {
    extern "C" fn nothing(_: i32) {}
    let action = SigAction::new(SigHandler::Handler(nothing), SaFlags::empty(), SigSet::empty());
    // SAFETY: the handler does nothing, which is safe at any time.
    unsafe { sigaction(INTERRUPT, &action) }?;
    Ok(())
}

/// Interrupts what the thread, which has not been joined, does at this moment.
pub(crate) fn send(thread: pthread_t) {
    // It fails for a thread that is gone: then it blocks nowhere.
    let _ = pthread_kill(thread, INTERRUPT);
}

/// This thread is interrupted by this and by nothing else: other signals are the main thread's. What
/// the program was started with may have blocked it (signal(7): the mask outlives execve).
pub(crate) fn listen_for_it_only() {
    let mut others = SigSet::all();
    others.remove(INTERRUPT);
    // It fails for an unknown way of blocking only.
    let _ = others.thread_set_mask();
}
