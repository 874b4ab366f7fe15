//! Output on its way to a peer that may be slow.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::time::Instant;

use nix::sys::sendfile::sendfile;

use super::Client;
use crate::limits::SENDFILE_BYTES_PER_CALL;
use crate::plan::Timeouts;
use crate::sys::unsent::unsent;
use crate::worker::desk::Desk;

/// What a peer has not taken yet, and since when it is waited for.
pub(super) struct Writing {
    rest: Vec<u8>,
    /// How much of the rest is written.
    at: usize,
    since: Instant,
    /// The last time when it took something.
    took_at: Instant,
    /// Octets that the kernel has taken since.
    taken: u64,
    /// Octets that the kernel held then.
    held: u64,
    /// Octets of these that the peer was seen to have taken.
    seen: u64,
}

/// What became of a part of a file.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Sent {
    All,
    /// Enough for one turn.
    Part,
    Blocked,
}

impl Client {
    /// Writes the desk's output; false if some of it is left.
    pub(super) fn write<H>(&mut self, desk: &mut Desk<H>) -> io::Result<bool> {
        if let Some(writing) = self.writing.as_mut().filter(|writing| !writing.rest.is_empty()) {
            // What comes later must not overtake what is still waiting.
            writing.rest.extend_from_slice(&desk.output);
            desk.clear_output();
            return Ok(false);
        }
        if desk.output.is_empty() {
            return Ok(true);
        }
        let written = write(&mut self.stream, &desk.output)?;
        desk.seat.count_bytes_out(written);
        if written == desk.output.len() {
            desk.clear_output();
            return Ok(true);
        }
        let writing = self.blocked(desk.now)?;
        writing.rest.extend_from_slice(&desk.output[written..]);
        desk.clear_output();
        Ok(false)
    }

    /// Writes what was left; false if some of it still is.
    pub(super) fn write_rest<H>(&mut self, desk: &Desk<H>) -> io::Result<bool> {
        let Some(writing) = &mut self.writing else { return Ok(true) };
        let written = write(&mut self.stream, &writing.rest[writing.at..])?;
        desk.seat.count_bytes_out(written);
        writing.took(written as u64, desk.now);
        writing.at += written;
        if writing.at < writing.rest.len() {
            return Ok(false);
        }
        writing.rest = Vec::new();
        writing.at = 0;
        // A part of a file that is blocked goes on in the same account.
        if self.protocol.slice().is_none() {
            self.writing = None;
        }
        Ok(true)
    }

    /// Sends the part of a file that is next, without copying it through this process.
    pub(super) fn send_slice<H>(&mut self, desk: &mut Desk<H>) -> io::Result<Sent> {
        let Some((file, first, length)) = self.protocol.slice() else { return Ok(Sent::All) };
        let mut offset = i64::try_from(first).map_err(io::Error::other)?;
        let count = usize::try_from(length).unwrap_or(usize::MAX).min(SENDFILE_BYTES_PER_CALL);
        let sent = match sendfile(&self.stream, file, Some(&mut offset), count) {
            // The file is shorter than it was; what was promised cannot be kept.
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(sent) => sent,
            Err(nix::Error::EAGAIN) => {
                self.blocked(desk.now)?;
                return Ok(Sent::Blocked);
            }
            Err(nix::Error::EINTR) => 0,
            Err(error) => return Err(error.into()),
        };
        desk.seat.count_bytes_out(sent);
        self.protocol.slice_sent(sent as u64);
        if let Some(writing) = &mut self.writing {
            writing.took(sent as u64, desk.now);
        }
        if sent as u64 == length {
            self.writing = None;
            return Ok(Sent::All);
        }
        // Less than asked for means that the socket is full; it says so next time.
        Ok(Sent::Part)
    }

    /// At the deadline: the kernel takes more only when a third of what it holds is gone, which can be long
    /// after the peer took something.
    pub(super) fn still_takes<H>(&mut self, desk: &Desk<H>) -> bool {
        let Some(writing) = &mut self.writing else { return false };
        let Ok(held) = unsent(self.stream.as_fd()) else { return false };
        let seen = (writing.held + writing.taken).saturating_sub(held);
        if seen > writing.seen {
            writing.seen = seen;
            writing.took_at = desk.now;
        }
        self.deadline = writing.deadline(&desk.timeouts);
        self.deadline > desk.now
    }

    fn blocked(&mut self, now: Instant) -> io::Result<&mut Writing> {
        let writing = match self.writing.take() {
            Some(writing) => writing,
            None => Box::new(Writing {
                rest: Vec::new(),
                at: 0,
                since: now,
                took_at: now,
                taken: 0,
                held: unsent(self.stream.as_fd())?,
                seen: 0,
            }),
        };
        Ok(self.writing.insert(writing))
    }
}

impl Writing {
    pub(super) fn deadline(&self, timeouts: &Timeouts) -> Instant {
        let silent = self.took_at + timeouts.write;
        silent.min(self.since + timeouts.write + timeouts.at_least(self.taken.max(self.seen)))
    }

    fn took(&mut self, octets: u64, now: Instant) {
        if octets > 0 {
            self.taken += octets;
            self.took_at = now;
        }
    }
}

/// Writes as much as the socket takes now.
fn write(stream: &mut impl Write, bytes: &[u8]) -> io::Result<usize> {
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
