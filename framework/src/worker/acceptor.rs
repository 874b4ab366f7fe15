//! Where connections to one address come from: the worker's own accept queue, a shared one, or
//! dispatchers.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use mio::{Poll, Token};

use super::accept_thread::AcceptThread;
use super::links::Links;
use super::stream::{Origin, Stream};
use crate::board::Board;
use crate::limits::{ACCEPTS_PER_WAKE_OWN, ACCEPTS_PER_WAKE_SHARED};
use crate::net::listener::{self, AcceptError};
use crate::plan::AcceptWake;
use crate::sys::epoll::{self, Wake};

/// A source of connections that is waited on, level-triggered, under one token.
pub(super) struct Acceptor {
    source: Source,
    origin: Origin,
    armed: bool,
    /// The master has not said yet that this worker may accept.
    waits_for_master: bool,
    /// Whoever passed it to this server keeps it open, and has it served again.
    lent: bool,
}

enum Source {
    Own(OwnedFd),
    Shared(OwnedFd, AcceptWake),
    Thread(AcceptThread),
    Links(Links),
    /// Given back for good.
    Closed,
}

/// What one try brought.
pub(super) enum Accepted {
    Connection(Stream, Option<SocketAddr>),
    /// Nothing waits.
    Nothing,
    /// Out of descriptors or memory: try again later.
    Exhausted(io::Error),
}

impl Acceptor {
    /// The slot's own listener.
    pub(super) fn own(listener: OwnedFd) -> Self {
        Self::new(Source::Own(listener), Origin::Primary)
    }

    /// The listener that all workers share.
    pub(super) fn shared(listener: OwnedFd, wake: AcceptWake) -> Self {
        Self::new(Source::Shared(listener, wake), Origin::Primary)
    }

    /// The listener of a further address, which all workers share.
    pub(super) fn further(listener: OwnedFd, wake: AcceptWake) -> Self {
        Self::new(Source::Shared(listener, wake), Origin::Further)
    }

    /// The thread that accepts from the listener that all workers share.
    pub(super) fn thread(thread: AcceptThread) -> Self {
        Self::new(Source::Thread(thread), Origin::Primary)
    }

    /// The links on which dispatchers send sockets; the master brings them.
    pub(super) fn links() -> Self {
        Self::new(Source::Links(Links::default()), Origin::Primary)
    }

    fn new(source: Source, origin: Origin) -> Self {
        let waits_for_master = source.listener().is_some();
        Self { source, origin, armed: false, waits_for_master, lent: false }
    }

    /// Begins to be woken for connections; `full`: a dispatcher is to know that there is no room.
    pub(super) fn arm(&mut self, poll: &Poll, token: Token, full: bool) -> io::Result<()> {
        let wake = match self.source {
            Source::Shared(_, AcceptWake::Exclusive | AcceptWake::Rotating) => Wake::One,
            _ => Wake::All,
        };
        match &mut self.source {
            Source::Links(links) => {
                links.set_full(full);
                return links.arm(poll, token);
            }
            Source::Thread(thread) => {
                return if self.waits_for_master { Ok(()) } else { thread.offer() };
            }
            Source::Own(_) | Source::Shared(..) | Source::Closed => {}
        }
        let wanted = !self.armed && !self.waits_for_master;
        match self.source.listener().filter(|_| wanted) {
            Some(descriptor) => epoll::add(poll, descriptor, token, wake)?,
            None => return Ok(()),
        }
        self.armed = true;
        Ok(())
    }

    /// It may be accepted from now on, if it listens.
    pub(super) fn opened(&mut self) {
        let listens = |socket| listener::listens(socket).unwrap_or(true);
        self.waits_for_master = !self.source.listener().is_none_or(listens);
    }

    /// Is no longer woken for connections; they stay where they are.
    pub(super) fn disarm(&mut self, poll: &Poll) {
        match &mut self.source {
            Source::Thread(thread) => thread.withdraw(),
            Source::Links(links) => links.disarm(poll),
            Source::Own(_) | Source::Shared(..) | Source::Closed => {}
        }
        if !std::mem::take(&mut self.armed) {
            return;
        }
        // It was added, so it can be removed.
        if let Some(Err(error)) = self.source.listener().map(|source| epoll::remove(poll, source)) {
            tracing::error!("cannot stop waiting for connections: {error}");
        }
    }

    /// Makes what is queued there to be accepted, where that takes a thread.
    pub(super) fn fetch(&mut self) {
        if let Source::Thread(thread) = &mut self.source {
            thread.fetch();
        }
    }

    /// A connection is taken from the queue and not yet accepted from here.
    pub(super) fn has_taken(&self) -> bool {
        matches!(&self.source, Source::Thread(thread) if thread.has_taken())
    }

    /// A turn of the loop begins; `quiet` if it found nothing to do.
    pub(super) fn begin_turn(&mut self, quiet: bool) {
        if let Source::Thread(thread) = &mut self.source {
            thread.begin_turn(quiet);
        }
    }

    /// The loop is to look once more, without waiting, before it waits for connections.
    pub(super) fn hesitates(&self) -> bool {
        matches!(&self.source, Source::Thread(thread) if thread.hesitates())
    }

    /// How many connections to take for one wake-up.
    pub(super) fn batch(&self) -> usize {
        match self.source {
            Source::Shared(..) | Source::Thread(_) => ACCEPTS_PER_WAKE_SHARED,
            _ => ACCEPTS_PER_WAKE_OWN,
        }
    }

    /// Takes one connection if one waits; `last`: there is no room for another then.
    pub(super) fn accept(&mut self, last: bool) -> Accepted {
        match &mut self.source {
            _ if self.waits_for_master => Accepted::Nothing,
            Source::Thread(thread) => taken(thread),
            Source::Own(listener) | Source::Shared(listener, _) => accept(listener, self.origin),
            Source::Links(links) => links.accept(last),
            Source::Closed => Accepted::Nothing,
        }
    }

    /// Called after a connection was accepted for a wake-up: goes to the end of the line of those
    /// whom the kernel wakes one at a time. nginx does so every 16 accepts; after each one even a
    /// handful of long connections spreads evenly, for two cheap system calls.
    pub(super) fn took_turn(&mut self, poll: &Poll, token: Token) -> io::Result<()> {
        if let Source::Shared(_, AcceptWake::Rotating) = self.source {
            self.disarm(poll);
            return self.arm(poll, token, false);
        }
        Ok(())
    }

    /// Dispatchers' links bring connections until they end, whoever drains, and what they bring is
    /// taken, however full the worker is.
    pub(super) fn links_mut(&mut self) -> Option<&mut Links> {
        match &mut self.source {
            Source::Links(links) => Some(links),
            _ => None,
        }
    }

    pub(super) fn is_linked(&self) -> bool {
        matches!(self.source, Source::Links(_))
    }

    /// Connections that come in on this CPU are for this listener.
    pub(super) fn prefer_cpu(&self, cpu: usize) -> io::Result<()> {
        self.source.listener().map_or(Ok(()), |own| listener::prefer_cpu(own, cpu))
    }

    pub(super) fn set_lent(&mut self, lent: bool) {
        self.lent = lent;
    }

    pub(super) fn is_lent(&self) -> bool {
        self.lent
    }

    /// The address that its listener is bound to.
    #[cfg(feature = "tokio")]
    pub(super) fn local_address(&self) -> Option<SocketAddr> {
        listener::local_address(self.source.listener()?).ok()
    }

    /// Lets no new connection into the accept queue, when nobody else can do it.
    pub(super) fn refuse_newcomers(&self, board: &Board) {
        if self.lent {
            return;
        }
        let refuse = |listener| listener::refuse_newcomers(listener, board);
        if let Some(Err(error)) = self.source.listener().map(refuse) {
            tracing::warn!("connections that come now may be reset: {error}");
        }
    }

    /// Nothing more comes once its queue is empty, if it was closed to newcomers.
    pub(super) fn is_unix(&self) -> bool {
        self.source.listener().is_some_and(listener::is_unix)
    }

    /// Gives the listener back, for good.
    pub(super) fn close(&mut self, poll: &Poll) {
        self.disarm(poll);
        self.source = Source::Closed;
    }
}

impl Source {
    fn listener(&self) -> Option<BorrowedFd<'_>> {
        match self {
            Self::Own(listener) | Self::Shared(listener, _) => Some(listener.as_fd()),
            Self::Thread(thread) => Some(thread.listener()),
            Self::Links(_) | Self::Closed => None,
        }
    }
}

/// Takes what the thread took.
fn taken(thread: &mut AcceptThread) -> Accepted {
    match thread.pick_up() {
        Some(Ok((socket, remote))) => {
            Accepted::Connection(Stream::new(socket, Origin::Primary), remote)
        }
        // Shut down, and its queue is empty.
        Some(Err(error)) if error.raw_os_error() == Some(libc::EINVAL) => Accepted::Nothing,
        Some(Err(error)) => Accepted::Exhausted(error),
        None => Accepted::Nothing,
    }
}

fn accept(listener: &OwnedFd, origin: Origin) -> Accepted {
    loop {
        let error = match listener::accept(listener) {
            Ok((socket, remote)) => {
                return Accepted::Connection(Stream::new(socket, origin), remote);
            }
            Err(error) => error,
        };
        match listener::accept_error(&error) {
            AcceptError::Nothing => return Accepted::Nothing,
            AcceptError::ThisConnection => {}
            AcceptError::Lasting => return Accepted::Exhausted(error),
        }
    }
}
