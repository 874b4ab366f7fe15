//! One child or slot: what it is doing, and its end on demand.

use super::{Action, Phase, Retirement, Slot, Supervisor};
use crate::ids::{ChildId, SlotId};
use crate::master::action::Reason;
use crate::master::tenant::Life;

impl Supervisor {
    /// What a child is doing, if it is not gone.
    pub fn phase_of(&self, child: ChildId) -> Option<Phase> {
        let slot = self.all().find(|slot| slot.place() == child.place)?;
        let tenant = slot.tenants().find(|tenant| tenant.id == child)?;
        if slot.current.is_some_and(|current| current.id == child) {
            return Some(slot.phase());
        }
        Some(match tenant.life {
            Life::Starting { .. } | Life::Proving { .. } => Phase::Starting,
            Life::Ready => Phase::Ready,
            Life::Draining { .. } | Life::Killed => Phase::Draining,
        })
    }

    /// The slots that are to have a worker.
    pub fn wanted_slots(&self) -> Vec<SlotId> {
        let wanted = self.slots.iter().filter(|slot| slot.retirement == Retirement::No);
        wanted.filter_map(|slot| slot.place().slot()).collect()
    }

    /// The slot is not to have a worker, and has none any more.
    pub fn is_retired(&self, slot: SlotId) -> bool {
        let slot = self.slots.get(slot.index());
        slot.is_none_or(|slot| slot.retirement == Retirement::Done && slot.empty())
    }

    /// The slot is to have no worker any more.
    pub fn is_retiring(&self, slot: SlotId) -> bool {
        self.slots.get(slot.index()).is_some_and(|slot| slot.retirement != Retirement::No)
    }

    /// Nothing is known to have changed until it is reaped: it is as if somebody else had sent the signal.
    pub(super) fn kill_asked(&self, child: ChildId, actions: &mut Vec<Action>) {
        let mut tenants = self.all().flat_map(Slot::tenants);
        if tenants.any(|tenant| tenant.id == child && tenant.life != Life::Killed) {
            actions.push(Action::Kill(child, Reason::Asked));
        }
    }
}
