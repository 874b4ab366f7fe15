//! One connection: its socket, its protocol state and what could not be written yet.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr};
use std::time::{Duration, Instant};

use mio::Interest;
use mio::net::TcpStream;

use super::desk::Desk;
use crate::http::{Awaits, Connection, Next, Request, Response};
use crate::limits::{DRAIN_SILENCE, LINGER_TIMEOUT, READS_PER_TURN};

/// A connection of this worker.
pub(super) struct Client {
    pub(super) stream: TcpStream,
    remote: Option<SocketAddr>,
    protocol: Connection,
    /// Output that the peer has not taken yet.
    unwritten: Vec<u8>,
    end: End,
    awaited: Awaits,
    pub(super) deadline: Instant,
    /// Octets unwritten when the deadline for writing was set: only progress puts it off.
    stalled_at: usize,
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
    /// There may be more to read; the others come first.
    Again,
    Gone,
}

impl Client {
    pub(super) fn new(stream: TcpStream, remote: Option<SocketAddr>, deadline: Instant) -> Self {
        let protocol = Connection::new();
        let awaited = protocol.awaits();
        Self {
            stream,
            remote,
            protocol,
            unwritten: Vec::new(),
            end: End::No,
            awaited,
            deadline,
            stalled_at: 0,
            wants_write: false,
        }
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
    pub(super) fn advance<H>(&mut self, desk: &mut Desk<H>, to_the_end: bool) -> Fate
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
    {
        let fate = self.go_on(desk, to_the_end).unwrap_or(Fate::Gone);
        self.set_deadline(fate, desk);
        fate
    }

    /// It was silent for too long.
    pub(super) fn time_out<H>(&mut self, desk: &mut Desk<H>) -> Fate
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
    {
        if !self.unwritten.is_empty() || self.end != End::No {
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
        let next = self.protocol.timed_out(&mut desk.turn(self.remote));
        let fate = self.answer(next, desk).unwrap_or(Fate::Gone);
        self.set_deadline(fate, desk);
        fate
    }

    /// The worker has begun to drain. A connection that is silent has a moment to send one request
    /// more, which may be on its way, and is answered as the last one: closing at once would lose
    /// the requests of all who ask without a pause.
    pub(super) fn drain<H>(&mut self, desk: &mut Desk<H>) -> Fate
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
    {
        let fate = self.advance(desk, true);
        let idle = self.protocol.awaits() == Awaits::Idle && self.unwritten.is_empty();
        if fate != Fate::Reads || !idle || self.end != End::No {
            return fate;
        }
        self.deadline = self.deadline.min(desk.now + DRAIN_SILENCE);
        fate
    }

    fn go_on<H>(&mut self, desk: &mut Desk<H>, to_the_end: bool) -> io::Result<Fate>
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
    {
        if !self.unwritten.is_empty() {
            let fate = self.write_rest(desk)?;
            if fate != Fate::Reads {
                return Ok(fate);
            }
            let next = self.protocol.resume(&mut desk.turn(self.remote));
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
    fn take<H>(&mut self, count: usize, desk: &mut Desk<H>) -> io::Result<Fate>
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
    {
        if self.end == End::Lingering {
            return Ok(if count == 0 { Fate::Gone } else { Fate::Reads });
        }
        let (input, mut turn) = desk.input_and_turn(count, self.remote);
        let next = match count {
            0 => self.protocol.end_of_input(&mut turn),
            _ => self.protocol.feed(input, &mut turn),
        };
        self.answer(next, desk)
    }

    /// Writes what stands in the desk's output, and does what the protocol wants next.
    fn answer<H>(&mut self, mut next: Next, desk: &mut Desk<H>) -> io::Result<Fate>
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
    {
        loop {
            if let Next::Close { linger } = next {
                self.end = End::WhenWritten { linger };
            }
            let written = write(&mut self.stream, &desk.output)?;
            desk.seat.count_bytes_out(written);
            self.unwritten.extend_from_slice(&desk.output[written..]);
            desk.clear_output();
            if !self.unwritten.is_empty() {
                return Ok(Fate::Writes);
            }
            match next {
                Next::Read => return Ok(Fate::Reads),
                Next::Flush => next = self.protocol.resume(&mut desk.turn(self.remote)),
                Next::Close { .. } => return self.close(),
            }
        }
    }

    fn write_rest<H>(&mut self, desk: &Desk<H>) -> io::Result<Fate> {
        let written = write(&mut self.stream, &self.unwritten)?;
        desk.seat.count_bytes_out(written);
        self.unwritten.drain(..written);
        if !self.unwritten.is_empty() {
            return Ok(Fate::Writes);
        }
        self.unwritten = Vec::new();
        match self.end {
            End::WhenWritten { .. } => self.close(),
            End::No | End::Lingering => Ok(Fate::Reads),
        }
    }

    /// RFC 9112 section 9.6: closing a socket that still receives would reset it, and with it the
    /// answer that the peer has not read yet.
    fn close(&mut self) -> io::Result<Fate> {
        if self.end == (End::WhenWritten { linger: false }) {
            return Ok(Fate::Gone);
        }
        self.stream.shutdown(Shutdown::Write)?;
        self.end = End::Lingering;
        Ok(Fate::Again)
    }

    fn set_deadline<H>(&mut self, fate: Fate, desk: &Desk<H>) {
        let awaits = self.protocol.awaits();
        let stalled = std::mem::replace(&mut self.stalled_at, self.unwritten.len());
        let time: Duration = match awaits {
            _ if fate == Fate::Writes && stalled == self.stalled_at => return,
            _ if fate == Fate::Writes => desk.timeouts.write,
            _ if self.end == End::Lingering => LINGER_TIMEOUT.min(self.left(desk.now)),
            // Its time does not begin anew with each octet.
            Awaits::Head if self.awaited == Awaits::Head => return,
            Awaits::Head => desk.timeouts.head,
            Awaits::Body => desk.timeouts.body,
            // A new connection is still in the time for its first head.
            Awaits::Idle if self.protocol.requests() == 0 => return,
            Awaits::Idle if desk.draining => desk.timeouts.idle.min(DRAIN_SILENCE),
            Awaits::Idle => desk.timeouts.idle,
        };
        self.awaited = awaits;
        self.deadline = desk.now + time;
    }

    fn left(&self, now: Instant) -> Duration {
        self.deadline.saturating_duration_since(now)
    }
}

/// Writes as much as the socket takes now.
fn write(stream: &mut TcpStream, bytes: &[u8]) -> io::Result<usize> {
    let mut written = 0;
    while written < bytes.len() {
        match stream.write(&bytes[written..]) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            Err(error) => return Err(error),
        }
    }
    Ok(written)
}
