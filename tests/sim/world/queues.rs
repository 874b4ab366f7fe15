//! What waits in accept queues when a stop begins.

use std::collections::BTreeSet;

use evenkeel::internals::{ChildId, Exit, Layout, Place, SlotId};

use super::{GRACE, World};

/// So many processes may die at a queue before it is given up.
const DEATHS: u32 = 3;

impl World {
    /// All listening queues are full of people from now on, but those of retired slots that have been
    /// emptied already.
    pub(super) fn begin_stop(&mut self) {
        self.stopping = true;
        let shared = Place::Slot(SlotId(0));
        let queues: BTreeSet<Place> = match self.rules.layout {
            Layout::Group => {
                let listening = self.listening.iter().map(|slot| Place::Slot(*slot));
                listening.filter(|place| !self.emptied.contains(place)).collect()
            }
            Layout::Shared => self.shared_listening.then_some(shared).into_iter().collect(),
            Layout::Dispatched => {
                self.shared_listening.then_some(Place::Dispatcher).into_iter().collect()
            }
        };
        self.queues = Some((self.now + GRACE, queues));
    }

    /// The process may end as one that has drained. A dispatcher needs somebody to hand its queue to,
    /// and a worker waits for what the dispatcher has for it.
    pub(super) fn may_have_drained(&self, child: ChildId) -> bool {
        let process = self.processes[&child];
        match (self.rules.layout, child.place) {
            _ if !process.draining => false,
            (Layout::Dispatched, Place::Dispatcher) => {
                let linked = self.links.iter().any(|(worker, dispatcher)| {
                    *dispatcher == child.generation && self.processes.contains_key(worker)
                });
                !process.empties || !self.shared_listening || linked
            }
            (Layout::Dispatched, Place::Slot(_)) => process.parted,
            _ => true,
        }
    }

    /// Who was told to empty a queue, and says that it is done, has done it.
    pub(super) fn note_drained(&mut self, child: ChildId, exit: Exit) {
        let empties = self.processes.get(&child).is_some_and(|process| process.empties);
        let drained = exit == Exit::Code(0) && empties && self.may_have_drained(child);
        if drained {
            self.emptied.insert(child.place);
        } else if self.stopping {
            *self.deaths_in_stop.entry(child.place).or_default() += 1;
        }
        if let Some((_, queues)) = self.queues.as_mut().filter(|_| drained) {
            match self.rules.layout {
                Layout::Shared => queues.clear(),
                Layout::Group | Layout::Dispatched => {
                    queues.remove(&child.place);
                }
            }
        }
    }

    /// A stop that had the time has emptied every queue, or tried often enough.
    pub(super) fn assert_no_queue_is_left(&self) {
        let Some((until, queues)) = self.queues.as_ref().filter(|_| !self.hurried) else { return };
        let deaths = |place: &Place| self.deaths_in_stop.get(place).copied().unwrap_or(0);
        // In a shared queue, or under the dispatcher, one place tries for all.
        let tried =
            |queue: &Place| deaths(queue) >= DEATHS || deaths(&Place::Slot(SlotId(0))) >= DEATHS;
        let left = queues.iter().find(|queue| !tried(queue));
        assert!(self.now >= *until || left.is_none(), "what waits at {left:?} is reset");
    }
}
