//! Successors: when one of them is believed, and takes over.

use std::time::{Duration, Instant};

use super::{Renewal, Slot};
use crate::ids::ChildId;
use crate::master::tenant::Life;

impl Slot {
    /// The process says that it can serve. A program of others is not asked, so that its word is only that it
    /// is about to begin: it has to live through `proof` first, if that is not zero, beside one that serves or
    /// alone.
    pub(in crate::master) fn said_ready(
        &mut self,
        id: ChildId,
        now: Instant,
        until: Instant,
        proof: Duration,
    ) {
        if proof.is_zero() {
            return self.became_ready(id, now, until);
        }
        if let Some(tenant) = self.tenant(id)
            && let Life::Starting { .. } = tenant.life
        {
            tenant.ready_since.get_or_insert(now);
            tenant.life = Life::Proving { until: now + proof };
        }
    }

    /// One that has lived for long enough is believed, and takes over if it was to.
    pub(in crate::master) fn end_proof(&mut self, now: Instant, until: Instant) {
        let proven = |life: Life| matches!(life, Life::Proving { until } if until <= now);
        for tenant in [self.current, self.next].into_iter().flatten() {
            if proven(tenant.life) {
                self.became_ready(tenant.id, now, until);
            }
        }
    }

    /// The process can serve. One that was to take over takes over; its predecessor drains until
    /// then, and leaves the accept queue to it.
    fn became_ready(&mut self, id: ChildId, now: Instant, until: Instant) {
        let Some(tenant) = self.tenant(id) else { return };
        tenant.ready_since.get_or_insert(now);
        let (Life::Starting { .. } | Life::Proving { .. }) = tenant.life else { return };
        tenant.life = Life::Ready;
        if self.next.is_some_and(|next| next.id == id) {
            if let Some(old) = &mut self.current {
                old.drain(until, false);
            }
            self.leaving = self.current.take();
            self.current = self.next.take();
            self.renewal = Renewal::No;
        }
    }
}
