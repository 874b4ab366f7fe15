//! Everything that can happen to a master.

use crate::ids::ChildId;

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The master is set up: fork the first workers.
    Boot,
    /// The child can serve.
    Ready(ChildId),
    /// The child asks to be drained, because somebody sent it SIGTERM.
    WantsDrain(ChildId),
    /// The child was reaped.
    Exited(ChildId, Exit),
    /// The child that was asked for could not be forked.
    NotForked(ChildId),
    /// One worker more (SIGTTIN).
    ScaleUp,
    /// One worker fewer (SIGTTOU).
    ScaleDown,
    /// Drain and stop (SIGTERM, SIGINT). The second one means [`Event::StopNow`].
    Stop,
    /// Stop at once (SIGQUIT).
    StopNow,
    /// Time has passed: look at the deadlines.
    Tick,
}

/// How a process ended (wait(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It returned this code.
    Code(i32),
    /// It was ended by this signal.
    Signal(i32),
}
