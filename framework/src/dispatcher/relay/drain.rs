//! Orders, signals and the end of a dispatcher.

use std::io;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use super::Relay;
use crate::net::channel::{Next, Order, Queue, Report};
use crate::net::listener;
use crate::output;

/// A drain that is under way.
#[derive(Clone, Copy)]
pub(super) struct Drain {
    pub(super) queue: Queue,
    pub(super) orphaned_until: Option<Instant>,
    /// Handshakes that were under way when it began are completed until then.
    pub(super) not_before: Instant,
}

impl Relay<'_> {
    pub(super) fn take_orders(&mut self) -> io::Result<()> {
        loop {
            match self.channel.next_order() {
                Next::Message(Order::Introduce { slot, generation, link }) => {
                    let lost = || io::Error::other("no descriptor is left for a link");
                    self.introduce(slot, generation, link.ok_or_else(lost)?)?;
                }
                Next::Message(Order::Accept) => self.listens = true,
                Next::Message(Order::Drain { queue, grace }) => self.begin_drain(queue, grace),
                Next::Message(Order::Reopen { number }) => {
                    // Without a master nobody waits for it.
                    let failure = output::reopen();
                    let _ = self.channel.report(&Report::Reopened { number, failure });
                }
                // Only a worker is given links, has a queue of its own, and is talked to.
                Next::Message(
                    Order::Link { .. } | Order::Parted | Order::Look | Order::Message(_),
                )
                | Next::Unknown => {}
                Next::Nothing => return Ok(()),
                Next::End => {
                    self.be_orphaned();
                    return Ok(());
                }
            }
        }
    }

    /// True when it is to end at once.
    pub(super) fn take_signals(&mut self) -> bool {
        for signal in self.signals.take() {
            if signal == Signal::SIGQUIT || std::mem::replace(&mut self.told_to_end, true) {
                return true;
            }
            if self.drain.is_none() && self.channel.report(&Report::WantsDrain).is_err() {
                self.begin_drain(Queue::Leave, self.grace);
            }
        }
        false
    }

    fn begin_drain(&mut self, queue: Queue, grace: Duration) {
        let now = Instant::now();
        let newly = self.drain.is_none_or(|drain| drain.queue != queue);
        let drain =
            self.drain.get_or_insert(Drain { queue, orphaned_until: None, not_before: now });
        if queue == Queue::Empty && newly {
            drain.queue = queue;
            drain.not_before = now + self.handshake_linger.min(grace / 2);
            // Whoever has not begun to accept has the queue to empty as well.
            self.listens = self.listens || listener::listens(&self.listener).unwrap_or(true);
        }
    }

    fn be_orphaned(&mut self) {
        if self.drain.is_some_and(|drain| drain.orphaned_until.is_some()) {
            return;
        }
        if self.lent != Some(&true)
            && let Err(error) = listener::refuse_newcomers(&self.listener, self.board)
        {
            tracing::warn!("connections that come now may be reset: {error}");
        }
        self.begin_drain(Queue::Empty, self.grace);
        if let Some(drain) = &mut self.drain {
            drain.orphaned_until = Some(Instant::now() + self.grace);
        }
    }

    /// A unix-domain listener that was closed to newcomers would be reported as readable for ever.
    pub(super) fn found_empty(&mut self) {
        let ends = self.drain.is_some_and(|drain| drain.queue == Queue::Empty);
        self.listens &= !(ends && listener::is_unix(&self.listener));
    }

    /// Drained: the queue is empty, and the workers have what was in it. A dispatcher that leaves its
    /// queue to a successor waits as long for the workers that have not answered yet.
    pub(super) fn finished(&self) -> bool {
        let Some(drain) = self.drain else { return false };
        let now = Instant::now();
        if let Some(until) = drain.orphaned_until
            && (until <= now || self.rotation.members().is_empty())
        {
            // Nobody will be introduced any more.
            return true;
        }
        // Armed means: the queue was empty when it was last looked at, and somebody had room.
        let emptied = self.leaves_queue()
            || !self.listens
            || now >= drain.not_before
                && (self.armed || !listener::has_queue(self.listener.as_fd()).unwrap_or(false));
        emptied && self.returned.is_empty() && self.rotation.all_acknowledged()
    }
}
