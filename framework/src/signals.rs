//! Signals as something to wait for: handlers only set a flag and write an octet.

use std::io::{self, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

use nix::sys::signal::{SigSet, Signal};
use signal_hook::SigId;
use signal_hook::low_level;

/// The signals of one process, and the descriptor that becomes readable when one has come.
///
/// Two signals of one kind that come before the loop looks are one, as everywhere in Unix.
#[derive(Debug)]
pub(crate) struct Signals {
    wake: UnixStream,
    flags: Vec<(Signal, Arc<AtomicBool>)>,
    actions: Vec<SigId>,
}

impl Signals {
    /// Begins to take these signals. Other users of signal-hook, such as tokio, still get them too.
    pub(crate) fn register(signals: &[Signal]) -> io::Result<Self> {
        let (wake, writer) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        writer.set_nonblocking(true)?;
        let mut this = Self { wake, flags: Vec::new(), actions: Vec::new() };
        for signal in signals {
            let number = *signal as i32;
            let flag = Arc::new(AtomicBool::new(false));
            // Actions run in this order: who is woken finds the flag set.
            this.actions.push(signal_hook::flag::register(number, Arc::clone(&flag))?);
            this.actions.push(low_level::pipe::register(number, writer.try_clone()?)?);
            this.flags.push((*signal, flag));
        }
        Ok(this)
    }

    /// Stops taking them. The handlers stay, because resetting to the default would leave the
    /// registry, and with it tokio's, in the belief that they still stand: a signal that nobody has
    /// an action for is ignored.
    pub(crate) fn unregister(self) {
        self.actions.into_iter().for_each(|action| {
            low_level::unregister(action);
        });
    }

    /// The signals that have come since the last call.
    pub(crate) fn take(&self) -> Vec<Signal> {
        let mut octets = [0; 64];
        while matches!((&self.wake).read(&mut octets), Ok(count) if count == octets.len()) {}
        let came = self.flags.iter().filter(|(_, flag)| flag.swap(false, SeqCst));
        came.map(|(signal, _)| *signal).collect()
    }

    /// Holds these signals back, from before a fork until the child has its own actions.
    pub(crate) fn block(signals: &[Signal]) -> io::Result<()> {
        Ok(set(signals).thread_block()?)
    }

    /// Lets them come again, with those that were held back.
    pub(crate) fn unblock(signals: &[Signal]) -> io::Result<()> {
        Ok(set(signals).thread_unblock()?)
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

fn set(signals: &[Signal]) -> SigSet {
    signals.iter().copied().collect()
}
