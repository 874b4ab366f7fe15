//! The drain of a worker, as something to look at and to wait for.

use std::fmt;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Instant;

use crate::worker::{Hosted, Phase, Reached};

/// The end of a worker's service. It begins with a reload, a scaling down, a stop, or a signal to the
/// worker, and comes to this in steps:
///
/// 1. It has [begun](Drain::begun): each connection is to be answered once more, and told that this was
///    the last answer (`Connection: close`).
/// 2. It is [impatient](Drain::impatient): each connection has had a second for one more request, and what is
///    idle now may be closed. Others may still come: what waits in the accept queue is for this worker, if
///    nobody else will take it, and is taken then also beyond
///    [`Server::connections_max`](crate::Server::connections_max).
/// 3. It has [settled](Drain::settled): nothing more comes, and the newest have had their second as well.
///    The listener may be let go of, and what is idle may be closed.
/// 4. No connection is left, or [the time is up](Drain::deadline): the master ends the worker then.
///
/// Answers under way whose heads did not say that they are the last ones are waited for in the first step,
/// as another request may follow each. One that does not end, such as a stream of events, holds that up for
/// half of the grace period, and not longer.
///
/// The descriptor ([`AsFd`]) is readable from the begin on, and is not to be read from.
#[derive(Clone)]
pub struct Drain {
    hosted: Arc<Hosted>,
}

impl Drain {
    pub(crate) fn new(hosted: Arc<Hosted>) -> Self {
        Self { hosted }
    }

    /// It has begun.
    pub fn is_draining(&self) -> bool {
        self.hosted.phase() >= Phase::Draining
    }

    /// What has been idle for a second may be closed.
    pub fn is_impatient(&self) -> bool {
        self.hosted.phase() >= Phase::Impatient
    }

    /// Nothing more is accepted, and what is idle may be closed.
    pub fn is_settled(&self) -> bool {
        self.hosted.phase() >= Phase::Settled
    }

    /// When the master will end this worker, if it drains.
    pub fn deadline(&self) -> Option<Instant> {
        self.hosted.deadline()
    }

    /// Waits until the drain begins. The future belongs to no runtime.
    pub fn begun(&self) -> impl Future<Output = ()> + Send + Sync + use<> {
        self.reached(Phase::Draining)
    }

    /// Waits until a connection that is taken now may be closed when it is idle: to be called when one
    /// begins, by a server that closes each by itself. That is when the drain is impatient; for one that
    /// comes later, when it has settled.
    pub fn impatient(&self) -> impl Future<Output = ()> + Send + Sync + use<> {
        self.reached(if self.is_impatient() { Phase::Settled } else { Phase::Impatient })
    }

    /// Waits until the drain has settled: what a graceful shutdown is to wait for. A server that closes
    /// idle connections as soon as a drain begins loses the requests that are on their way there.
    pub fn settled(&self) -> impl Future<Output = ()> + Send + Sync + use<> {
        self.reached(Phase::Settled)
    }

    fn reached(&self, phase: Phase) -> Reached {
        Reached::new(Arc::clone(&self.hosted), phase)
    }
}

impl AsFd for Drain {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.hosted.begun()
    }
}

impl fmt::Debug for Drain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Drain").field("draining", &self.is_draining()).finish_non_exhaustive()
    }
}
