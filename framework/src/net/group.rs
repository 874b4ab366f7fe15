//! The kernel's order of a reuseport group, kept in step without asking the kernel.
//!
//! `net/core/sock_reuseport.c`: a socket is pushed to the end by `listen()`; when one closes, the
//! last takes its index. A program that chooses a member names it by that index.

use crate::ids::SlotId;

/// The listening members in the kernel's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Group(Vec<SlotId>);

/// What the kernel is to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Choice {
    /// All members: no program, the kernel's own hash.
    Everyone,
    /// Only these indexes, ascending, of so many members.
    Among {
        /// The members of the group.
        members: u32,
        /// The indexes to choose from, at least one and not all.
        live: Vec<u32>,
    },
}

impl Group {
    /// The group that has these members in this order.
    pub fn of(members: Vec<SlotId>) -> Self {
        Self(members)
    }

    /// Notes that the slot's listener began to listen.
    pub fn joined(&mut self, slot: SlotId) {
        debug_assert!(!self.0.contains(&slot), "{slot} listens once");
        self.0.push(slot);
    }

    /// Notes that the slot's listener was closed everywhere.
    pub fn left(&mut self, slot: SlotId) {
        if let Some(index) = self.0.iter().position(|member| *member == slot) {
            self.0.swap_remove(index);
        }
    }

    /// The members in the kernel's order.
    pub fn members(&self) -> &[SlotId] {
        &self.0
    }

    /// The slot's listener listens in it.
    pub fn has(&self, slot: SlotId) -> bool {
        self.0.contains(&slot)
    }

    /// How to reach only the slots in `live`. With none of them in the group everybody is chosen
    /// from: what is queued then waits for the first that comes back.
    pub fn choice(&self, live: &[SlotId]) -> Choice {
        let indexes = (0u32..).zip(&self.0).filter(|(_, slot)| live.contains(slot));
        let live: Vec<u32> = indexes.map(|(index, _)| index).collect();
        if live.is_empty() || live.len() == self.0.len() {
            return Choice::Everyone;
        }
        Choice::Among { members: u32::try_from(self.0.len()).unwrap_or(u32::MAX), live }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_member_takes_the_index_of_the_one_that_left() {
        let mut group = Group::default();
        (0..5).for_each(|slot| group.joined(SlotId(slot)));
        group.left(SlotId(1));
        assert_eq!(group.members(), [0, 4, 2, 3].map(SlotId));
        group.joined(SlotId(1));
        assert_eq!(group.members(), [0, 4, 2, 3, 1].map(SlotId));
    }

    #[test]
    fn the_choice_names_indexes_and_not_slots() {
        let mut group = Group::default();
        (0..4).for_each(|slot| group.joined(SlotId(slot)));
        group.left(SlotId(0));
        let live = [SlotId(1), SlotId(3)];
        assert_eq!(group.choice(&live), Choice::Among { members: 3, live: vec![0, 1] });
    }

    #[test]
    fn everyone_is_chosen_from_when_all_or_none_are_live() {
        let mut group = Group::default();
        (0..2).for_each(|slot| group.joined(SlotId(slot)));
        assert_eq!(group.choice(&[SlotId(0), SlotId(1)]), Choice::Everyone);
        assert_eq!(group.choice(&[]), Choice::Everyone);
    }
}
