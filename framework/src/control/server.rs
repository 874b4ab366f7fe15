//! The master's end of the control socket. Nothing here waits: the master polls.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{UnixCredentials, getsockopt, sockopt::PeerCredentials};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;
use socket2::SockRef;

use super::command::{Command, Reply};
use crate::limits::{CONTROL_BACKLOG, CONTROL_CLIENTS_MAX, CONTROL_LINE_BYTES_MAX};
use crate::sys::socket_file::SocketFile;

/// The socket, and those who are connected to it.
#[derive(Debug)]
pub(crate) struct Control {
    file: SocketFile,
    listener: UnixListener,
    callers: Vec<Caller>,
    next: u64,
    /// No descriptor was left for a connection: the next turn tries again.
    deaf: bool,
}

/// Somebody who is connected.
#[derive(Debug)]
pub(crate) struct Caller {
    /// Never used again, unlike a descriptor's number.
    pub(crate) key: u64,
    pub(crate) stream: UnixStream,
    peer: String,
    pub(crate) received: Vec<u8>,
    /// Has not been answered yet.
    pub(crate) waits: bool,
    /// Sends nothing more, and may still read.
    half_closed: bool,
}

/// A command, and whom to answer.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) key: u64,
    pub(crate) command: Command,
}

impl Control {
    /// Listens at `path`, for this user and root only. What a dead master left there is removed.
    pub(crate) fn listen(path: &Path) -> io::Result<Self> {
        let without = Mode::S_IRWXG | Mode::S_IRWXO | Mode::S_IXUSR;
        let (socket, file) = SocketFile::bind(path, without)?;
        SockRef::from(&socket).listen(CONTROL_BACKLOG)?;
        Self::with(file, socket)
    }

    /// Goes on with a listener that another program had opened at `path`.
    pub(crate) fn take_over(path: &Path, listener: OwnedFd) -> io::Result<Self> {
        Self::with(SocketFile::found(path), listener)
    }

    fn with(file: SocketFile, listener: OwnedFd) -> io::Result<Self> {
        let listener = UnixListener::from(listener);
        listener.set_nonblocking(true)?;
        Ok(Self { file, listener, callers: Vec::new(), next: 0, deaf: false })
    }

    pub(crate) fn path(&self) -> &Path {
        self.file.path()
    }

    pub(crate) fn listener(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Everything to wait for.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let callers = self.callers.iter().filter(|caller| !caller.half_closed);
        let callers = callers.map(|caller| caller.stream.as_fd());
        (!self.deaf).then(|| self.listener.as_fd()).into_iter().chain(callers)
    }

    pub(crate) fn callers(&self) -> &[Caller] {
        &self.callers
    }

    /// Goes on with a connection that another program had accepted, and that had `received` so much
    /// of its next command; how to answer it, if it is still there.
    pub(crate) fn adopt(
        &mut self,
        stream: OwnedFd,
        received: Vec<u8>,
        waits: bool,
    ) -> io::Result<Option<u64>> {
        let Some(mut caller) = self.welcome(stream.into())? else { return Ok(None) };
        (caller.received, caller.waits) = (received, waits);
        let key = caller.key;
        self.callers.push(caller);
        Ok(Some(key))
    }

    /// No descriptor was left for a connection: it is to be looked for again soon.
    pub(crate) fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// Takes new connections and all commands that have come.
    pub(crate) fn take(&mut self) -> Vec<Taken> {
        let mut taken = Vec::new();
        self.callers.retain_mut(|caller| caller.read(&mut taken));
        loop {
            let welcomed = match self.listener.accept() {
                Ok((stream, _)) => self.welcome(stream),
                Err(error) => {
                    self.deaf = error.kind() != io::ErrorKind::WouldBlock;
                    break;
                }
            };
            match welcomed {
                Ok(Some(mut caller)) => {
                    // Read at once: whoever has said something is not taken for one who only holds
                    // a place.
                    let stays = caller.read(&mut taken);
                    caller.waits |= taken.iter().any(|other| other.key == caller.key);
                    if stays {
                        self.callers.push(caller);
                    }
                }
                Ok(None) => {}
                Err(error) => tracing::warn!("control: a connection is lost: {error}"),
            }
        }
        for Taken { key, command } in &taken {
            let Some(caller) = self.callers.iter_mut().find(|caller| caller.key == *key) else {
                continue;
            };
            caller.waits = true;
            tracing::info!("control: {command}, by {}", caller.peer);
        }
        taken
    }

    /// Answers one command. Somebody who does not read his answers is cut off.
    pub(crate) fn answer(&mut self, key: u64, reply: &Reply) {
        let Some(at) = self.callers.iter().position(|caller| caller.key == key) else { return };
        let caller = &mut self.callers[at];
        caller.waits = false;
        if reply.status.is_none() {
            tracing::info!(ok = reply.ok, "control: {}, to {}", reply.text, caller.peer);
        }
        let said = caller.say(reply);
        if let Err(error) = &said {
            tracing::warn!("control: cannot answer {}: {error}", caller.peer);
        }
        if said.is_err() || caller.half_closed {
            self.callers.swap_remove(at);
        }
    }

    /// Removes the socket from the file system, unless somebody else's is there.
    pub(crate) fn close(&self) {
        if let Err(error) = self.file.remove() {
            tracing::warn!("control: cannot remove {}: {error}", self.path().display());
        }
    }

    /// A new connection, unless it is not welcome or there is no place for it.
    fn welcome(&mut self, stream: UnixStream) -> io::Result<Option<Caller>> {
        stream.set_nonblocking(true)?;
        let credentials = getsockopt(&stream, PeerCredentials)?;
        let key = self.next;
        self.next += 1;
        let peer = describe(&credentials);
        let mut caller =
            Caller { key, stream, peer, received: Vec::new(), waits: false, half_closed: false };
        if credentials.uid() != 0 && credentials.uid() != geteuid().as_raw() {
            tracing::warn!("control: refused to {}", caller.peer);
            let text = "only root and the user of the master may command it";
            caller.say(&Reply::failed(text))?;
            return Ok(None);
        }
        if self.callers.len() >= CONTROL_CLIENTS_MAX {
            self.callers.retain(|caller| !caller.half_closed || caller.is_there());
        }
        // Somebody who only holds a place loses it.
        if self.callers.len() >= CONTROL_CLIENTS_MAX
            && let Some(at) = self.callers.iter().position(|caller| !caller.waits)
        {
            self.callers.remove(at);
        }
        if self.callers.len() < CONTROL_CLIENTS_MAX {
            return Ok(Some(caller));
        }
        caller.say(&Reply::failed("too many wait for an outcome: try again later"))?;
        Ok(None)
    }
}

impl Caller {
    /// Somebody reads there.
    fn is_there(&self) -> bool {
        let mut states = [PollFd::new(self.stream.as_fd(), PollFlags::empty())];
        let hung_up = poll(&mut states, PollTimeout::ZERO).is_ok_and(|count| count > 0);
        !hung_up
    }

    /// Takes what came; false when the connection is over.
    fn read(&mut self, taken: &mut Vec<Taken>) -> bool {
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
                    taken.push(Taken { key: self.key, command });
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
    fn say(&mut self, reply: &Reply) -> io::Result<()> {
        let mut line = serde_json::to_vec(reply)?;
        line.push(b'\n');
        self.stream.write_all(&line)
    }
}

fn describe(credentials: &UnixCredentials) -> String {
    let (uid, pid) = (credentials.uid(), credentials.pid());
    let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
    // A process chooses its name itself: it may hold anything.
    let name: String =
        name.trim_end().chars().map(|c| if c.is_control() { '?' } else { c }).collect();
    format!("uid {uid}, process {pid} ({name})")
}
