//! One child: what it is doing, and its end on demand.

use super::{Action, Phase, Slot, Supervisor};
use crate::ids::ChildId;
use crate::master::action::Reason;
use crate::master::tenant::Life;

impl Supervisor {
    /// What a child is doing, if it is not gone.
    pub fn phase_of(&self, child: ChildId) -> Option<Phase> {
        let tenant = self.all().flat_map(Slot::tenants).find(|tenant| tenant.id == child)?;
        Some(match tenant.life {
            Life::Starting { .. } => Phase::Starting,
            Life::Ready => Phase::Ready,
            Life::Draining { .. } | Life::Killed => Phase::Draining,
        })
    }

    /// Nothing is known to have changed until it is reaped: it is as if somebody else had sent the signal.
    pub(super) fn kill_asked(&self, child: ChildId, actions: &mut Vec<Action>) {
        let mut tenants = self.all().flat_map(Slot::tenants);
        if tenants.any(|tenant| tenant.id == child && tenant.life != Life::Killed) {
            actions.push(Action::Kill(child, Reason::Asked));
        }
    }
}
