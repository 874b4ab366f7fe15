//! The end of a slot, and its second thoughts.

use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::{Renewal, Slot};

/// Whether the slot is to have a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::master) enum Retirement {
    No,
    /// Its worker drains, or will when it is the only one; after this many died before they were done.
    Draining {
        failures: u32,
    },
    /// What stood in its accept queue has been answered.
    Done,
}

impl Slot {
    /// It is to have no worker. One that asked to be replaced will be, if it is to have one after all: it asks
    /// once.
    pub(in crate::master) fn retire(&mut self, until: Instant, has_queue: bool) {
        self.retirement = Retirement::Draining { failures: 0 };
        if self.renewal == Renewal::Rolled {
            self.renewal = Renewal::No;
        }
        self.drain_alone(until, has_queue);
    }

    /// The worker of a retired slot serves on while another one leaves, so that the slot has one if it is
    /// wanted again meanwhile. Then it drains.
    pub(in crate::master) fn finish_serving(&mut self, until: Instant, has_queue: bool) {
        let retired = matches!(self.retirement, Retirement::Draining { .. });
        if retired && self.serves() {
            self.drain_alone(until, has_queue);
        }
    }

    /// It is to have a worker after all. What drains leaves the queue to that one.
    pub(in crate::master) fn reinstate(&mut self, until: Instant) {
        self.retirement = Retirement::No;
        self.forget_failures();
        for tenant in self.tenants_mut().filter(|tenant| tenant.drains()) {
            tenant.drain(until, false);
        }
    }

    /// All is to end; what waits in the queue, if there is one, is still to be answered.
    pub(in crate::master) fn close_down(&mut self, has_queue: bool) {
        if self.retirement != Retirement::Done {
            self.retirement = Retirement::Draining { failures: 0 };
        }
        self.listening = has_queue;
        self.renewal = Renewal::No;
        self.not_before = None;
    }

    /// The current process drains, if nobody is there beside it.
    fn drain_alone(&mut self, until: Instant, has_queue: bool) {
        if self.leaving.is_none()
            && self.next.is_none()
            && let Some(tenant) = &mut self.current
        {
            tenant.drain(until, has_queue);
        }
    }
}
