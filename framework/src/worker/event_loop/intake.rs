//! New connections.

use std::io;
use std::net::SocketAddr;
use std::time::Instant;

use nix::sys::resource::{Resource, getrlimit};

use super::EventLoop;
use crate::http::Handler;
use crate::limits::{ACCEPT_PAUSE, DESCRIPTORS_LEFT, DRAIN_SILENCE};
use crate::net::listener;
use crate::worker::acceptor::Accepted;
use crate::worker::client::Client;
use crate::worker::sources::{PRIMARY, Sources};
use crate::worker::stream::{Origin, Stream};

impl<H> EventLoop<'_, H>
where
    H: Handler,
{
    /// Takes what waits at this source, one batch at the most.
    pub(super) fn accept(&mut self, place: usize) {
        if self.paused_until.is_some() {
            return;
        }
        // The queue is watched as long as it is not empty, so that nothing is lost by taking only one. With
        // a program that goes by loads, its end is to be seen each time.
        let most = self.sources[place].batch();
        let batch = if self.standing.is_some() || self.more.tries() { most } else { 1 };
        for taken in 0..batch {
            let room = self.clients_max.saturating_sub(self.clients.len());
            if room == 0 && !self.sources[place].is_linked() {
                break;
            }
            let standing = self.standing.filter(|_| place == PRIMARY);
            let assigned = standing.map(|standing| standing.load.assigned());
            match self.sources[place].accept(room <= 1) {
                Accepted::Connection(stream, remote) => {
                    if taken == 1 {
                        self.more.learns(true);
                    }
                    self.can_accept(true);
                    self.welcome(stream, remote);
                    // Who leaves the queue to others is no longer in the line.
                    if self.leaves_queue(place) {
                        return;
                    }
                    let token = Sources::token(place);
                    if let Err(error) = self.sources[place].took_turn(&self.poll, token) {
                        self.pause(&error);
                        return;
                    }
                }
                Accepted::Nothing => {
                    if taken == 1 {
                        self.more.learns(false);
                    }
                    self.can_accept(true);
                    if let (Some(standing), Some(assigned)) = (&self.standing, assigned) {
                        standing.load.queue_was_empty(assigned);
                    }
                    return self.found_empty(place);
                }
                Accepted::Exhausted(error) => return self.pause(&error),
            }
        }
        if self.is_full() {
            self.be_full();
        }
    }

    fn welcome(&mut self, stream: Stream, remote: Option<SocketAddr>) {
        match stream.origin() {
            Origin::Primary => self.seat.count_accepted(),
            Origin::Further => self.seat.count_further_accepted(),
        }
        if remote.is_some() {
            listener::readmit(&stream, self.board);
        }
        // Nobody is believed whose address is not known, but for peers on a unix-domain socket.
        let known = remote.is_some() || stream.is_unix();
        let preface = known && self.trusted.is_some_and(|them| them.trusts(remote));
        self.adopt(Client::new(stream, remote, self.first_deadline(), preface));
    }

    /// Connections that come in on this CPU are for this worker.
    pub(in crate::worker) fn prefer_cpu(&self, cpu: usize) -> io::Result<()> {
        self.sources.primary().prefer_cpu(cpu)
    }

    fn can_accept(&mut self, well: bool) {
        if let Some(standing) = &mut self.standing {
            standing.accepts(well);
        }
    }

    /// No more connections are allowed.
    pub(super) fn is_full(&self) -> bool {
        self.clients.len() >= self.clients_max
    }

    /// When the first request is to be there. The turn may have begun long ago, which is of no account
    /// when the time is not short. A client that was not heard tries again after a pause that is not longer
    /// than it has waited.
    fn first_deadline(&self) -> Instant {
        let head = self.desk.timeouts.head;
        if self.desk.draining {
            let unheard = self.board.muted_for().unwrap_or_default();
            return Instant::now() + (DRAIN_SILENCE + unheard).min(head);
        }
        self.desk.now + head
    }

    /// Something is used up: what waits in the queue waits a little longer.
    fn pause(&mut self, error: &io::Error) {
        // A worker that looks after its queue by itself finds the same again and again.
        if !self.standing.is_some_and(|standing| standing.starved) {
            tracing::warn!("accepting pauses: {error}; raise the limits of open files and threads");
            self.seat.count_error();
        }
        self.can_accept(false);
        self.say_full();
        self.sources.iter_mut().for_each(|source| source.disarm(&self.poll));
        self.paused_until = Some(self.desk.now + ACCEPT_PAUSE);
    }

    /// Full: a wake-up that is meant for one worker only must not come here any more, and a dispatcher
    /// is to send to others.
    fn be_full(&mut self) {
        self.make_room();
        if !self.is_full() {
            return;
        }
        self.say_full();
        let listeners = self.sources.iter_mut().filter(|source| !source.is_linked());
        listeners.for_each(|source| source.disarm(&self.poll));
    }

    fn say_full(&mut self) {
        if let Some(links) = self.sources.links_mut() {
            links.set_full(true);
        }
    }

    /// After a pause, or when a connection made room.
    pub(super) fn resume_accepting(&mut self) {
        if self.paused_until.is_some_and(|until| until <= self.desk.now) {
            self.paused_until = None;
        }
        if self.paused_until.is_some() {
            return;
        }
        let full = self.is_full();
        for place in self.sources.places() {
            if (full || self.leaves_queue(place)) && !self.sources[place].is_linked() {
                continue;
            }
            let token = Sources::token(place);
            if let Err(error) = self.sources[place].arm(&self.poll, token, full) {
                return self.pause(&error);
            }
        }
    }
}

/// Most connections, within what the user allows and what the limit of open files leaves.
pub(super) fn room_for_clients(wanted: usize) -> usize {
    let limit = getrlimit(Resource::RLIMIT_NOFILE).map_or(u64::MAX, |(soft, _)| soft);
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let in_use = std::fs::read_dir("/proc/self/fd").map_or(0, Iterator::count);
    let room = limit.saturating_sub(in_use + DESCRIPTORS_LEFT).max(1);
    if room < wanted {
        tracing::debug!(room, wanted, "the limit of open files leaves room for fewer connections");
    }
    wanted.min(room)
}
