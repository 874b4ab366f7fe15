//! Connections that were accepted a moment ago.

use std::time::Instant;

use mio::{Interest, Token};

use super::EventLoop;
use crate::http::Handler;
use crate::worker::client::{Client, Fate};
use crate::worker::eager::Eager;
use crate::worker::intake::Arrival;

/// New connections, and whether it pays to read from them at once.
///
/// Under load the request is there, mostly, when its connection is accepted. Read and answered then, it
/// needs no word from epoll, and a connection that ends with it is never given to epoll at all.
#[derive(Default)]
pub(super) struct Fresh {
    keys: Vec<usize>,
    early: Eager,
}

impl Fresh {
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

impl<H> EventLoop<'_, H>
where
    H: Handler,
{
    /// Takes what waits at this source. [`EventLoop::begin_fresh`] is to follow in the same turn.
    pub(super) fn accept(&mut self, place: usize) {
        let filled = self.intake.accept(place);
        while let Some(arrival) = self.intake.arrivals.pop_front() {
            self.adopt(arrival);
        }
        if filled {
            self.be_full();
        }
    }

    fn adopt(&mut self, Arrival { stream, remote }: Arrival) {
        // Nobody is believed whose address is not known, but for peers on a unix-domain socket.
        let known = remote.is_some() || stream.is_unix();
        let preface = known && self.trusted.is_some_and(|them| them.trusts(remote));
        let mut client = Client::new(stream, remote, self.first_deadline(), preface);
        let entry = self.clients.vacant_entry();
        client.key = entry.key();
        self.fresh.keys.push(client.key);
        entry.insert(client);
        self.sweep_at.get_or_insert(self.desk.now + self.sweep_interval());
    }

    /// When the first request is to be there. The turn may have begun long ago, which is of no account
    /// when the time is not short.
    fn first_deadline(&self) -> Instant {
        let now = if self.desk.draining { Instant::now() } else { self.desk.now };
        now + self.intake.patience()
    }

    /// Begins with the connections that were taken in; those that were there before had their turn.
    pub(super) fn begin_fresh(&mut self) {
        let mut keys = std::mem::take(&mut self.fresh.keys);
        for key in keys.drain(..) {
            let Some(client) = self.clients.get_mut(key) else { continue };
            let fate = if self.fresh.early.tries() {
                let fate = client.advance(&mut self.desk, false);
                self.fresh.early.learns(fate != Fate::Reads || !client.is_unheard());
                fate
            } else {
                Fate::Reads
            };
            self.enroll(key, fate);
        }
        // Nobody is taken in by the above.
        self.fresh.keys = keys;
    }

    /// Has epoll watch it. What came before that is told at once.
    fn enroll(&mut self, key: usize, fate: Fate) {
        if fate == Fate::Gone {
            return self.remove(key);
        }
        let Some(client) = self.clients.get_mut(key) else { return };
        client.enrolled = true;
        let interest = client.change_interest(fate == Fate::Writes).unwrap_or(Interest::READABLE);
        let registry = self.intake.poll.registry();
        if let Err(error) = registry.register(&mut client.stream, Token(key), interest) {
            tracing::error!("cannot watch a connection: {error}");
            return self.remove(key);
        }
        if fate == Fate::Again {
            self.again.push(key);
        }
    }
}
