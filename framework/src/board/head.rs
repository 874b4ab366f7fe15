//! What concerns all: what the master is doing, and what it has done.

use std::fmt;
use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::cause::Cause;
use super::journal::{Happening, Journal, What};
use super::layout::{Board, LAYOUT};
use super::seat::add;
use crate::ids::ChildId;
use crate::sys::clock::monotonic_ns;

/// What concerns all.
#[repr(C, align(128))]
#[derive(Debug)]
pub(super) struct Head {
    layout: AtomicU64,
    /// A stop was announced or has begun.
    closing: AtomicBool,
    doing: AtomicU32,
    workers_wanted: AtomicU64,
    /// Since when listeners let in connections that hear nothing before they are told to; 0: they do not.
    muted_ns: AtomicU64,
    /// When the master began, in milliseconds since the Unix epoch.
    began_ms: AtomicU64,
    causes: [AtomicU64; Cause::ALL.len()],
    deeds: [AtomicU64; Deed::ALL.len()],
    journal: Journal,
}

/// What the master is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Doing {
    Running = 0,
    Reloading = 1,
    Upgrading = 2,
    /// A stop is announced.
    Closing = 3,
    Stopping = 4,
}

/// What the master counts of its own deeds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    ReloadDone,
    ReloadFailed,
    UpgradeDone,
    UpgradeFailed,
    Scaled,
    /// A place waits before its next process.
    Paused,
}

impl Doing {
    pub(crate) const ALL: [Self; 5] =
        [Self::Running, Self::Reloading, Self::Upgrading, Self::Closing, Self::Stopping];
}

impl Deed {
    const ALL: [Self; 6] = [
        Self::ReloadDone,
        Self::ReloadFailed,
        Self::UpgradeDone,
        Self::UpgradeFailed,
        Self::Scaled,
        Self::Paused,
    ];
}

impl Board {
    /// Notes how this program lays it out.
    pub(super) fn sign(&self) {
        self.head().layout.store(LAYOUT, Relaxed);
        self.head().began_ms.store(now_ms(), Relaxed);
    }

    /// This program lays it out in the same way as the one that made it.
    pub(super) fn is_signed(&self) -> bool {
        self.head().layout.load(Relaxed) == LAYOUT
    }

    /// A stop was announced.
    pub(crate) fn close(&self) {
        self.head().closing.store(true, Relaxed);
    }

    /// A stop was announced or has begun.
    pub(crate) fn closing(&self) -> bool {
        self.head().closing.load(Relaxed)
    }

    /// From now on listeners let in connections that hear nothing before they are told to. To be said
    /// before it is so.
    pub(crate) fn mute(&self) {
        // Who came first counts.
        let _ = self.head().muted_ns.compare_exchange(0, monotonic_ns(), SeqCst, SeqCst);
    }

    /// For how long it has been so.
    pub(crate) fn muted_for(&self) -> Option<Duration> {
        let since = self.head().muted_ns.load(SeqCst);
        (since != 0).then(|| Duration::from_nanos(monotonic_ns().saturating_sub(since)))
    }

    /// Notes what the master is doing, and how many workers it wants to have. For the master, as all that
    /// follows and writes.
    pub(crate) fn is_doing(&self, doing: Doing, workers_wanted: usize) {
        self.head().doing.store(doing as u32, Relaxed);
        self.head().workers_wanted.store(workers_wanted as u64, Relaxed);
    }

    pub(crate) fn doing(&self) -> Doing {
        match self.head().doing.load(Relaxed) {
            0 => Doing::Running,
            1 => Doing::Reloading,
            2 => Doing::Upgrading,
            3 => Doing::Closing,
            _ => Doing::Stopping,
        }
    }

    pub(crate) fn workers_wanted(&self) -> u64 {
        self.head().workers_wanted.load(Relaxed)
    }

    /// When the master began, in milliseconds since the Unix epoch. An upgrade is no new beginning.
    pub(crate) fn began_ms(&self) -> u64 {
        self.head().began_ms.load(Relaxed)
    }

    /// Counts a worker's end.
    pub(crate) fn count_end(&self, cause: Cause) {
        add(&self.head().causes[cause as usize], 1);
    }

    /// Workers that ended, for each cause.
    pub(crate) fn ends(&self) -> impl Iterator<Item = (Cause, u64)> {
        let counts = self.head().causes.iter().map(|count| count.load(Relaxed));
        Cause::ALL.into_iter().zip(counts)
    }

    pub(crate) fn count(&self, deed: Deed) {
        add(&self.head().deeds[deed as usize], 1);
    }

    pub(crate) fn counted(&self, deed: Deed) -> u64 {
        self.head().deeds[deed as usize].load(Relaxed)
    }

    /// Writes down what has just happened, with which child, of which process id.
    pub(crate) fn note(&self, what: What, who: Option<(ChildId, u32)>) {
        self.head().journal.write(&Happening { at_ms: now_ms(), what, who });
    }

    /// What happened last, the oldest first.
    pub(crate) fn happenings(&self) -> Vec<Happening> {
        self.head().journal.read()
    }

    #[cfg(test)]
    pub(super) fn journal(&self) -> &Journal {
        &self.head().journal
    }
}

fn now_ms() -> u64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX)
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Running => "running",
            Self::Reloading => "reloading",
            Self::Upgrading => "upgrading",
            Self::Closing => "closing",
            Self::Stopping => "stopping",
        })
    }
}
