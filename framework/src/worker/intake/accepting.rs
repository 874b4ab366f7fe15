//! New connections.

use std::io;
use std::net::SocketAddr;

use nix::sys::resource::{Resource, getrlimit};

use super::{Arrival, Intake};
use crate::limits::{ACCEPT_PAUSE, DESCRIPTORS_LEFT};
use crate::net::listener;
use crate::worker::acceptor::Accepted;
use crate::worker::sources::{PRIMARY, Sources};
use crate::worker::stream::{Origin, Stream};

impl Intake<'_> {
    /// Takes what waits at this source, one batch at the most, to the arrivals. True when it stopped
    /// because it is full.
    pub(in crate::worker) fn accept(&mut self, place: usize) -> bool {
        if self.paused_until.is_some() {
            return false;
        }
        // The queue is watched as long as it is not empty, so that nothing is lost by taking only one. With
        // a program that goes by loads, its end is to be seen each time.
        let most = self.sources[place].batch();
        let batch = if self.standing.is_some() || self.more.tries() { most } else { 1 };
        for taken in 0..batch {
            let room = self.open_max.saturating_sub(self.open);
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
                        return false;
                    }
                    let token = Sources::token(place);
                    if let Err(error) = self.sources[place].took_turn(&self.poll, token) {
                        self.pause(&error);
                        return false;
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
                    self.found_empty(place);
                    return false;
                }
                Accepted::Exhausted(error) => {
                    self.pause(&error);
                    return false;
                }
            }
        }
        self.is_full()
    }

    fn welcome(&mut self, stream: Stream, remote: Option<SocketAddr>) {
        match stream.origin() {
            Origin::Primary => self.birth.seat.count_accepted(),
            Origin::Further => self.birth.seat.count_further_accepted(),
        }
        if remote.is_some() {
            listener::readmit(&stream, self.birth.board);
        }
        self.open += 1;
        self.arrivals.push_back(Arrival { stream, remote });
    }

    /// A connection is closed. To be called before its peer can see it.
    pub(in crate::worker) fn closed(&mut self, origin: Origin) {
        self.open = self.open.saturating_sub(1);
        if origin == Origin::Further {
            // The program did not assign it.
            return self.birth.seat.count_further_closed();
        }
        self.birth.seat.count_closed();
        if let Some(standing) = &self.standing {
            standing.load.closed_some();
        }
    }

    fn can_accept(&mut self, well: bool) {
        if let Some(standing) = &mut self.standing {
            standing.accepts(well);
        }
    }

    /// No connection is there.
    pub(in crate::worker) fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// No more connections are allowed.
    pub(in crate::worker) fn is_full(&self) -> bool {
        self.open >= self.open_max
    }

    /// The most connections that are allowed.
    pub(in crate::worker) fn open_max(&self) -> usize {
        self.open_max
    }

    /// From now on all that waits is taken, as far as descriptors go.
    pub(in crate::worker) fn lift_limit(&mut self) {
        self.open_max = usize::MAX;
    }

    /// Something is used up: what waits in the queue waits a little longer.
    fn pause(&mut self, error: &io::Error) {
        // A worker that looks after its queue by itself finds the same again and again.
        if !self.standing.is_some_and(|standing| standing.starved) {
            tracing::warn!("accepting pauses: {error}; raise the limits of open files and threads");
            self.birth.seat.count_error();
        }
        self.can_accept(false);
        self.say_full();
        self.sources.iter_mut().for_each(|source| source.disarm(&self.poll));
        self.paused_until = Some(self.now + ACCEPT_PAUSE);
    }

    /// Full: a wake-up that is meant for one worker only must not come here any more, and a dispatcher
    /// is to send to others.
    pub(in crate::worker) fn be_full(&mut self) {
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

    /// What waits at this source stays there until [`Intake::resume_accepting`].
    pub(in crate::worker) fn hold(&mut self, place: usize) {
        self.sources[place].disarm(&self.poll);
    }

    /// After a pause, or when a connection made room.
    pub(in crate::worker) fn resume_accepting(&mut self) {
        if self.paused_until.is_some_and(|until| until <= self.now) {
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
