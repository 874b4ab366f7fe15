//! What happened last: a ring that the master writes and everybody reads.
//!
//! A reader that is overtaken notices, because an entry carries its number: 0 while it is being
//! written, and another one afterwards (a seqlock, as in the kernel's `seqlock.h`).

use std::fmt;
use std::sync::atomic::{
    AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
    fence,
};

use super::cause::Cause;
use crate::ids::{ChildId, Generation, Place, SlotId};
use crate::limits::JOURNAL_ENTRIES;

/// The last things that happened.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Journal {
    /// How many there have been.
    written: AtomicU64,
    entries: [Entry; JOURNAL_ENTRIES],
}

#[repr(C)]
#[derive(Debug)]
struct Entry {
    /// Which one it is, from 1; 0: none, or it is being written.
    number: AtomicU64,
    at_ms: AtomicU64,
    /// Of the kind and, above it, of the place.
    kind_and_place: AtomicU64,
    generation: AtomicU64,
    pid: AtomicU64,
    detail: AtomicU64,
}

/// One thing that happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Happening {
    /// Milliseconds since the Unix epoch.
    pub(crate) at_ms: u64,
    pub(crate) what: What,
    /// With whom, and its process id; 0: it has none.
    pub(crate) who: Option<(ChildId, u32)>,
}

/// What can happen. Numbers are written down as they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum What {
    /// A child was forked.
    Started,
    /// It serves.
    Ready,
    /// It ended in order: for this cause, if it has one.
    Ended(Option<Cause>),
    /// It ended by itself, with this exit code.
    Exited(u64),
    /// A signal ended it.
    Signalled(u64),
    Hung,
    NotForked,
    /// Its place waits for so many milliseconds.
    Paused(u64),
    /// It asked for a successor.
    Wishes(Cause),
    ReloadBegan,
    ReloadDone,
    ReloadFailed,
    UpgradeBegan,
    UpgradeDone,
    UpgradeFailed,
    /// So many workers are wanted.
    Scaled(u64),
    /// A stop begins after so many milliseconds.
    Closing(u64),
    Stopping,
}

impl Journal {
    /// For the master.
    pub(super) fn write(&self, happening: &Happening) {
        let number = self.written.load(Relaxed).wrapping_add(1);
        let entry = &self.entries[place_of(number)];
        let (kind, detail) = happening.what.numbers();
        let (place, generation, pid) = match happening.who {
            None => (0, 0, 0),
            Some((id, pid)) => (place_number(id.place), id.generation.0, pid),
        };
        entry.number.store(0, Relaxed);
        // What follows is not seen before the 0.
        fence(Release);
        entry.at_ms.store(happening.at_ms, Relaxed);
        entry.kind_and_place.store(kind | place << 8, Relaxed);
        entry.generation.store(generation.into(), Relaxed);
        entry.pid.store(pid.into(), Relaxed);
        entry.detail.store(detail, Relaxed);
        entry.number.store(number, Release);
        self.written.store(number, Release);
    }

    /// What is still there, the oldest first. What is overwritten meanwhile is left out.
    pub(super) fn read(&self) -> Vec<Happening> {
        let last = self.written.load(Acquire);
        let first = last.saturating_sub(JOURNAL_ENTRIES as u64) + 1;
        (first..=last).filter_map(|number| self.entries[place_of(number)].read(number)).collect()
    }
}

impl Entry {
    fn read(&self, number: u64) -> Option<Happening> {
        if self.number.load(Acquire) != number {
            return None;
        }
        let at_ms = self.at_ms.load(Relaxed);
        let kind_and_place = self.kind_and_place.load(Relaxed);
        let generation = self.generation.load(Relaxed);
        let pid = self.pid.load(Relaxed);
        let detail = self.detail.load(Relaxed);
        // What precedes is not read after this.
        fence(Acquire);
        if self.number.load(Relaxed) != number {
            return None;
        }
        let what = What::of(kind_and_place & 0xff, detail)?;
        let who = place_of_number(kind_and_place >> 8).and_then(|place| {
            let generation = Generation(u32::try_from(generation).ok()?);
            Some((ChildId { place, generation }, u32::try_from(pid).ok()?))
        });
        Some(Happening { at_ms, what, who })
    }
}

fn place_of(number: u64) -> usize {
    // Below the length of the ring, so it fits.
    usize::try_from(number % JOURNAL_ENTRIES as u64).unwrap_or(0)
}

/// 0 is no place.
fn place_number(place: Place) -> u64 {
    match place {
        Place::Admin => 1,
        Place::Dispatcher => 2,
        Place::Slot(slot) => 3 + u64::from(slot.0),
    }
}

fn place_of_number(number: u64) -> Option<Place> {
    match number {
        0 => None,
        1 => Some(Place::Admin),
        2 => Some(Place::Dispatcher),
        slot => Some(Place::Slot(SlotId(u16::try_from(slot - 3).ok()?))),
    }
}

impl What {
    /// By which it is written down, and more about it.
    fn numbers(self) -> (u64, u64) {
        let cause = |cause: Cause| cause as u64;
        match self {
            Self::Started => (1, 0),
            Self::Ready => (2, 0),
            Self::Ended(why) => (3, why.map_or(u64::MAX, cause)),
            Self::Exited(code) => (4, code),
            Self::Signalled(signal) => (5, signal),
            Self::Hung => (6, 0),
            Self::NotForked => (7, 0),
            Self::Paused(milliseconds) => (8, milliseconds),
            Self::Wishes(why) => (9, cause(why)),
            Self::ReloadBegan => (10, 0),
            Self::ReloadDone => (11, 0),
            Self::ReloadFailed => (12, 0),
            Self::UpgradeBegan => (13, 0),
            Self::UpgradeDone => (14, 0),
            Self::UpgradeFailed => (15, 0),
            Self::Scaled(workers) => (16, workers),
            Self::Closing(milliseconds) => (17, milliseconds),
            Self::Stopping => (18, 0),
        }
    }

    fn of(kind: u64, detail: u64) -> Option<Self> {
        let cause = || Cause::ALL.get(usize::try_from(detail).ok()?).copied();
        Some(match kind {
            1 => Self::Started,
            2 => Self::Ready,
            3 => Self::Ended(cause()),
            4 => Self::Exited(detail),
            5 => Self::Signalled(detail),
            6 => Self::Hung,
            7 => Self::NotForked,
            8 => Self::Paused(detail),
            9 => Self::Wishes(cause()?),
            10 => Self::ReloadBegan,
            11 => Self::ReloadDone,
            12 => Self::ReloadFailed,
            13 => Self::UpgradeBegan,
            14 => Self::UpgradeDone,
            15 => Self::UpgradeFailed,
            16 => Self::Scaled(detail),
            17 => Self::Closing(detail),
            18 => Self::Stopping,
            _ => return None,
        })
    }

    /// One word for it, for programs.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Started => "started",
            Self::Ready => "ready",
            Self::Ended(_) => "ended",
            Self::Exited(_) => "exited",
            Self::Signalled(_) => "signalled",
            Self::Hung => "hung",
            Self::NotForked => "not-forked",
            Self::Paused(_) => "paused",
            Self::Wishes(_) => "wants-successor",
            Self::ReloadBegan => "reload-began",
            Self::ReloadDone => "reload-done",
            Self::ReloadFailed => "reload-failed",
            Self::UpgradeBegan => "upgrade-began",
            Self::UpgradeDone => "upgrade-done",
            Self::UpgradeFailed => "upgrade-failed",
            Self::Scaled(_) => "scaled",
            Self::Closing(_) => "closing",
            Self::Stopping => "stopping",
        }
    }
}

/// For people.
impl fmt::Display for Happening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some((id, _)) = self.who {
            write!(f, "{id} ")?;
        }
        match self.what {
            What::Started => f.write_str("is starting"),
            What::Ready => f.write_str("is ready"),
            What::Ended(None) => f.write_str("is done"),
            What::Ended(Some(cause)) => write!(f, "is done ({cause})"),
            What::Exited(code) => write!(f, "ended with exit code {code}"),
            What::Signalled(signal) => write!(f, "was ended by signal {signal}"),
            What::Hung => f.write_str("hung and was ended"),
            What::NotForked => f.write_str("could not be forked"),
            What::Paused(milliseconds) => write!(f, "is followed after {milliseconds} ms"),
            What::Wishes(cause) => write!(f, "wants a successor ({cause})"),
            What::ReloadBegan => f.write_str("reload: all workers are replaced"),
            What::ReloadDone => f.write_str("reload done"),
            What::ReloadFailed => f.write_str("reload given up"),
            What::UpgradeBegan => f.write_str("upgrade: the program on disk is tried"),
            What::UpgradeDone => f.write_str("upgrade done"),
            What::UpgradeFailed => f.write_str("upgrade given up"),
            What::Scaled(workers) => write!(f, "{workers} workers are wanted"),
            What::Closing(milliseconds) => write!(f, "a stop begins in {milliseconds} ms"),
            What::Stopping => f.write_str("stopping"),
        }
    }
}

#[cfg(test)]
mod tests;
