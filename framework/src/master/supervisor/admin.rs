//! The admin process: it shows how all is, to the very end, and nothing waits for it.
//!
//! It is kept as a worker is: one that dies is replaced, after a pause if it was young, and a reload
//! replaces it, the new one before the old. But no start, reload or stop depends on it.

use std::time::Instant;

use super::{Mode, Slot, Supervisor};
use crate::limits::ADMIN_DRAIN;
use crate::master::slot::Renewal;

impl Supervisor {
    /// One that was there before the last rollout began is replaced, however often that takes.
    pub(super) fn renew_admin(&mut self) {
        if let Some(admin) = &mut self.admin
            && admin.ready()
            && admin.renewal == Renewal::No
            && admin.current.is_some_and(|tenant| tenant.outdated)
        {
            admin.renewal = Renewal::Asked;
        }
    }

    /// During a stop it says how the others drain, and goes when they are gone.
    pub(super) fn end_admin(&mut self, now: Instant) {
        let Mode::Stopping { until, .. } = self.mode else { return };
        let gone = |slot: &Slot| slot.empty() && !slot.wants_process();
        if self.all().all(gone) {
            let until = until.min(now + ADMIN_DRAIN);
            let tenants = self.admin.iter_mut().flat_map(Slot::tenants_mut);
            tenants.for_each(|tenant| tenant.drain(until, false));
        }
    }
}
