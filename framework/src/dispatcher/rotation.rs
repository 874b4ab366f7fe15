//! Whose turn it is, and what each worker has not acknowledged yet.

use std::collections::VecDeque;

use crate::ids::{Generation, SlotId};
use crate::limits::UNACKNOWLEDGED_MAX;

/// The workers in the order of their slots, each with the sockets (`S`) it owes an answer for.
#[derive(Debug)]
pub(crate) struct Rotation<L, S> {
    members: Vec<Member<L, S>>,
    /// The slot and generation that had the last turn.
    last: Option<(SlotId, Generation)>,
}

/// One worker and the way (`L`) to reach it.
#[derive(Debug)]
pub(crate) struct Member<L, S> {
    pub(crate) slot: SlotId,
    pub(crate) generation: Generation,
    pub(crate) link: L,
    unacknowledged: VecDeque<(u64, S)>,
    /// It takes no more; what it has not acknowledged may still be.
    parted: bool,
    /// It says that it has no room.
    full: bool,
}

impl<L, S> Default for Rotation<L, S> {
    fn default() -> Self {
        Self { members: Vec::new(), last: None }
    }
}

impl<L, S> Rotation<L, S> {
    /// A worker that can be handed sockets from now on.
    pub(crate) fn join(&mut self, slot: SlotId, generation: Generation, link: L) {
        let at = self.members.partition_point(|member| member.key() < (slot, generation));
        let unacknowledged = VecDeque::new();
        let member = Member { slot, generation, link, unacknowledged, parted: false, full: false };
        self.members.insert(at, member);
    }

    /// The next worker in turn that has room.
    pub(crate) fn next(&mut self) -> Option<&mut Member<L, S>> {
        let after = self.members.partition_point(|member| Some(member.key()) <= self.last);
        let count = self.members.len();
        let turn = (after..after + count).map(|at| at % count.max(1));
        let at = turn.into_iter().find(|at| self.members[*at].has_room())?;
        Some(&mut self.members[at])
    }

    /// The socket is on its way to this worker, which has had its turn.
    pub(crate) fn sent(&mut self, slot: SlotId, generation: Generation, ticket: u64, socket: S) {
        self.last = Some((slot, generation));
        if let Some(member) = self.member(slot, generation) {
            member.unacknowledged.push_back((ticket, socket));
        }
    }

    /// The worker has answered for this socket, which is no longer needed if it took it.
    pub(crate) fn answered(
        &mut self,
        slot: SlotId,
        generation: Generation,
        ticket: u64,
    ) -> Option<S> {
        let sent = &mut self.member(slot, generation)?.unacknowledged;
        let at = sent.iter().position(|(sent, _)| *sent == ticket)?;
        sent.remove(at).map(|(_, socket)| socket)
    }

    /// The worker takes no more. What it was sent it still reads.
    pub(crate) fn part(&mut self, slot: SlotId, generation: Generation) {
        if let Some(member) = self.member(slot, generation) {
            member.parted = true;
        }
    }

    /// Whether the worker has room.
    pub(crate) fn says_full(&mut self, slot: SlotId, generation: Generation, full: bool) {
        if let Some(member) = self.member(slot, generation) {
            member.full = full;
        }
    }

    /// The worker is gone: what it did not acknowledge is to be handed to others.
    pub(crate) fn leave(&mut self, slot: SlotId, generation: Generation) -> Vec<S> {
        let Some(at) = self.members.iter().position(|member| member.key() == (slot, generation))
        else {
            return Vec::new();
        };
        self.members.remove(at).unacknowledged.into_iter().map(|(_, socket)| socket).collect()
    }

    pub(crate) fn members(&self) -> &[Member<L, S>] {
        &self.members
    }

    /// Nobody owes an acknowledgement.
    pub(crate) fn all_acknowledged(&self) -> bool {
        self.members.iter().all(|member| member.unacknowledged.is_empty())
    }

    fn member(&mut self, slot: SlotId, generation: Generation) -> Option<&mut Member<L, S>> {
        self.members.iter_mut().find(|member| member.key() == (slot, generation))
    }
}

impl<L, S> Member<L, S> {
    pub(crate) fn key(&self) -> (SlotId, Generation) {
        (self.slot, self.generation)
    }

    fn has_room(&self) -> bool {
        !self.full && !self.parted && self.unacknowledged.len() < UNACKNOWLEDGED_MAX
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(slots: u16) -> Rotation<(), u64> {
        let mut rotation = Rotation::default();
        (0..slots).rev().for_each(|slot| rotation.join(SlotId(slot), Generation(1), ()));
        rotation
    }

    fn hand_out(rotation: &mut Rotation<(), u64>, ticket: u64) -> Option<u16> {
        let (slot, generation) = rotation.next()?.key();
        rotation.sent(slot, generation, ticket, ticket);
        Some(slot.0)
    }

    #[test]
    fn each_worker_has_its_turn_in_the_order_of_slots() {
        let mut rotation = of(3);
        let turns: Vec<_> = (0..7).map(|ticket| hand_out(&mut rotation, ticket).unwrap()).collect();
        assert_eq!(turns, [0, 1, 2, 0, 1, 2, 0]);
    }

    #[test]
    fn a_worker_that_does_not_acknowledge_is_skipped_when_it_has_enough() {
        let mut rotation = of(2);
        for ticket in 0..100 {
            let Some(slot) = hand_out(&mut rotation, ticket) else { panic!("nobody has room") };
            if slot == 0 {
                rotation.answered(SlotId(0), Generation(1), ticket);
            }
        }
        assert_eq!(rotation.members()[1].unacknowledged.len(), UNACKNOWLEDGED_MAX);
        let mut full = of(1);
        (0..UNACKNOWLEDGED_MAX).for_each(|ticket| {
            hand_out(&mut full, ticket as u64);
        });
        assert_eq!(hand_out(&mut full, 99), None);
    }

    #[test]
    fn a_full_worker_is_left_out_until_it_has_room_and_the_others_are_not() {
        let mut rotation = of(2);
        rotation.says_full(SlotId(0), Generation(1), true);
        let turns: Vec<_> = (0..2).filter_map(|ticket| hand_out(&mut rotation, ticket)).collect();
        assert_eq!(turns, [1, 1]);
        rotation.says_full(SlotId(0), Generation(1), false);
        assert_eq!(hand_out(&mut rotation, 2), Some(0));
    }

    #[test]
    fn what_a_dead_worker_did_not_acknowledge_comes_back() {
        let mut rotation = of(2);
        (0..4).for_each(|ticket| {
            hand_out(&mut rotation, ticket);
        });
        assert_eq!(rotation.answered(SlotId(1), Generation(1), 1), Some(1));
        assert_eq!(rotation.answered(SlotId(1), Generation(1), 1), None);
        assert_eq!(rotation.leave(SlotId(1), Generation(1)), [3]);
        assert_eq!(rotation.leave(SlotId(1), Generation(1)), Vec::<u64>::new());
        assert_eq!(hand_out(&mut rotation, 9), Some(0));
    }

    #[test]
    fn a_successor_takes_the_place_in_the_order() {
        let mut rotation = of(3);
        hand_out(&mut rotation, 0);
        rotation.leave(SlotId(1), Generation(1));
        rotation.join(SlotId(1), Generation(2), ());
        assert_eq!(hand_out(&mut rotation, 1), Some(1));
        rotation.part(SlotId(2), Generation(1));
        assert_eq!(hand_out(&mut rotation, 2), Some(0));
    }

    #[test]
    fn without_workers_it_is_nobodys_turn() {
        assert!(of(0).next().is_none());
        assert!(of(0).all_acknowledged());
    }
}
