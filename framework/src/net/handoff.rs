//! How sockets go from the dispatcher to a worker, over one `SOCK_SEQPACKET` link each.
//!
//! A message from the dispatcher is a ticket, 8 octets, and a descriptor. The worker sends the ticket
//! back, with an octet that says whether it has the socket and whether it has room for more. When
//! that changes without a ticket, the octet comes alone. What is sent before the worker said that it
//! is full, it takes all the same: it keeps a few places for that.

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use crate::sys::descriptors::{self, Received};

/// Octets of the longest message in either direction.
pub(crate) const MESSAGE_BYTES_MAX: usize = TICKET_BYTES + 1;

const TICKET_BYTES: usize = 8;

/// The bits of the octet.
mod bit {
    /// The worker could not take the socket.
    pub(super) const REFUSED: u8 = 1;
    /// It has no room for another.
    pub(super) const FULL: u8 = 2;
}

/// What [`receive`] found.
pub(crate) enum Handed {
    Socket(OwnedFd),
    /// Out of descriptors; the dispatcher has been told, and still has the socket.
    Refused,
    /// The dispatcher and the master have let go of the link: nothing will come any more.
    End,
}

/// Takes the next socket and answers for it. `full`: there is no room for another after this one.
pub(crate) fn receive(link: impl AsFd, full: bool) -> io::Result<Handed> {
    let mut message = [0; MESSAGE_BYTES_MAX];
    let Received::Message(_, socket) = descriptors::receive(&link, &mut message)? else {
        return Ok(Handed::End);
    };
    // unix(7): the kernel drops a descriptor that it finds no number for, and delivers the rest.
    let refused = if socket.is_some() { 0 } else { bit::REFUSED | bit::FULL };
    message[TICKET_BYTES] = refused | if full { bit::FULL } else { 0 };
    // Few are outstanding, so there is room; without the dispatcher, nobody waits for the answer.
    let _ = descriptors::send(&link, &message, None);
    Ok(socket.map_or(Handed::Refused, Handed::Socket))
}

/// Tells the dispatcher whether there is room, between two sockets.
pub(crate) fn say_room(link: impl AsFd, full: bool) -> io::Result<()> {
    descriptors::send(&link, &[if full { bit::FULL } else { 0 }], None)
}

/// What a worker said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Answer {
    /// The socket that this is about, and whether it was taken.
    pub(crate) ticket: Option<(u64, bool)>,
    pub(crate) full: bool,
}

/// Understands a message of a worker; `None` if it cannot be.
pub(crate) fn answer(message: &[u8]) -> Option<Answer> {
    let (bits, ticket) = message.split_last()?;
    let taken = bits & bit::REFUSED == 0;
    let ticket = match ticket {
        [] => None,
        octets => Some((u64::from_le_bytes(octets.try_into().ok()?), taken)),
    };
    Some(Answer { ticket, full: bits & bit::FULL != 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(link: &OwnedFd) -> Option<Answer> {
        let mut message = [0; MESSAGE_BYTES_MAX];
        let Ok(Received::Message(length, _)) = descriptors::receive(link, &mut message) else {
            return None;
        };
        answer(&message[..length])
    }

    #[test]
    fn a_worker_answers_for_each_socket_and_says_whether_there_is_room() {
        let (dispatcher, worker) = descriptors::pair().unwrap();
        let (socket, _other) = descriptors::pair().unwrap();
        for (ticket, full) in [(7u64, false), (8, true)] {
            descriptors::send(&dispatcher, &ticket.to_le_bytes(), Some(socket.as_fd())).unwrap();
            assert!(matches!(receive(&worker, full), Ok(Handed::Socket(_))));
            assert_eq!(heard(&dispatcher), Some(Answer { ticket: Some((ticket, true)), full }));
        }
        say_room(&worker, false).unwrap();
        assert_eq!(heard(&dispatcher), Some(Answer { ticket: None, full: false }));
    }

    #[test]
    fn a_socket_that_did_not_arrive_is_refused() {
        let (dispatcher, worker) = descriptors::pair().unwrap();
        descriptors::send(&dispatcher, &9u64.to_le_bytes(), None).unwrap();
        assert!(matches!(receive(&worker, false), Ok(Handed::Refused)));
        assert_eq!(heard(&dispatcher), Some(Answer { ticket: Some((9, false)), full: true }));
        drop(dispatcher);
        assert!(matches!(receive(&worker, false), Ok(Handed::End)));
    }
}
