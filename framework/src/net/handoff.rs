//! How sockets go from the dispatcher to a worker, over one `SOCK_SEQPACKET` link each.
//!
//! A message from the dispatcher is a ticket, 8 octets, and a descriptor. The worker sends the ticket
//! back when it has the socket, or, with an octet more, when it has no room for it: then another worker
//! gets it. A full worker sends the socket back as well, because the dispatcher that gave it out, and
//! kept it open until now, may have left to a successor.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::sys::descriptors::{self, Received};

/// Octets of a ticket, and of the answer of a worker that took the socket.
pub(crate) const ACCEPTED_BYTES: usize = 8;

/// Octets of the answer of a worker that could not.
pub(crate) const REFUSED_BYTES: usize = 9;

/// What [`receive`] found.
pub(crate) enum Handed {
    Socket(OwnedFd),
    /// Full, or out of descriptors; the dispatcher has been told.
    NoRoom,
    /// The dispatcher and the master have let go of the link: nothing will come any more.
    End,
}

/// Takes the next socket and answers for it. A worker that is `full` gives it back.
pub(crate) fn receive(link: impl AsFd, full: bool) -> io::Result<Handed> {
    let mut ticket = [0; REFUSED_BYTES];
    let Received::Message(_, socket) = descriptors::receive(&link, &mut ticket)? else {
        return Ok(Handed::End);
    };
    // unix(7): the kernel drops a descriptor that it finds no number for, and delivers the rest.
    let (answer, back, handed) = match socket {
        Some(socket) if !full => (ACCEPTED_BYTES, None, Handed::Socket(socket)),
        refused => (REFUSED_BYTES, refused, Handed::NoRoom),
    };
    // Few are outstanding, so there is room; without the dispatcher, nobody waits for the answer.
    let answer = &ticket[..answer];
    if descriptors::send(&link, answer, back.as_ref().map(AsFd::as_fd)).is_err() && back.is_some() {
        // unix(7), ETOOMANYREFS: the dispatcher still has the socket if it has not left.
        let _ = descriptors::send(&link, answer, None);
    }
    Ok(handed)
}
