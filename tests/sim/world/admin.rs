//! What holds of the admin process, for which nothing else waits.

use evenkeel::internals::{ChildId, Place};

use super::World;

impl World {
    /// A rollout began: whoever is there is to be replaced, if not by the end of it.
    pub(super) fn outdate_admin(&mut self) {
        let all = self.processes.iter_mut().filter(|(id, _)| id.place == Place::Admin);
        all.for_each(|(_, process)| process.wants_successor = true);
    }

    /// During a stop it stays until the others are gone, but for one that came too late for it.
    pub(super) fn check_admin_drain(&self, child: ChildId) {
        if child.place == Place::Admin && self.stopping && self.processes[&child].accepts {
            let other = self.processes.keys().find(|id| id.place != Place::Admin);
            assert_eq!(other, None, "{child} leaves before it");
        }
    }

    pub(super) fn assert_admin_at_rest(&self) {
        let all: Vec<_> = self.in_place(Place::Admin).collect();
        assert_eq!(all.len(), usize::from(self.rules.admin));
        let old = all.iter().find(|(_, process)| process.wants_successor);
        assert!(old.is_none(), "{old:?} is not replaced");
    }
}
