//! What the user's hook can do.

use std::fmt;
use std::net::SocketAddr;

use super::child::Child;
use super::event::Event;
use super::supervisor::Supervisor;
use crate::board::Phase;
use crate::cluster::WorkerId;
use crate::error::Error;
use crate::limits::{MESSAGE_BYTES_MAX, SLOTS_MAX};
use crate::plan::Address;

/// The workers, in the hands of the hook that [`Server::on_event`](crate::Server::on_event) was given.
///
/// What it is asked for is done when the hook has returned, in the order asked.
pub struct Cluster<'a> {
    pub(super) children: &'a mut Vec<Child>,
    pub(super) supervisor: &'a Supervisor,
    pub(super) addresses: &'a [Address],
    pub(super) udp: &'a [SocketAddr],
    pub(super) wishes: &'a mut Vec<Event>,
}

impl Cluster<'_> {
    /// All workers that are not gone, in the order of their slots. A slot has two for a while when one
    /// replaces the other.
    pub fn workers(&self) -> Vec<WorkerId> {
        let mut workers: Vec<_> = self.children.iter().filter_map(Child::worker).collect();
        workers.sort_unstable();
        workers
    }

    /// What a worker is doing; `None` if it is gone.
    pub fn phase(&self, worker: WorkerId) -> Option<Phase> {
        self.supervisor.phase_of(self.find(worker).ok()?.id)
    }

    /// Whether a worker is gone, as Node's `isDead()` says.
    pub fn is_dead(&self, worker: WorkerId) -> bool {
        self.find(worker).is_err()
    }

    /// Whether a worker can be sent something, as Node's `isConnected()` says.
    pub fn is_connected(&self, worker: WorkerId) -> bool {
        self.find(worker).is_ok_and(|child| child.channel.is_some())
    }

    /// Where connections are accepted, the primary address first, with real ports.
    pub fn addresses(&self) -> &[Address] {
        self.addresses
    }

    /// Where datagrams are taken, with real ports.
    pub fn udp_addresses(&self) -> &[SocketAddr] {
        self.udp
    }

    /// How many workers there are to be.
    pub fn workers_wanted(&self) -> usize {
        self.supervisor.workers_wanted()
    }

    /// Sends a message to a worker, which hears it with [`Worker::on_message`](crate::Worker::on_message).
    /// It never waits: what a worker has not read waits for it, up to 256 KiB or 1,024 messages. A message
    /// to one that dies is lost, which an event tells.
    ///
    /// # Errors
    /// It is too long ([`Error::is_config`]), the worker is gone ([`Error::is_unreachable`]), or it has
    /// not read what was sent before ([`Error::is_full`]).
    pub fn send(&mut self, worker: WorkerId, bytes: &[u8]) -> Result<(), Error> {
        check_length(bytes)?;
        let at = self.position(worker)?;
        send(&mut self.children[at], worker, bytes)
    }

    /// Sends a message to all workers that are not gone. Those that could not be sent it, and why.
    pub fn broadcast(&mut self, bytes: &[u8]) -> Vec<(WorkerId, Error)> {
        let send_to = |child: &mut Child| {
            let worker = child.worker()?;
            let sent = check_length(bytes).and_then(|()| send(child, worker, bytes));
            sent.err().map(|error| (worker, error))
        };
        self.children.iter_mut().filter_map(send_to).collect()
    }

    /// Kills a worker at once, whatever it does (SIGKILL): its connections are cut, and its slot gets a
    /// successor, as if it had crashed.
    ///
    /// # Errors
    /// It is gone ([`Error::is_unreachable`]).
    pub fn kill(&mut self, worker: WorkerId) -> Result<(), Error> {
        let id = self.find(worker)?.id;
        self.wishes.push(Event::KillAsked(id));
        Ok(())
    }

    /// Has a worker answer what it has, and end; its slot gets a successor at once. The same as a SIGTERM
    /// to it.
    ///
    /// # Errors
    /// It is gone ([`Error::is_unreachable`]), or does not serve yet ([`Error::is_refused`]).
    pub fn disconnect(&mut self, worker: WorkerId) -> Result<(), Error> {
        let id = self.find(worker)?.id;
        match self.supervisor.phase_of(id) {
            Some(Phase::Ready) => self.wishes.push(Event::WantsDrain(id)),
            // It is on its way.
            Some(Phase::Draining) => {}
            _ => {
                let text =
                    format!("{worker} does not serve yet: wait until it listens, or kill it");
                return Err(Error::refused(text));
            }
        }
        Ok(())
    }

    /// Has so many workers from now on, 1 to [`SLOTS_MAX`].
    ///
    /// # Errors
    /// There cannot be so many ([`Error::is_config`]), or the master is stopping
    /// ([`Error::is_refused`]).
    pub fn scale(&mut self, workers: u16) -> Result<(), Error> {
        if workers == 0 || workers > SLOTS_MAX {
            let text = format!("cannot run {workers} workers: choose 1 to {SLOTS_MAX}");
            return Err(Error::config(text));
        }
        self.while_running(Event::ScaleTo(workers))
    }

    /// Replaces all workers, one after the other, as SIGHUP to the master does.
    ///
    /// # Errors
    /// The master is stopping ([`Error::is_refused`]).
    pub fn reload(&mut self) -> Result<(), Error> {
        self.while_running(Event::Reload)
    }

    /// Has all workers answer what they have, and ends, as SIGTERM to the master does. Said again, it
    /// changes nothing.
    pub fn stop(&mut self) {
        if !self.supervisor.stopping() && !self.wishes.contains(&Event::Stop) {
            self.wishes.push(Event::Stop);
        }
    }

    fn while_running(&mut self, wish: Event) -> Result<(), Error> {
        if self.supervisor.stopping() || self.wishes.contains(&Event::Stop) {
            return Err(Error::refused("nothing is changed: the master is stopping"));
        }
        self.wishes.push(wish);
        Ok(())
    }

    fn find(&self, worker: WorkerId) -> Result<&Child, Error> {
        self.position(worker).map(|at| &self.children[at])
    }

    fn position(&self, worker: WorkerId) -> Result<usize, Error> {
        let gone = || Error::unheard(format!("{worker} is gone"));
        self.children.iter().position(|child| child.worker() == Some(worker)).ok_or_else(gone)
    }
}

impl fmt::Debug for Cluster<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cluster").field("workers", &self.workers()).finish_non_exhaustive()
    }
}

fn check_length(bytes: &[u8]) -> Result<(), Error> {
    let fits = bytes.len() <= MESSAGE_BYTES_MAX;
    if fits { Ok(()) } else { Err(Error::message_too_long(bytes.len())) }
}

fn send(child: &mut Child, worker: WorkerId, bytes: &[u8]) -> Result<(), Error> {
    let closed =
        || Error::unheard(format!("{worker} is on its way out and hears nothing any more"));
    let channel = child.channel.as_ref().ok_or_else(closed)?;
    child.outbox.send(channel, bytes).map_err(|error| {
        if child.outbox.just_filled() {
            tracing::warn!("{worker} does not read its messages: further ones are refused");
        }
        Error::message_refused(worker, error)
    })
}
