//! Successors: when one of them is believed, and takes over.

use std::time::{Duration, Instant};

use super::{Renewal, Retirement, Slot};
use crate::ids::ChildId;
use crate::master::tenant::Life;

impl Slot {
    /// The process says that it can serve. A program of others is not asked, so that its word is only that it
    /// is about to begin: beside one that serves it has to live through `proof` first.
    pub(in crate::master) fn said_ready(
        &mut self,
        id: ChildId,
        now: Instant,
        until: Instant,
        proof: Duration,
    ) {
        match self.next.as_mut().filter(|next| next.id == id && !proof.is_zero()) {
            Some(next) if matches!(next.life, Life::Starting { .. }) => {
                next.ready_since.get_or_insert(now);
                next.life = Life::Proving { until: now + proof };
            }
            Some(_) => {}
            None => self.became_ready(id, now, until),
        }
    }

    /// A successor that has lived for long enough takes over.
    pub(in crate::master) fn end_proof(&mut self, now: Instant, until: Instant) {
        let proven = |life: Life| matches!(life, Life::Proving { until } if until <= now);
        if let Some(next) = self.next.filter(|next| proven(next.life)) {
            self.became_ready(next.id, now, until);
        }
    }

    /// The process can serve. One that was to take over takes over; its predecessor drains until
    /// then, and leaves the accept queue to it.
    fn became_ready(&mut self, id: ChildId, now: Instant, until: Instant) {
        let retired = self.retirement != Retirement::No;
        let Some(tenant) = self.tenant(id) else { return };
        tenant.ready_since.get_or_insert(now);
        let (Life::Starting { .. } | Life::Proving { .. }) = tenant.life else { return };
        tenant.life = Life::Ready;
        if retired {
            tenant.drain(until, true);
        }
        if self.next.is_some_and(|next| next.id == id) {
            if let Some(old) = &mut self.current {
                old.drain(until, false);
            }
            self.leaving = self.current.take();
            self.succeed();
            self.renewal = Renewal::No;
        }
    }

    /// The next process is the current one from now on. Without a better one it need prove nothing.
    pub(super) fn succeed(&mut self) {
        self.current = self.next.take();
        if let Some(current) = &mut self.current
            && let Life::Proving { .. } = current.life
        {
            current.life = Life::Ready;
        }
    }
}
