//! How this worker stands with the kernel's program that looks for the least busy one.

use std::time::{Duration, Instant};

use super::Intake;
use crate::limits::LOAD_CHECK_INTERVAL;
use crate::net::balance::Load;
use crate::sys::clock::monotonic_ns;

/// What is told, and when it is looked after.
#[derive(Clone, Copy)]
pub(super) struct Standing {
    pub(super) load: Load,
    stall_after: Duration,
    /// When to make sure that what was assigned has come.
    pub(super) check_at: Instant,
    /// The last try to accept failed: nothing is to be sent here until one goes well.
    pub(super) starved: bool,
    /// A successor speaks for the slot.
    left: bool,
}

impl Standing {
    /// The first look is at once: what the worker before left may be wrong.
    pub(super) fn new(load: Load, stall_after: Duration) -> Self {
        Self { load, stall_after, check_at: Instant::now(), starved: false, left: false }
    }

    /// The accept queue was looked at, and could be.
    pub(super) fn accepts(&mut self, well: bool) {
        self.starved = !well;
    }
}

impl Intake<'_> {
    /// A turn begins.
    pub(super) fn begin_work(&self) {
        let now_ns = monotonic_ns();
        self.birth.seat.busy_since(now_ns);
        // Who takes none goes on to take none.
        let takes = |standing: &Standing| !standing.left && !standing.starved && !self.is_full();
        if let Some(standing) = self.standing.filter(takes) {
            standing.load.works(now_ns, standing.stall_after);
        }
    }

    /// A turn is over.
    pub(in crate::worker) fn end_work(&mut self) {
        self.birth.seat.rests(monotonic_ns());
        let full = self.is_full();
        let Some(standing) = self.standing.as_mut().filter(|standing| !standing.left) else {
            return;
        };
        standing.left = self.drain.is_some();
        if (full || standing.starved) && !standing.left {
            standing.load.takes_none();
        } else {
            // What stays behind when it leaves is no verdict on its successor.
            standing.load.waits();
        }
    }

    /// Whether to look into the queue now, because connections were assigned to the slot that are not
    /// accounted for.
    pub(in crate::worker) fn is_in_doubt(&mut self) -> bool {
        let (now, draining) = (self.now, self.drain.is_some());
        let Some(standing) = self.standing.as_mut().filter(|_| !draining) else { return false };
        if standing.check_at > now {
            return false;
        }
        standing.check_at = now + LOAD_CHECK_INTERVAL;
        standing.starved || standing.load.in_doubt()
    }
}
