//! Somebody who is connected to the master, and what has come of his commands.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::UnixCredentials;

use super::command::Reply;
use super::server::Taken;
use crate::limits::CONTROL_LINE_BYTES_MAX;

/// Somebody who is connected.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Never used again, unlike a descriptor's number.
    pub(crate) key: u64,
    pub(crate) stream: UnixStream,
    pub(super) peer: String,
    pub(crate) received: Vec<u8>,
    /// Has not been answered yet.
    pub(crate) waits: bool,
    /// Sends nothing more, and may still read.
    pub(super) half_closed: bool,
    /// A child of the master, which keeps its place though it is silent.
    pub(crate) is_child: bool,
}

impl Caller {
    /// Somebody reads there.
    pub(super) fn is_there(&self) -> bool {
        let mut states = [PollFd::new(self.stream.as_fd(), PollFlags::empty())];
        let hung_up = poll(&mut states, PollTimeout::ZERO).is_ok_and(|count| count > 0);
        !hung_up
    }

    /// Takes what came; false when the connection is over.
    pub(super) fn read(&mut self, taken: &mut Vec<Taken>) -> bool {
        let mut part = [0; 1024];
        if self.half_closed {
            return true;
        }
        loop {
            match self.stream.read(&mut part) {
                Ok(0) => {
                    self.half_closed = true;
                    return self.waits || taken.iter().any(|other| other.key == self.key);
                }
                Ok(count) => self.received.extend_from_slice(&part[..count]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    let going = error.kind() == io::ErrorKind::WouldBlock;
                    return going && self.understand(taken);
                }
            }
            if !self.understand(taken) {
                return false;
            }
        }
    }

    /// One command is carried out at a time: the next is looked at when it has been answered.
    fn understand(&mut self, taken: &mut Vec<Taken>) -> bool {
        while let Some(end) = self.received.iter().position(|octet| *octet == b'\n') {
            let line: Vec<u8> = self.received.drain(..=end).collect();
            let busy = self.waits || taken.iter().any(|other| other.key == self.key);
            let refusal = match serde_json::from_slice(&line) {
                Ok(command) if !busy => {
                    taken.push(Taken { key: self.key, command, is_child: self.is_child });
                    continue;
                }
                Ok(_) => "wait for the outcome of the command before".to_owned(),
                Err(error) => format!("this is no command: {error}"),
            };
            if self.say(&Reply::failed(refusal)).is_err() {
                return false;
            }
        }
        self.received.len() <= CONTROL_LINE_BYTES_MAX
    }

    /// Fits into the socket's buffer, unless earlier answers still stand there.
    pub(super) fn say(&mut self, reply: &Reply) -> io::Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        self.stream.write_all(&line)
    }
}

pub(super) fn describe(credentials: &UnixCredentials) -> String {
    let (uid, pid) = (credentials.uid(), credentials.pid());
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    // A process chooses its name itself: it may hold anything.
    let name: String =
        name.trim_end().chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    format!("uid {uid}, process {pid} ({name})")
}
