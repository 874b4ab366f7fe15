//! The links on which dispatchers send sockets: one with the dispatcher that serves, and one with
//! each that leaves.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use mio::{Poll, Token};
use socket2::SockRef;

use super::acceptor::Accepted;
use super::stream::{Origin, Stream};
use crate::net::handoff::{self, Handed};
use crate::sys::epoll::{self, Wake};

/// All links of this worker, level-triggered under one token.
#[derive(Default)]
pub(super) struct Links {
    all: Vec<Link>,
    armed: bool,
    /// This worker has no room for more than what is on its way.
    full: bool,
    /// It could not take what was on its way, either.
    refused: bool,
}

struct Link {
    socket: OwnedFd,
    /// What the dispatcher was last told.
    told_full: bool,
}

impl Links {
    /// Begins to take from a dispatcher as well.
    pub(super) fn add(&mut self, socket: OwnedFd, poll: &Poll, token: Token) -> io::Result<()> {
        if self.armed {
            epoll::add(poll, socket.as_fd(), token, Wake::All)?;
        }
        self.all.push(Link { socket, told_full: false });
        Ok(())
    }

    /// No dispatcher sends anything any more.
    pub(super) fn ended(&self) -> bool {
        self.all.is_empty()
    }

    pub(super) fn arm(&mut self, poll: &Poll, token: Token) -> io::Result<()> {
        if !self.armed {
            for link in &self.all {
                epoll::add(poll, link.socket.as_fd(), token, Wake::All)?;
            }
        }
        self.armed = true;
        Ok(())
    }

    pub(super) fn disarm(&mut self, poll: &Poll) {
        if !std::mem::take(&mut self.armed) {
            return;
        }
        for link in &self.all {
            // It was added, so it can be removed.
            if let Err(error) = epoll::remove(poll, link.socket.as_fd()) {
                tracing::error!("cannot stop waiting for connections: {error}");
            }
        }
    }

    /// Whether there is room from now on, which the dispatchers are told. What they cannot be told
    /// now they are told the next time.
    pub(super) fn set_full(&mut self, full: bool) {
        self.full = full;
        for link in self.all.iter_mut().filter(|link| link.told_full != full) {
            if handoff::say_room(&link.socket, full).is_ok() {
                link.told_full = full;
            }
        }
    }

    /// Takes the next socket that one of them sent; `full`: there is no room for another then.
    pub(super) fn accept(&mut self, full: bool) -> Accepted {
        self.full |= full;
        let mut at = 0;
        while let Some(link) = self.all.get_mut(at) {
            match handoff::receive(&link.socket, self.full) {
                Ok(Handed::Socket(socket)) => {
                    link.told_full = self.full;
                    return connection(socket);
                }
                Ok(Handed::Refused) => {
                    // The others are refused as well, so that they go elsewhere at once.
                    link.told_full = true;
                    self.full = true;
                    self.refused = true;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => at += 1,
                // Closing it takes it out of epoll.
                Ok(Handed::End) => drop(self.all.swap_remove(at)),
                Err(error) => {
                    tracing::error!("a link to a dispatcher broke: {error}");
                    self.all.swap_remove(at);
                }
            }
        }
        if std::mem::take(&mut self.refused) {
            return Accepted::Exhausted(io::Error::from_raw_os_error(libc::EMFILE));
        }
        Accepted::Nothing
    }
}

fn connection(socket: OwnedFd) -> Accepted {
    let remote = SockRef::from(&socket).peer_addr().ok().and_then(|peer| peer.as_socket());
    Accepted::Connection(Stream::new(socket, Origin::Primary), remote)
}
