//! Orders and the end of a worker.

use super::EventLoop;
use crate::http::Handler;
use crate::net::channel::{Order, Report};
use crate::output;
use crate::worker::intake::Going;
use crate::worker::mailbox;

impl<H> EventLoop<'_, H>
where
    H: Handler,
{
    pub(super) fn take_orders(&mut self) {
        let log = &mut self.desk.tally.log;
        self.intake.take_orders(&mut |birth, order| {
            let number = match order {
                Order::Reopen { number } => *number,
                Order::Message(bytes) => return mailbox::deliver(bytes),
                _ => return,
            };
            let failure = output::reopen();
            if failure.is_some() || log.is_none() {
                // Without a master nobody waits for it.
                let _ = birth.channel.report(&Report::Reopened { number, failure });
            }
            if let Some(log) = log {
                log.reopen(number);
            }
        });
    }

    pub(super) fn begin_drain(&mut self) {
        self.desk.draining = true;
        mailbox::begin_drain();
        for key in self.clients.iter().map(|(key, _)| key).collect::<Vec<_>>() {
            let fate = self.clients[key].drain(&mut self.desk);
            self.settle(key, fate);
        }
        self.sweep_at = Some(self.desk.now);
    }

    /// Drained: no connection is left, and none waits for this worker.
    pub(super) fn finished(&mut self) -> Going {
        if !self.intake.is_draining() {
            return Going::On;
        }
        if self.intake.time_is_up() {
            return Going::Done;
        }
        if self.intake.empties_queues() {
            self.empty_queues();
            self.intake.close_emptied();
        }
        if self.intake.is_done() { Going::Done } else { Going::On }
    }

    /// Takes all that waits and is not left to others.
    fn empty_queues(&mut self) {
        loop {
            for place in self.intake.sources.places() {
                if self.intake.fetch(place) {
                    self.accept(place);
                }
            }
            let none_came = self.fresh.is_empty();
            self.begin_fresh();
            if none_came {
                return;
            }
        }
    }
}
