//! How this worker stands with the kernel's program that looks for the least busy one.

use std::time::{Duration, Instant};

use super::EventLoop;
use crate::http::Handler;
use crate::limits::LOAD_CHECK_INTERVAL;
use crate::net::balance::Load;
use crate::sys::clock::monotonic_ns;
use crate::worker::sources::PRIMARY;
use crate::worker::stream::Origin;

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

impl<H> EventLoop<'_, H>
where
    H: Handler,
{
    /// A turn begins.
    pub(super) fn begin_work(&self) {
        let now_ns = monotonic_ns();
        self.seat.busy_since(now_ns);
        // Who takes none goes on to take none.
        let takes = |standing: &Standing| !standing.left && !standing.starved && !self.is_full();
        if let Some(standing) = self.standing.filter(takes) {
            standing.load.works(now_ns, standing.stall_after);
        }
    }

    /// A turn is over.
    pub(super) fn end_work(&mut self) {
        self.seat.rests(monotonic_ns());
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

    /// Looks into the queue when connections were assigned to the slot that are not accounted for.
    pub(super) fn look_at_load(&mut self) {
        let (now, draining) = (self.desk.now, self.drain.is_some());
        let Some(standing) = self.standing.as_mut().filter(|_| !draining) else { return };
        if standing.check_at > now {
            return;
        }
        standing.check_at = now + LOAD_CHECK_INTERVAL;
        if standing.starved || standing.load.in_doubt() {
            self.accept(PRIMARY);
            self.begin_fresh();
        }
    }

    /// A connection is closed.
    pub(super) fn count_closed(&self, origin: Origin) {
        if origin == Origin::Further {
            // The program did not assign it.
            return self.seat.count_further_closed();
        }
        self.seat.count_closed();
        if let Some(standing) = &self.standing {
            standing.load.closed_some();
        }
    }
}
