//! What makes the intake's descriptor readable at a time, or at once.

use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, Instant};

use mio::unix::SourceFd;
use mio::{Interest, Poll};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use crate::worker::intake::LETTERS;

/// A timer that the intake waits on. It is never read: each time it runs out is an edge.
pub(super) struct Alarm {
    timer: TimerFd,
    due: Option<Instant>,
}

impl Alarm {
    pub(super) fn new(poll: &Poll) -> io::Result<Self> {
        let flags = TimerFlags::TFD_CLOEXEC | TimerFlags::TFD_NONBLOCK;
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        let descriptor = timer.as_fd().as_raw_fd();
        poll.registry().register(&mut SourceFd(&descriptor), LETTERS, Interest::READABLE)?;
        Ok(Self { timer, due: None })
    }

    /// Rings at this time, and not at the one that was said before.
    pub(super) fn set(&mut self, due: Option<Instant>) -> io::Result<()> {
        if std::mem::replace(&mut self.due, due) == due {
            return Ok(());
        }
        let Some(due) = due else { return Ok(self.timer.unset()?) };
        // A time of zero would unset it.
        let left = due.saturating_duration_since(Instant::now()).max(Duration::from_nanos(1));
        let once = Expiration::OneShot(TimeSpec::from_duration(left));
        Ok(self.timer.set(once, TimerSetTimeFlags::empty())?)
    }

    /// Rings now.
    pub(super) fn ring(&mut self) -> io::Result<()> {
        self.set(Some(Instant::now()))
    }
}
