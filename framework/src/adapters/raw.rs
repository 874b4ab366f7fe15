//! A worker whose loop is the user's own.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use super::answering::Answering;
use super::connection::Connection;
use super::drain::Drain;
use crate::worker::{Hosted, Phase, Worker};

/// A worker that serves with a loop of its own; see [`Server::run`](crate::Server::run).
pub struct RawWorker {
    hosted: Arc<Hosted>,
    about: Worker,
}

impl RawWorker {
    pub(crate) fn new(hosted: Arc<Hosted>, about: Worker) -> Self {
        Self { hosted, about }
    }

    /// Which worker this is.
    pub fn about(&self) -> &Worker {
        &self.about
    }

    /// The next connection, which does not block; `None` when there is none now: then, and not before, the
    /// descriptor of [`RawWorker::as_fd`] is worth waiting for.
    ///
    /// The first call tells the master that this worker is ready. What is queued is left to others, or
    /// taken, as the master says; also while this worker drains. Once it [is done](RawWorker::is_done) the
    /// descriptor stays readable, so that a loop which waits first and looks then comes to its end.
    ///
    /// # Errors
    /// A system call failed, or this worker is to end at once: return, then.
    pub fn accept(&self) -> io::Result<Option<Connection>> {
        loop {
            if let Some(arrived) = self.hosted.take()? {
                return Ok(Some(Connection::new(arrived, Arc::clone(&self.hosted))));
            }
            let quiet = self.hosted.turn()?;
            if self.hosted.is_cut() {
                return Err(io::Error::other("this worker is to end at once"));
            }
            if self.is_done() {
                self.hosted.stay_ready()?;
                return Ok(None);
            }
            if quiet {
                return Ok(None);
            }
        }
    }

    /// Calls `wait`, which is to wait for events, and tells the scoreboard, the watchdog and the balance
    /// that this worker has nothing to do until then. A loop that waits in no other way is found out when
    /// it hangs ([`Server::hang_timeout`](crate::Server::hang_timeout)).
    pub fn wait<R>(&self, wait: impl FnOnce() -> R) -> R {
        self.hosted.rests();
        let result = wait();
        self.hosted.works();
        result
    }

    /// The drain of this worker, to be looked at or waited for.
    pub fn drain(&self) -> Drain {
        Drain::new(Arc::clone(&self.hosted))
    }

    /// It has drained, and no connection is left: the loop is to end.
    pub fn is_done(&self) -> bool {
        self.hosted.phase() == Phase::Over
    }

    /// Counts a request that is answered after this time, and says whether the answer is to be the last one
    /// on its connection.
    pub fn answer(&self, duration: Duration) -> Answering {
        Answering::begin(&self.hosted, duration)
    }

    /// Counts something that went wrong.
    pub fn count_error(&self) {
        self.hosted.count_error();
    }
}

/// An epoll instance, which is readable when [`RawWorker::accept`] has something to do: a connection, an
/// order of the master, a signal, a time that has come. It may be waited on level-triggered or
/// edge-triggered.
impl AsFd for RawWorker {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.hosted.ready()
    }
}

impl fmt::Debug for RawWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawWorker").field("about", &self.about).finish_non_exhaustive()
    }
}
