//! What happens to workers, as the user's hook in the master sees it.

use std::fmt;
use std::net::SocketAddr;

use crate::plan::Address;

/// A worker for all time. Its slot outlives it, and so may its pid: the three together are never used
/// again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId {
    /// Its slot, from 0: see [`Worker::index`](crate::Worker::index).
    pub index: u16,
    /// The how-manieth process of the slot: see [`Worker::generation`](crate::Worker::generation).
    pub generation: u32,
    /// Its process id.
    pub pid: u32,
}

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { index, generation, pid } = self;
        write!(f, "worker {index} (generation {generation}, pid {pid})")
    }
}

/// What has happened; for [`Server::on_event`](crate::Server::on_event).
///
/// Of one worker they come in this order: fork, online, listening, disconnect, exit; some may be left out by
/// one that dies early. What a worker said comes before its exit.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum ClusterEvent<'a> {
    /// A worker was forked.
    Fork {
        /// Which one.
        worker: WorkerId,
    },
    /// It runs. Nothing of the user has run in it so far.
    Online {
        /// Which one.
        worker: WorkerId,
    },
    /// It is ready, and accepts connections from now on.
    Listening {
        /// Which one.
        worker: WorkerId,
        /// Where, with real ports, the primary address first.
        addresses: &'a [Address],
        /// Where it gets datagrams; see [`Server::udp`](crate::Server::udp).
        udp: &'a [SocketAddr],
    },
    /// It said something; see [`Worker::send`](crate::Worker::send).
    Message {
        /// Who.
        worker: WorkerId,
        /// What.
        bytes: &'a [u8],
    },
    /// It was told to drain, or cannot be reached any more. Once a worker, and before its exit.
    Disconnect {
        /// Which one.
        worker: WorkerId,
    },
    /// It is gone.
    Exit {
        /// Which one.
        worker: WorkerId,
        /// What it returned, if it was not ended by a signal.
        code: Option<i32>,
        /// The number of the signal that ended it.
        signal: Option<i32>,
        /// It had been told to drain: by [`Cluster::disconnect`](crate::Cluster::disconnect), a SIGTERM,
        /// a reload, a smaller number of workers or a stop. False means that it died by itself or was
        /// killed.
        exited_after_disconnect: bool,
    },
    /// Something failed: a worker could not be forked or could not start, or did not get what was sent to
    /// it. The server goes on, and the slot tries again.
    Error {
        /// Whose fault; `None`: it was not there yet, or no worker is concerned.
        worker: Option<WorkerId>,
        /// What, and why.
        text: &'a str,
    },
}

impl ClusterEvent<'_> {
    /// The worker that it is about.
    pub fn worker(&self) -> Option<WorkerId> {
        match self {
            Self::Fork { worker }
            | Self::Online { worker }
            | Self::Listening { worker, .. }
            | Self::Message { worker, .. }
            | Self::Disconnect { worker }
            | Self::Exit { worker, .. } => Some(*worker),
            Self::Error { worker, .. } => *worker,
        }
    }
}
