//! Everything that the supervisor can ask for.

use std::time::Duration;

use super::event::Exit;
use crate::ids::{ChildId, Generation, SlotId};

/// One thing to do, in the order given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Fork this child.
    Fork(ChildId),
    /// Call `listen()` on the slot's lodged listener.
    Listen(SlotId),
    /// Call `listen()` on the listener that all workers share.
    ListenShared,
    /// Tell the child, which is ready, that its listener listens and that it may accept. One that was not
    /// told so has no connection that its end could cut.
    Accept(ChildId),
    /// Make the kernel choose among these slots only, all of them listening. When these are all
    /// that listen, the kernel's own choice is to stand again.
    Steer(Vec<SlotId>),
    /// Close the master's duplicate of a retired slot's listener.
    CloseListener(SlotId),
    /// Have the worker look into its accept queue: the kernel may have moved connections there from one
    /// that was closed.
    Look(ChildId),
    /// The stop is announced and has not begun: go on, but say that it comes.
    Closing(Duration),
    /// Close all listeners to newcomers; what is queued stays.
    RefuseNewcomers,
    /// Make a new link between the worker and the dispatcher of this generation.
    Introduce(ChildId, Generation),
    /// Let all links of the worker end after what was sent on them.
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
    /// Send SIGKILL, for this reason.
    Kill(ChildId, Reason),
    /// The slot waits this long before its next worker, after so many failures.
    BackOff(ChildId, Duration, u32),
    /// Nothing was changed, for this reason.
    Refuse(&'static str),
    /// All children are to be replaced from now on.
    RolloutBegan(Rollout),
    /// They have been, or it was given up.
    RolloutEnded(Rollout, Verdict),
    /// Run the program on disk as a trial.
    Try,
    /// End the trial, which has had its time or is not wanted any more.
    EndTrial,
    /// The upgrade is not done.
    UpgradeFailed,
    /// Become the program on disk.
    Become,
    /// The machine, or this process group, had been suspended for so long: deadlines are put off.
    Postponed(Duration),
    /// The master is done.
    Finish(Outcome),
}

/// Why a child is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// It did not become ready in time.
    Late,
    /// Its drain had its time.
    Overdue,
    /// The slot that it was to take over is retired, or the rollout was given up.
    Unwanted,
    /// All must end at once.
    StopNow,
    /// Its listener could not be opened.
    Deaf,
    /// The user's hook wants it. It may have been told so before.
    Asked,
    /// It is the dispatcher, and there will be no worker any more.
    Useless,
}

/// Counts the rollouts of one master.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    serde::Serialize,
    serde::Deserialize,
)]
pub struct Rollout(pub u32);

/// How a rollout ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// All children are new, and the old ones are gone.
    Done,
    /// A new child failed: those that were not replaced yet stay.
    Failed {
        /// Which one.
        child: ChildId,
        /// How it ended; `None`: it could not be forked.
        exit: Option<Exit>,
        /// It was killed because it was not ready in time.
        late: bool,
    },
    /// A stop came first.
    Stopped,
}

/// Why and how the master ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was told to, and all children are gone.
    Stopped,
    /// A worker exited with 78 (`EX_CONFIG`).
    Fatal(ChildId),
    /// Too many workers died young, this one last, and none serves.
    GaveUp(ChildId),
    /// So many children that were killed are still not gone.
    Abandoned(usize),
}
