//! A process of the master.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::chronicle::Fate;
use super::outbox::Outbox;
use crate::cluster::WorkerId;
use crate::ids::{ChildId, Generation, Place};
use crate::net::channel::Channel;
use crate::sys::clock::monotonic_ns;
use crate::sys::exec;

/// A process that has not been reaped.
pub(super) struct Child {
    pub(super) id: ChildId,
    pub(super) pid: Pid,
    /// When it was forked, by the monotonic clock.
    pub(super) since_ns: u64,
    /// Where it counts on the scoreboard.
    pub(super) seat: usize,
    /// `None` when the child has closed its side.
    pub(super) channel: Option<Channel>,
    /// The dispatchers' ends of the links on which the worker takes sockets.
    pub(super) links: Vec<(Generation, OwnedFd)>,
    pub(super) failure: Option<String>,
    /// What the user's master has to say to it.
    pub(super) outbox: Outbox,
    pub(super) parting: Parting,
    pub(super) fate: Fate,
}

/// The same, as it is handed over to another program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HandedChild {
    pub(super) id: ChildId,
    pub(super) pid: i32,
    since_ns: u64,
    seat: usize,
    channel: Option<RawFd>,
    links: Vec<(Generation, RawFd)>,
    outbox: Outbox,
    parting: Parting,
    fate: Fate,
}

/// How far a child is on its way out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Parting {
    #[default]
    No,
    /// It has closed its side, or died.
    Lost,
    /// It was told to drain.
    Told,
}

impl Child {
    /// One that was just forked.
    pub(super) fn new(id: ChildId, pid: Pid, seat: usize, channel: Channel) -> Self {
        Self {
            id,
            pid,
            since_ns: monotonic_ns(),
            seat,
            channel: Some(channel),
            links: Vec::new(),
            failure: None,
            outbox: Outbox::default(),
            parting: Parting::No,
            fate: Fate::default(),
        }
    }

    pub(super) fn is(&self, place: Place, generation: Generation) -> bool {
        self.id == ChildId { place, generation }
    }

    /// How the user knows it; nothing if it is no worker.
    pub(super) fn worker(&self) -> Option<WorkerId> {
        let Place::Slot(slot) = self.id.place else { return None };
        Some(WorkerId { index: slot.0, generation: self.id.generation.0, pid: self.number() })
    }

    /// Its process id, which is positive.
    pub(super) fn number(&self) -> u32 {
        u32::try_from(self.pid.as_raw()).unwrap_or_default()
    }

    /// Sends what waits for it, as far as it reads.
    pub(super) fn flush(&mut self) {
        if let Some(channel) = self.channel.as_ref().filter(|_| !self.outbox.is_empty()) {
            self.outbox.flush(channel);
        }
    }
}

impl HandedChild {
    pub(super) fn of(child: &Child) -> Self {
        let channel = child.channel.as_ref().map(|channel| channel.as_fd().as_raw_fd());
        let links = child.links.iter().map(|(dispatcher, link)| (*dispatcher, link.as_raw_fd()));
        Self {
            id: child.id,
            pid: child.pid.as_raw(),
            since_ns: child.since_ns,
            seat: child.seat,
            channel,
            links: links.collect(),
            outbox: child.outbox.clone(),
            parting: child.parting,
            fate: child.fate,
        }
    }

    pub(super) fn take(&self) -> io::Result<Child> {
        let channel = self.channel.map(exec::take).transpose()?;
        let links =
            self.links.iter().map(|(dispatcher, link)| Ok((*dispatcher, exec::take(*link)?)));
        Ok(Child {
            id: self.id,
            pid: Pid::from_raw(self.pid),
            since_ns: self.since_ns,
            seat: self.seat,
            channel: channel.map(Channel::from_descriptor),
            links: links.collect::<io::Result<_>>()?,
            failure: None,
            outbox: self.outbox.clone(),
            parting: self.parting,
            fate: self.fate,
        })
    }
}
