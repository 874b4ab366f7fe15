//! What the supervisor of a new program has to know of the old one's.

use serde::{Deserialize, Serialize};

use super::{Rules, Slot, SlotId, Supervisor};
use crate::ids::{ChildId, Generation};
use crate::master::action::Rollout;

/// All that is known of slots and processes. What the plan says comes from the new program.
#[derive(Debug, Serialize, Deserialize)]
pub(in crate::master) struct Saved {
    slots: Vec<Slot>,
    dispatcher: Option<Slot>,
    #[serde(default)]
    admin: Option<Slot>,
    gate_open: bool,
    shared_listening: bool,
    steered: Vec<SlotId>,
    introduced: Vec<(ChildId, Generation)>,
    rollout: Rollout,
    /// Workers that the old program was started with.
    workers_planned: u16,
}

impl Supervisor {
    pub(in crate::master) fn save(&self) -> Saved {
        Saved {
            slots: self.slots.clone(),
            dispatcher: self.dispatcher.clone(),
            admin: self.admin.clone(),
            gate_open: self.gate_open,
            shared_listening: self.shared_listening,
            steered: self.steered.clone(),
            introduced: self.introduced.iter().copied().collect(),
            rollout: self.rolling.id,
            workers_planned: self.rules.workers,
        }
    }

    /// Goes on with what another program knew. The number of workers to have, if the new program
    /// was not started with the same one: what was scaled by hand stays otherwise.
    pub(in crate::master) fn resume(rules: Rules, saved: Saved) -> (Self, Option<u16>) {
        let mut this = Self::new(rules);
        let changed = (saved.workers_planned != rules.workers).then_some(rules.workers);
        this.slots = saved.slots;
        this.dispatcher = saved.dispatcher;
        this.admin = saved.admin;
        this.gate_open = saved.gate_open;
        this.shared_listening = saved.shared_listening;
        this.steered = saved.steered;
        this.introduced = saved.introduced.into_iter().collect();
        this.rolling.id = saved.rollout;
        (this, changed)
    }

    /// What the next program would make of what this one leaves to it.
    ///
    /// # Errors
    /// It could not read it.
    pub fn handed_over(&self) -> Result<Self, serde_json::Error> {
        let written = serde_json::to_string(&self.save())?;
        Ok(Self::resume(self.rules, serde_json::from_str(&written)?).0)
    }
}
