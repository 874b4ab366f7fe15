//! Orders and signals.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::signal::Signal;

use super::{Errand, Going, Intake};
use crate::board::Cause;
use crate::net::channel::{Next, Order, Queue, Report};
use crate::worker::acceptor::Acceptor;
use crate::worker::sources::{PRIMARY, Sources};

impl Intake<'_> {
    /// Obeys what the master has ordered; what is not about connections is for `errand`.
    pub(in crate::worker) fn take_orders(&mut self, errand: Errand<'_>) {
        loop {
            match self.birth.channel.next_order() {
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
                // Only the dispatcher is introduced to anybody.
                Next::Message(Order::Introduce { .. }) | Next::Unknown => {}
                Next::Message(other @ (Order::Reopen { .. } | Order::Message(_))) => {
                    errand(self.birth, &other);
                }
                Next::Nothing => return,
                Next::End => return self.be_orphaned(),
            }
        }
    }

    pub(in crate::worker) fn take_signals(&mut self) -> Going {
        for signal in self.birth.signals.take() {
            if signal == Signal::SIGQUIT || std::mem::replace(&mut self.told_to_end, true) {
                return Going::Cut;
            }
            let channel = &self.birth.channel;
            if self.drain.is_none() && channel.report(&Report::WantsDrain).is_err() {
                self.begin_drain(Queue::Leave, self.birth.plan.grace);
            }
        }
        Going::On
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
            let _ = self
                .birth
                .channel
                .report(&Report::WantsSuccessor { why: Cause::Unreachable, text });
        }
    }
}
