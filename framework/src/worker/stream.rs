//! A connection's socket, of whatever family.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use mio::event::Source;
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use socket2::Socket;

/// A connected stream socket, TCP or unix-domain, that never blocks.
#[derive(Debug)]
pub(super) struct Stream {
    socket: Socket,
    origin: Origin,
}

/// Which accept queue a connection came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// That of the primary address, to which the policy applies.
    Primary,
    /// That of a further address.
    Further,
}

impl Stream {
    /// Of a socket that does not block.
    pub(super) fn new(socket: OwnedFd, origin: Origin) -> Self {
        Self { socket: socket.into(), origin }
    }

    pub(super) fn origin(&self) -> Origin {
        self.origin
    }

    /// Its peer has no address.
    pub(super) fn is_unix(&self) -> bool {
        self.socket.local_addr().is_ok_and(|address| address.is_unix())
    }

    pub(super) fn shutdown(&self, how: Shutdown) -> io::Result<()> {
        self.socket.shutdown(how)
    }
}

impl From<Stream> for OwnedFd {
    fn from(stream: Stream) -> Self {
        stream.socket.into()
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.socket.read(buffer)
    }
}

impl Write for Stream {
    /// A peer that is gone is an error, and no SIGPIPE.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.socket.send_with_flags(bytes, libc::MSG_NOSIGNAL)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl Source for Stream {
    fn register(&mut self, to: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.socket.as_raw_fd()).register(to, token, interests)
    }

    fn reregister(&mut self, to: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        SourceFd(&self.socket.as_raw_fd()).reregister(to, token, interests)
    }

    fn deregister(&mut self, from: &Registry) -> io::Result<()> {
        SourceFd(&self.socket.as_raw_fd()).deregister(from)
    }
}
