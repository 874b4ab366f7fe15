//! Connections that are there.

use std::time::Duration;

use mio::Token;

use super::EventLoop;
use crate::http::{Handler, Letter, Office};
use crate::limits::{SUSPENDED_AFTER, SWEEP_INTERVAL};
use crate::worker::client::Fate;

impl<H> EventLoop<'_, H>
where
    H: Handler,
{
    pub(super) fn advance(&mut self, key: usize, to_the_end: bool) {
        // One that was just accepted in the place of another has its turn later.
        if let Some(client) = self.clients.get_mut(key).filter(|client| client.enrolled) {
            let fate = client.advance(&mut self.desk, to_the_end);
            self.settle(key, fate);
        }
    }

    /// Both ways are closed. Who waits for an answer will not be there for it, also if what came before the
    /// end is asked for only now.
    pub(super) fn hung_up(&mut self, key: usize) {
        if !self.waits(key) {
            self.advance(key, true);
        }
        if self.waits(key) {
            self.remove(key);
        }
    }

    fn waits(&self, key: usize) -> bool {
        self.clients.get(key).is_some_and(|client| client.enrolled && client.waits())
    }

    /// What other threads sent.
    pub(super) fn take_letters(&mut self) {
        for letter in self.desk.pool.post().take() {
            let (Letter::Answer(ticket, _) | Letter::Look(ticket)) = &letter;
            let key = ticket.client;
            // A successor under the same key has not asked for it.
            let Some(client) = self.clients.get_mut(key).filter(|client| client.enrolled) else {
                continue;
            };
            if let Some(fate) = client.deliver(letter, &mut self.desk) {
                self.settle(key, fate);
            }
        }
    }

    pub(super) fn settle(&mut self, key: usize, fate: Fate) {
        let Some(client) = self.clients.get_mut(key) else { return };
        let interest = match fate {
            Fate::Reads | Fate::Waits => client.change_interest(false),
            Fate::Writes => client.change_interest(true),
            Fate::Again => {
                self.again.push(key);
                client.change_interest(false)
            }
            Fate::Gone => return self.remove(key),
        };
        let Some(interest) = interest else { return };
        let changed =
            self.intake.poll.registry().reregister(&mut client.stream, Token(key), interest);
        if let Err(error) = changed {
            tracing::error!("cannot watch a connection: {error}");
            self.remove(key);
        }
    }

    /// Closing a socket takes it out of epoll.
    pub(super) fn remove(&mut self, key: usize) {
        let mut client = self.clients.remove(key);
        client.abandon(&mut self.desk);
        // What it could not be sent any more must not be taken for another's answer.
        self.desk.clear_output();
        // Before its peer can see it.
        self.intake.closed(client.stream.origin());
        drop(client);
        if self.clients.is_empty() && self.clients.capacity() > 1024 {
            self.clients.shrink_to_fit();
        }
    }

    /// Ends what is past its deadline.
    pub(super) fn sweep(&mut self) {
        let now = self.desk.now;
        let Some(due) = self.sweep_at.filter(|due| *due <= now) else { return };
        let late = now - due;
        if late > SUSPENDED_AFTER {
            // Perhaps all stood still, and nobody could send anything.
            self.clients.iter_mut().for_each(|(_, client)| client.deadline += late);
        }
        let overdue = self.clients.iter().filter(|(_, client)| client.deadline <= now);
        for key in overdue.map(|(key, _)| key).collect::<Vec<_>>() {
            let fate = self.clients[key].time_out(&mut self.desk);
            self.settle(key, fate);
        }
        self.make_room();
        self.sweep_at = (!self.clients.is_empty()).then_some(now + self.sweep_interval());
    }

    /// A drain waits for the deadlines; otherwise they may be as coarse as can be: by a quarter at most.
    pub(super) fn sweep_interval(&self) -> Duration {
        let finest = SWEEP_INTERVAL / 20;
        if self.desk.draining {
            return finest;
        }
        (self.desk.timeouts.shortest() / 4).clamp(finest, SWEEP_INTERVAL)
    }
}
