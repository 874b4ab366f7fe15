//! One connection: its socket, its protocol state and what could not be written yet.

mod deadline;
mod writing;

use std::io::{self, Read};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::Interest;
use socket2::SockRef;

use super::desk::Desk;
use super::stream::Stream;
use crate::http::{Awaits, Connection, Handler, Letter, Next};
use crate::limits::{DRAIN_SILENCE, LINGER_TIMEOUT, READS_PER_TURN, WRITES_PER_TURN};
use writing::{Sent, Writing};

/// A connection of this worker.
pub(super) struct Client {
    pub(super) stream: Stream,
    remote: Option<SocketAddr>,
    /// Its name in the worker's table.
    pub(super) key: usize,
    /// epoll watches it.
    pub(super) enrolled: bool,
    protocol: Connection,
    /// Output that the peer does not take as fast as it is made.
    writing: Option<Box<Writing>>,
    end: End,
    awaited: Awaits,
    /// Requests that were answered when the deadline was set.
    answered: u32,
    pub(super) deadline: Instant,
    /// epoll is asked for room to write, too.
    wants_write: bool,
}

/// Whether and how the connection is about to end.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    No,
    WhenWritten {
        linger: bool,
    },
    /// Closed for writing; what the peer still sends is thrown away.
    Lingering,
}

/// What becomes of a connection after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    /// Waits for the peer to send.
    Reads,
    /// Waits for the peer to take what was written.
    Writes,
    /// Waits for an answer that is made elsewhere.
    Waits,
    /// There may be more to do; the others come first.
    Again,
    Gone,
}

impl Client {
    /// With `preface` the connection begins with the PROXY protocol's header.
    pub(super) fn new(
        stream: Stream,
        remote: Option<SocketAddr>,
        deadline: Instant,
        preface: bool,
    ) -> Self {
        let protocol = Connection::new(preface);
        let awaited = protocol.awaits();
        Self {
            stream,
            remote,
            key: usize::MAX,
            enrolled: false,
            protocol,
            writing: None,
            end: End::No,
            awaited,
            answered: 0,
            deadline,
            wants_write: false,
        }
    }

    /// Nothing has come from the peer yet.
    pub(super) fn is_unheard(&self) -> bool {
        self.protocol.requests() == 0 && self.protocol.awaits() == Awaits::Idle
    }

    /// Nothing is to be read or written before an answer comes.
    pub(super) fn waits(&self) -> bool {
        self.writing.is_none() && self.protocol.awaits() == Awaits::Nothing
    }

    /// What epoll is to be asked for now, if that is something else than before.
    pub(super) fn change_interest(&mut self, write: bool) -> Option<Interest> {
        if std::mem::replace(&mut self.wants_write, write) == write {
            return None;
        }
        Some(if write { Interest::READABLE | Interest::WRITABLE } else { Interest::READABLE })
    }

    /// Goes on as far as the socket allows.
    ///
    /// Readiness is edge-triggered. A read that does not fill the buffer has emptied the socket, so
    /// that it need not be asked again; but the peer's end gives no second edge. So when the end was
    /// announced (`to_the_end`), it is read for.
    pub(super) fn advance<H: Handler>(&mut self, desk: &mut Desk<H>, to_the_end: bool) -> Fate {
        let fate = self.go_on(desk, to_the_end).unwrap_or(Fate::Gone);
        self.set_deadline(fate, desk);
        fate
    }

    /// Something came from another thread; `None` if it is of no use any more.
    pub(super) fn deliver<H: Handler>(
        &mut self,
        letter: Letter,
        desk: &mut Desk<H>,
    ) -> Option<Fate> {
        if let Letter::Answer(ticket, answer) = letter {
            let mut turn = desk.turn(&mut self.remote, self.key);
            let next = self.protocol.answered(ticket.serial, *answer, &mut turn)?;
            let fate = self.answer(next, desk).unwrap_or(Fate::Gone);
            if fate != Fate::Reads {
                self.set_deadline(fate, desk);
                return Some(fate);
            }
        }
        // What the peer has sent meanwhile was not looked at, and gives no second edge.
        Some(self.advance(desk, true))
    }

    /// It was silent for too long.
    pub(super) fn time_out<H: Handler>(&mut self, desk: &mut Desk<H>) -> Fate {
        if self.still_takes(desk) {
            return Fate::Writes;
        }
        if self.writing.is_some() {
            // What it does not take is not to stay in the kernel's memory.
            self.reset_at_close();
            return Fate::Gone;
        }
        if self.end != End::No {
            return Fate::Gone;
        }
        if self.protocol.awaits() == Awaits::Idle {
            // A last look: its request may be there, while the worker was too busy to see it.
            let asked = self.protocol.requests();
            let fate = self.advance(desk, true);
            let silent =
                self.protocol.awaits() == Awaits::Idle && self.protocol.requests() == asked;
            if fate != Fate::Reads || !silent {
                return fate;
            }
        }
        let next = self.protocol.timed_out(&mut desk.turn(&mut self.remote, self.key));
        let fate = self.answer(next, desk).unwrap_or(Fate::Gone);
        self.set_deadline(fate, desk);
        fate
    }

    /// The worker has begun to drain. A connection that is silent has a moment to send one request
    /// more, which may be on its way, and is answered as the last one: closing at once would lose
    /// the requests of all who ask without a pause.
    pub(super) fn drain<H: Handler>(&mut self, desk: &mut Desk<H>) -> Fate {
        let fate = self.advance(desk, true);
        let idle = self.protocol.awaits() == Awaits::Idle && self.writing.is_none();
        if fate != Fate::Reads || !idle || self.end != End::No {
            return fate;
        }
        self.deadline = self.deadline.min(desk.now + DRAIN_SILENCE);
        fate
    }

    /// The connection ends; so does the answer that it was in.
    pub(super) fn abandon<H>(&mut self, desk: &mut Desk<H>) {
        self.protocol.abandon(&mut desk.turn(&mut self.remote, self.key));
    }

    fn go_on<H: Handler>(&mut self, desk: &mut Desk<H>, to_the_end: bool) -> io::Result<Fate> {
        if self.writing.is_some() && !self.write_rest(desk)? {
            return Ok(Fate::Writes);
        }
        if let End::WhenWritten { .. } = self.end {
            let fate = self.close(desk)?;
            if fate != Fate::Again {
                return Ok(fate);
            }
        } else if self.protocol.can_resume() {
            let next = self.protocol.resume(&mut desk.turn(&mut self.remote, self.key));
            let fate = self.answer(next, desk)?;
            if fate != Fate::Reads {
                return Ok(fate);
            }
        }
        for _ in 0..READS_PER_TURN {
            let count = match self.stream.read(&mut desk.input) {
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Fate::Reads),
                Err(error) => return Err(error),
            };
            desk.seat.count_bytes_in(count);
            let fate = self.take(count, desk)?;
            let emptied = count < desk.input.len() && self.end == End::No && !to_the_end;
            if fate != Fate::Reads || emptied {
                return Ok(fate);
            }
        }
        Ok(Fate::Again)
    }

    /// Takes what was just read into the desk's input; 0 octets are the end.
    fn take<H: Handler>(&mut self, count: usize, desk: &mut Desk<H>) -> io::Result<Fate> {
        if self.end == End::Lingering {
            return Ok(if count == 0 { Fate::Gone } else { Fate::Reads });
        }
        let next = if count == 0 {
            self.protocol.end_of_input()
        } else {
            let (input, mut turn) = desk.input_and_turn(count, &mut self.remote, self.key);
            self.protocol.feed(input, &mut turn)
        };
        self.answer(next, desk)
    }

    /// Writes what stands in the desk's output, and does what the protocol wants next.
    fn answer<H: Handler>(&mut self, mut next: Next, desk: &mut Desk<H>) -> io::Result<Fate> {
        let mut writes = 0;
        loop {
            match next {
                Next::Abort => {
                    self.reset_at_close();
                    return Ok(Fate::Gone);
                }
                Next::Close { linger } => self.end = End::WhenWritten { linger },
                _ => {}
            }
            if !self.write(desk)? {
                return Ok(Fate::Writes);
            }
            match next {
                Next::Read => return Ok(Fate::Reads),
                Next::Wait => return Ok(Fate::Waits),
                Next::Close { .. } | Next::Abort => return self.close(desk),
                Next::Again => return Ok(Fate::Again),
                Next::Flush | Next::File if writes == WRITES_PER_TURN => return Ok(Fate::Again),
                Next::Flush => {}
                Next::File => match self.send_slice(desk)? {
                    Sent::All => {}
                    Sent::Part => return Ok(Fate::Again),
                    Sent::Blocked => return Ok(Fate::Writes),
                },
            }
            writes += 1;
            next = self.protocol.resume(&mut desk.turn(&mut self.remote, self.key));
        }
    }

    /// The peer is to see an end that is no end.
    fn reset_at_close(&self) {
        // A socket that cannot be reset is closed all the same.
        let _ = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
    }

    /// RFC 9112 section 9.6: closing a socket that still receives would reset it, and with it the
    /// answer that the peer has not read yet.
    fn close<H>(&mut self, desk: &Desk<H>) -> io::Result<Fate> {
        if self.end == (End::WhenWritten { linger: false }) {
            return Ok(Fate::Gone);
        }
        self.stream.shutdown(Shutdown::Write)?;
        self.deadline = desk.now + LINGER_TIMEOUT.min(desk.timeouts.write);
        self.end = End::Lingering;
        Ok(Fate::Again)
    }
}
