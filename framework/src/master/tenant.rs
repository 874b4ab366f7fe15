//! A process in a slot, and how far it has come.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::moment;
use crate::ids::ChildId;

/// A process in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Tenant {
    pub(super) id: ChildId,
    pub(super) life: Life,
    #[serde(with = "moment::option")]
    pub(super) ready_since: Option<Instant>,
    /// It was there before the rollout that is under way, or was the last one.
    pub(super) outdated: bool,
    /// Was told that it may accept.
    pub(super) accepts: bool,
    /// Gets no more sockets from the dispatcher.
    pub(super) parted: bool,
}

/// How far a process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Life {
    Starting {
        #[serde(with = "moment")]
        until: Instant,
    },
    /// It says that it is ready, and has until then to show it: it accepts beside the one that serves.
    Proving {
        #[serde(with = "moment")]
        until: Instant,
    },
    Ready,
    /// `told`: it has been sent the order with its present meaning.
    Draining {
        #[serde(with = "moment")]
        until: Instant,
        told: bool,
        empty_queue: bool,
    },
    Killed,
}

impl Tenant {
    /// One that is being forked, and is to be ready by `until`.
    pub(super) fn starting(id: ChildId, until: Instant) -> Self {
        let life = Life::Starting { until };
        Self { id, life, ready_since: None, outdated: false, accepts: false, parted: false }
    }

    pub(super) fn drains(&self) -> bool {
        matches!(self.life, Life::Draining { .. })
    }

    /// It says that it can serve, and is not on its way out.
    pub(super) fn serves(&self) -> bool {
        matches!(self.life, Life::Ready | Life::Proving { .. })
    }

    /// It is on its way out.
    pub(super) fn leaves(&self) -> bool {
        self.drains() || self.life == Life::Killed
    }

    /// It drains, and has been told to empty the queue.
    pub(super) fn empties_queue(&self) -> bool {
        matches!(self.life, Life::Draining { told: true, empty_queue: true, .. })
    }

    /// Begins a drain, or gives one that has begun its present meaning. A deadline is never put off.
    pub(super) fn drain(&mut self, until: Instant, empty_queue: bool) {
        self.life = match self.life {
            Life::Killed => Life::Killed,
            Life::Draining { until: earlier, empty_queue: before, told } => {
                let told = told && before == empty_queue && earlier <= until;
                Life::Draining { until: earlier.min(until), told, empty_queue }
            }
            Life::Starting { .. } | Life::Proving { .. } | Life::Ready => {
                Life::Draining { until, told: false, empty_queue }
            }
        };
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.life {
            Life::Starting { until } | Life::Proving { until } | Life::Draining { until, .. } => {
                Some(until)
            }
            Life::Ready | Life::Killed => None,
        }
    }

    pub(super) fn deadline_mut(&mut self) -> Option<&mut Instant> {
        match &mut self.life {
            Life::Starting { until } | Life::Proving { until } | Life::Draining { until, .. } => {
                Some(until)
            }
            Life::Ready | Life::Killed => None,
        }
    }

    /// It has had its time.
    pub(super) fn overdue(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }
}
