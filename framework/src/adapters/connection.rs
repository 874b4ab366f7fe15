//! Connections for the user, which are counted as long as they live.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use crate::net::listener;
use crate::worker::{Arrived, Hosted, Origin};

/// A connection that was accepted, and does not block.
#[derive(Debug)]
pub struct Connection {
    // Counted as closed before its peer can see it: fields are dropped in this order.
    seat: SeatGuard,
    socket: Socket,
    remote: Option<SocketAddr>,
}

/// Its socket, of the standard library.
#[derive(Debug)]
#[non_exhaustive]
pub enum Socket {
    /// An internet socket.
    Tcp(TcpStream),
    /// A unix-domain socket.
    Unix(UnixStream),
}

/// Counts a connection as open until it is dropped. Drop it just before the socket.
#[derive(Debug)]
pub struct SeatGuard {
    hosted: Arc<Hosted>,
    origin: Origin,
}

impl Connection {
    pub(super) fn new(arrived: Arrived, hosted: Arc<Hosted>) -> Self {
        let seat = SeatGuard { hosted, origin: arrived.origin };
        let remote = arrived.remote;
        let socket = match remote {
            Some(_) => Socket::Tcp(arrived.socket.into()),
            None => Socket::of_unnamed(arrived.socket),
        };
        Self { seat, socket, remote }
    }

    /// The address of the peer; `None` on a unix-domain socket.
    pub fn peer(&self) -> Option<SocketAddr> {
        self.remote
    }

    /// Its socket.
    pub fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Apart, for a library that wants to have the socket. The guard is to live as long as that.
    pub fn into_parts(self) -> (Socket, SeatGuard) {
        (self.socket, self.seat)
    }
}

impl Socket {
    fn of_unnamed(socket: OwnedFd) -> Self {
        // A dispatcher's peer may be gone before it was looked at, and have no name for that.
        if listener::is_unix(&socket) {
            Self::Unix(socket.into())
        } else {
            Self::Tcp(socket.into())
        }
    }
}

impl Drop for SeatGuard {
    fn drop(&mut self) {
        self.hosted.closed(self.origin);
    }
}

impl Read for &Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.socket {
            Socket::Tcp(stream) => (&*stream).read(buffer),
            Socket::Unix(stream) => (&*stream).read(buffer),
        }
    }
}

impl Write for &Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.socket {
            Socket::Tcp(stream) => (&*stream).write(bytes),
            Socket::Unix(stream) => (&*stream).write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Read for Connection {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        (&*self).read(buffer)
    }
}

impl Write for Connection {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        (&*self).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl AsFd for Connection {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match &self.socket {
            Socket::Tcp(stream) => stream.as_fd(),
            Socket::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsRawFd for Connection {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}
