//! Everything that can happen to a master.

use crate::ids::{ChildId, SlotId};

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The master is set up: fork the first workers.
    Boot,
    /// The master runs a new program, and has what it had before: replace all children.
    Resumed,
    /// The child can serve.
    Ready(ChildId),
    /// The child asks to be drained, because somebody sent it SIGTERM; or the user's hook does.
    WantsDrain(ChildId),
    /// The child serves, and asks for a successor that lets it go: it has reached a limit of its own.
    WantsSuccessor(ChildId),
    /// The user's hook wants this child dead.
    KillAsked(ChildId),
    /// The child was reaped.
    Exited(ChildId, Exit),
    /// The child that was asked for could not be forked.
    NotForked(ChildId),
    /// The slot's listener could not be opened.
    NotListening(SlotId),
    /// The process group goes on after it had stood still (SIGCONT).
    Continued,
    /// One worker more (SIGTTIN).
    ScaleUp,
    /// One worker fewer (SIGTTOU).
    ScaleDown,
    /// So many workers.
    ScaleTo(u16),
    /// Replace all children, one after the other (SIGHUP).
    Reload,
    /// Run the program that is on disk now (SIGUSR2).
    Upgrade,
    /// The trial of the program on disk ended: whether it could take over.
    Tried(bool),
    /// The program that had passed its trial could not be run.
    NotUpgraded,
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
