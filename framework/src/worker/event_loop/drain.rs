//! Orders, signals and the end of a worker.

use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::{EventLoop, Going, INTAKE};
use crate::http::Handler;
use crate::net::channel::{Next, Order, Queue, Report};

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
                Next::Message(Order::Accept) => self.acceptor.opened(),
                // As well: what stands in the queue is found when it is waited on anew.
                Next::Message(Order::Look) => self.acceptor.disarm(&self.poll),
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
        let Some(links) = self.acceptor.links_mut() else { return };
        let lost = || io::Error::other("no descriptor is left");
        let added = link.ok_or_else(lost).and_then(|link| links.add(link, &self.poll, INTAKE));
        if let Err(error) = added {
            let text = format!("it cannot take up a link to the dispatcher: {error}");
            // Without a master there is no dispatcher to come.
            let _ = self.channel.report(&Report::WantsSuccessor { text });
        }
    }

    /// The master is dead: this worker finishes what it has, and lets go of the port as soon as
    /// nobody waits in its queue, so that a new master can take it.
    fn be_orphaned(&mut self) {
        if self.drain.is_some_and(|drain| drain.orphaned_until.is_some()) {
            return;
        }
        tracing::warn!("the master is dead; this worker drains");
        self.acceptor.refuse_newcomers(self.board);
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
        }
        if drain.orphaned_until.is_none() {
            drain.queue = queue;
        }
        if drain.queue == Queue::Leave && !self.acceptor.is_linked() {
            self.acceptor.disarm(&self.poll);
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
            self.empty_queue(drain, orphaned);
        }
        let intake_done = if let Some(links) = self.acceptor.links_mut() {
            links.ended() && self.parted
        } else {
            // What waits while nothing can be accepted is still to be answered.
            let pauses = drain.queue == Queue::Empty && self.paused_until.is_some();
            !pauses && !self.acceptor.has_taken() && drain.not_before <= self.desk.now
        };
        let done = self.clients.is_empty() && intake_done;
        if done { Going::Done } else { Going::On }
    }

    /// Takes all that waits. An orphan's listener is closed then: nobody comes after it.
    fn empty_queue(&mut self, drain: Drain, orphaned: bool) {
        if drain.queue == Queue::Leave && !self.acceptor.is_linked() || self.paused_until.is_some()
        {
            return;
        }
        loop {
            self.acceptor.fetch();
            self.accept();
            let none_came = self.fresh.is_empty();
            self.begin_fresh();
            let full = self.clients.len() >= self.clients_max && !self.acceptor.is_linked();
            if self.paused_until.is_some() || full {
                return;
            }
            if none_came {
                break;
            }
        }
        if orphaned && !self.acceptor.is_linked() && drain.not_before <= self.desk.now {
            self.acceptor.close(&self.poll);
        }
    }
}
