//! Orders, signals and the end of a worker.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{EventLoop, Going};
use crate::board::Cause;
use crate::http::Handler;
use crate::net::channel::{Next, Order, Queue, Report};
use crate::worker::acceptor::Acceptor;
use crate::worker::sources::{PRIMARY, Sources};

/// A drain that is under way.
#[derive(Clone, Copy)]
pub(super) struct Drain {
    pub(super) queue: Queue,
    /// The master is dead: nobody else watches the time.
    pub(super) orphaned_until: Option<Instant>,
    /// Handshakes that were under way when it began are completed until then.
    pub(super) not_before: Instant,
}

impl<H> EventLoop<'_, H>
where
    H: Handler,
{
    pub(super) fn take_orders(&mut self) {
        loop {
            match self.channel.next_order() {
                // `resume_accepting` follows in the same turn.
                Next::Message(Order::Accept) => {
                    // The master opens the further addresses before.
                    self.sources.iter_mut().for_each(Acceptor::opened);
                }
                // As well: what stands in the queue is found when it is waited on anew.
                Next::Message(Order::Look) => self.sources.primary_mut().disarm(&self.poll),
                Next::Message(Order::Drain { queue, grace }) => self.begin_drain(queue, grace),
                Next::Message(Order::Parted) => self.parted = true,
                Next::Message(Order::Link { link }) => self.take_link(link),
                Next::Message(Order::Reopen { number }) => self.reopen_log(number),
                // Only the dispatcher is introduced to anybody.
                Next::Message(Order::Introduce { .. }) => {}
                Next::Nothing => return,
                Next::End => return self.be_orphaned(),
            }
        }
    }

    pub(super) fn take_signals(&mut self) -> Going {
        for signal in self.signals.take() {
            if signal == Signal::SIGQUIT || std::mem::replace(&mut self.told_to_end, true) {
                return Going::Cut;
            }
            if self.drain.is_none() && self.channel.report(&Report::WantsDrain).is_err() {
                self.begin_drain(Queue::Leave, self.grace);
            }
        }
        Going::On
    }

    fn reopen_log(&mut self, number: u32) {
        match &mut self.desk.tally.log {
            Some(log) => log.reopen(number),
            // Without a master nobody waits for it.
            None => drop(self.channel.report(&Report::Reopened { number, failure: None })),
        }
    }

    /// Without it nothing comes here any more, though all else is well: a successor has room for it.
    fn take_link(&mut self, link: Option<OwnedFd>) {
        let Some(links) = self.sources.links_mut() else { return };
        let lost = || io::Error::other("no descriptor is left");
        let token = Sources::token(PRIMARY);
        let added = link.ok_or_else(lost).and_then(|link| links.add(link, &self.poll, token));
        if let Err(error) = added {
            let text = format!("it cannot take up a link to the dispatcher: {error}");
            // Without a master there is no dispatcher to come.
            let _ = self.channel.report(&Report::WantsSuccessor { why: Cause::Unreachable, text });
        }
    }

    /// The master is dead: this worker finishes what it has, and lets go of the port as soon as
    /// nobody waits in its queue, so that a new master can take it.
    fn be_orphaned(&mut self) {
        if self.drain.is_some_and(|drain| drain.orphaned_until.is_some()) {
            return;
        }
        tracing::warn!("the master is dead; this worker drains");
        self.sources.iter().for_each(|source| source.refuse_newcomers(self.board));
        // Nobody is left who could give it another link.
        self.parted = true;
        self.begin_drain(Queue::Empty, self.grace);
        if let Some(drain) = &mut self.drain {
            drain.orphaned_until = Some(self.desk.now + self.grace);
        }
    }

    /// Begins to drain, or learns that nobody else will empty its queue.
    fn begin_drain(&mut self, queue: Queue, grace: Duration) {
        let begun = self.drain.is_some();
        let not_before = self.desk.now;
        let drain = self.drain.get_or_insert(Drain { queue, orphaned_until: None, not_before });
        if queue == Queue::Empty && (!begun || drain.queue == Queue::Leave) {
            drain.not_before = self.desk.now + self.handshake_linger.min(grace / 2);
            // Whoever has not begun to accept has this queue to empty as well.
            self.sources.iter_mut().for_each(Acceptor::opened);
        }
        if drain.orphaned_until.is_none() {
            drain.queue = queue;
        }
        for place in self.sources.places() {
            if self.leaves_queue(place) {
                self.sources[place].disarm(&self.poll);
            }
        }
        if begun {
            return;
        }
        self.desk.draining = true;
        for key in self.clients.iter().map(|(key, _)| key).collect::<Vec<_>>() {
            let fate = self.clients[key].drain(&mut self.desk);
            self.settle(key, fate);
        }
        self.sweep_at = Some(self.desk.now);
    }

    /// Drained: no connection is left, and none waits for this worker.
    pub(super) fn finished(&mut self) -> Going {
        let Some(drain) = self.drain else { return Going::On };
        if drain.orphaned_until.is_some_and(|until| until <= self.desk.now) {
            tracing::warn!(open = self.clients.len(), "the drain had its time");
            return Going::Done;
        }
        let orphaned = drain.orphaned_until.is_some();
        if orphaned || self.clients.is_empty() {
            self.empty_queues();
            if orphaned && drain.not_before <= self.desk.now {
                self.close_emptied();
            }
        }
        let parted = self.parted;
        let links_done = self.sources.links_mut().is_none_or(|links| links.ended() && parted);
        // What waits while nothing can be accepted is still to be answered.
        let pauses = drain.queue == Queue::Empty && self.paused_until.is_some();
        let taken = self.sources.primary().has_taken();
        let queues_done = !pauses && !taken && drain.not_before <= self.desk.now;
        let intake_done = links_done && (queues_done || !self.sources.has_listener());
        let done = self.clients.is_empty() && intake_done;
        if done { Going::Done } else { Going::On }
    }

    /// Others accept what waits there. When a worker goes for good it has its own queue to empty, and
    /// its siblings go on with those of the further addresses; when all go, they all empty them.
    pub(super) fn leaves_queue(&self, place: usize) -> bool {
        let Some(drain) = self.drain.filter(|_| !self.sources[place].is_linked()) else {
            return false;
        };
        let all_go = self.board.closing() || drain.orphaned_until.is_some();
        drain.queue == Queue::Leave || place != PRIMARY && !all_go
    }

    /// Takes all that waits and is not left to others.
    fn empty_queues(&mut self) {
        loop {
            for place in self.sources.places() {
                if self.paused_until.is_some() || self.leaves_queue(place) {
                    continue;
                }
                self.sources[place].fetch();
                self.accept(place);
            }
            let none_came = self.fresh.is_empty();
            self.begin_fresh();
            if none_came {
                return;
            }
        }
    }

    /// An orphan lets go of its listeners: nobody comes after it.
    fn close_emptied(&mut self) {
        if self.paused_until.is_some() || self.is_full() {
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
}
