//! Everything that the supervisor can ask for.

use std::time::Duration;

use crate::ids::{ChildId, SlotId};

/// One thing to do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Fork this child.
    Fork(ChildId),
    /// Call `listen()` on the slot's lodged listener.
    Listen(SlotId),
    /// Call `listen()` on the listener that all workers share.
    ListenShared,
    /// Make the kernel choose among these slots only, all of them listening. When these are all
    /// that listen, the kernel's own choice is to stand again.
    Steer(Vec<SlotId>),
    /// Close the master's duplicate of a retired slot's listener.
    CloseListener(SlotId),
    /// Close all listeners to newcomers; what is queued stays.
    RefuseNewcomers,
    /// Make the worker known to the dispatcher.
    Introduce(ChildId),
    /// Let the worker's link to the dispatcher end after what was sent on it.
    Part(ChildId),
    /// Tell the child to drain within this time.
    Drain {
        /// Who.
        child: ChildId,
        /// Until it will be killed.
        grace: Duration,
        /// Whether it must empty its accept queue, because nobody else will.
        empty_queue: bool,
    },
    /// Send SIGKILL.
    Kill(ChildId),
    /// The slot waits this long before its next worker, after so many failures.
    BackOff(ChildId, Duration, u32),
    /// Nothing was changed, for this reason.
    Refuse(&'static str),
    /// The master is done.
    Finish(Outcome),
}

/// Why and how the master ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was told to, and all children are gone.
    Stopped,
    /// A worker exited with 78 (`EX_CONFIG`).
    Fatal(ChildId),
    /// So many children that were killed are still not gone.
    Abandoned(usize),
}
