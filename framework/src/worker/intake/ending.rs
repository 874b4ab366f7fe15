//! The end of a worker, as far as its sources go.

use std::time::{Duration, Instant};

use super::Intake;
use crate::limits::DRAIN_SILENCE;
use crate::net::channel::Queue;
use crate::worker::acceptor::Acceptor;
use crate::worker::sources::PRIMARY;

/// A drain that is under way.
#[derive(Clone, Copy)]
pub(super) struct Drain {
    pub(super) queue: Queue,
    /// When it is to be over.
    pub(super) deadline: Instant,
    /// The master is dead: nobody else watches the time.
    pub(super) orphaned_until: Option<Instant>,
    /// Handshakes that were under way when it began are completed until then.
    pub(super) not_before: Instant,
}

impl Intake<'_> {
    pub(in crate::worker) fn is_draining(&self) -> bool {
        self.drain.is_some()
    }

    /// When the drain that is under way is to be over.
    pub(in crate::worker) fn drain_deadline(&self) -> Option<Instant> {
        self.drain.map(|drain| drain.deadline)
    }

    /// The master is dead: this worker finishes what it has, and lets go of the port as soon as
    /// nobody waits in its queue, so that a new master can take it.
    pub(super) fn be_orphaned(&mut self) {
        if self.drain.is_some_and(|drain| drain.orphaned_until.is_some()) {
            return;
        }
        tracing::warn!("the master is dead; this worker drains");
        self.sources.iter().for_each(|source| source.refuse_newcomers(self.birth.board));
        // Nobody is left who could give it another link.
        self.parted = true;
        let grace = self.birth.plan.grace;
        self.begin_drain(Queue::Empty, grace);
        if let Some(drain) = &mut self.drain {
            drain.orphaned_until = Some(self.now + grace);
        }
        self.let_others_accept();
    }

    /// Begins to drain, or learns that nobody else will empty its queue.
    pub(super) fn begin_drain(&mut self, queue: Queue, grace: Duration) {
        let begun = self.drain.is_some();
        let (not_before, deadline) = (self.now, self.now + grace);
        let drain = Drain { queue, deadline, orphaned_until: None, not_before };
        let drain = self.drain.get_or_insert(drain);
        let newly = queue == Queue::Empty && (!begun || drain.queue == Queue::Leave);
        if drain.orphaned_until.is_none() {
            drain.queue = queue;
        }
        if newly {
            self.empty_from_now_on(grace);
        }
        self.let_others_accept();
    }

    fn empty_from_now_on(&mut self, grace: Duration) {
        // Whoever has not begun to accept has this queue to empty as well.
        self.sources.iter_mut().for_each(Acceptor::opened);
        let empties = self.sources.places().any(|place| !self.leaves_queue(place));
        let linger = self.birth.plan.handshake_linger();
        if let Some(drain) = self.drain.as_mut().filter(|_| empties) {
            drain.not_before = self.now + linger.min(grace / 2);
        }
    }

    fn let_others_accept(&mut self) {
        for place in self.sources.places() {
            if self.leaves_queue(place) {
                self.sources[place].disarm(&self.poll);
            }
        }
    }

    /// Nobody watches the time of an orphan but itself.
    pub(in crate::worker) fn time_is_up(&self) -> bool {
        let up = |drain: Drain| drain.orphaned_until.is_some_and(|until| until <= self.now);
        let is_up = self.drain.is_some_and(up);
        if is_up {
            tracing::warn!(open = self.open, "the drain had its time");
        }
        is_up
    }

    /// It is time to take all that waits: an orphan does so all the time, and others at their end.
    pub(in crate::worker) fn empties_queues(&self) -> bool {
        self.drain.is_some_and(|drain| drain.orphaned_until.is_some() || self.is_empty())
    }

    /// Makes what waits at this source to be accepted, if that is for this worker.
    pub(in crate::worker) fn fetch(&mut self, place: usize) -> bool {
        let takes = self.paused_until.is_none() && !self.leaves_queue(place);
        if takes {
            self.sources[place].fetch();
        }
        takes
    }

    /// It has an accept queue that nobody else will empty.
    pub(in crate::worker) fn owes_queue(&self) -> bool {
        let empties = self.drain.is_some_and(|drain| drain.queue == Queue::Empty);
        empties && self.sources.has_listener()
    }

    /// Nothing more comes, and nothing is left.
    pub(in crate::worker) fn is_done(&mut self) -> bool {
        self.open == 0 && self.brings_nothing_more()
    }

    /// No connection comes any more. Without a drain one always may.
    pub(in crate::worker) fn brings_nothing_more(&mut self) -> bool {
        let Some(drain) = self.drain else { return false };
        let parted = self.parted;
        let links_done = self.sources.links_mut().is_none_or(|links| links.ended() && parted);
        // What waits while nothing can be accepted is still to be answered.
        let pauses = drain.queue == Queue::Empty && self.paused_until.is_some();
        let taken = self.sources.primary().has_taken();
        let queues_done = !pauses && !taken && drain.not_before <= self.now;
        links_done && (queues_done || !self.sources.has_listener())
    }

    /// Others accept what waits there. When a worker goes for good it has its own queue to empty, and
    /// its siblings go on with those of the further addresses; when all go, they all empty them, but for
    /// those that somebody else keeps open for the next server.
    pub(super) fn leaves_queue(&self, place: usize) -> bool {
        let Some(drain) = self.drain.filter(|_| !self.sources[place].is_linked()) else {
            return false;
        };
        let all_go = self.birth.board.closing() || drain.orphaned_until.is_some();
        let others_go_on = if all_go { self.sources[place].is_lent() } else { place != PRIMARY };
        drain.queue == Queue::Leave || others_go_on
    }

    /// An orphan lets go of its listeners once they are empty: nobody comes after it.
    pub(in crate::worker) fn close_emptied(&mut self) {
        let orphaned =
            |drain: Drain| drain.orphaned_until.is_some() && drain.not_before <= self.now;
        if !self.drain.is_some_and(orphaned) || self.paused_until.is_some() || self.is_full() {
            return;
        }
        for source in self.sources.iter_mut().filter(|source| !source.is_linked()) {
            source.close(&self.poll);
        }
    }

    /// The queue is empty. A unix-domain listener that was closed to newcomers is let go of: it would be
    /// reported as readable for ever.
    pub(super) fn found_empty(&mut self, place: usize) {
        let ends = self.drain.is_some() && !self.leaves_queue(place);
        if ends && self.sources[place].is_unix() {
            self.sources[place].close(&self.poll);
        }
    }

    /// How long a connection that was accepted just now may be silent. When draining, a client that was
    /// not heard tries again after a pause that is not longer than it has waited.
    pub(in crate::worker) fn patience(&self) -> Duration {
        let head = self.birth.plan.timeouts.head;
        if self.drain.is_none() {
            return head;
        }
        let unheard = self.birth.board.muted_for().unwrap_or_default();
        (DRAIN_SILENCE + unheard).min(head)
    }
}
