//! The master's end of the control socket. Nothing here waits: the master polls.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::sys::stat::Mode;
use nix::unistd::geteuid;
use socket2::SockRef;

use super::caller::{Caller, describe};
use super::command::{Command, Reply};
use crate::ids::ChildId;
use crate::limits::{CONTROL_BACKLOG, CONTROL_CLIENTS_MAX};
use crate::sys::socket_file::SocketFile;

/// The socket, and those who are connected to it.
#[derive(Debug)]
pub(crate) struct Control {
    door: Option<Door>,
    callers: Vec<Caller>,
    next: u64,
    /// No descriptor was left for a connection: the next turn tries again.
    deaf: bool,
}

/// Where everybody who may can connect.
#[derive(Debug)]
struct Door {
    file: SocketFile,
    listener: UnixListener,
}

/// A command, and whom to answer.
#[derive(Debug)]
pub(crate) struct Taken {
    pub(crate) key: u64,
    pub(crate) command: Command,
    /// It came from the admin process, which reads what comes from the network.
    pub(crate) is_child: bool,
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
        Ok(Self { door: Some(Door { file, listener }), ..Self::private() })
    }

    /// Without a socket in the file system: for children only.
    pub(crate) fn private() -> Self {
        Self { door: None, callers: Vec::new(), next: 0, deaf: false }
    }

    pub(crate) fn path(&self) -> Option<&Path> {
        self.door.as_ref().map(|door| door.file.path())
    }

    pub(crate) fn listener(&self) -> Option<BorrowedFd<'_>> {
        self.door.as_ref().map(|door| door.listener.as_fd())
    }

    /// Everything to wait for.
    pub(crate) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let callers = self.callers.iter().filter(|caller| !caller.half_closed);
        let callers = callers.map(|caller| caller.stream.as_fd());
        self.listener().filter(|_| !self.deaf).into_iter().chain(callers)
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
        is_child: bool,
    ) -> io::Result<Option<u64>> {
        let welcomed = if is_child {
            Some(self.child(stream.into(), "admin")?)
        } else {
            self.welcome(stream.into())?
        };
        let Some(mut caller) = welcomed else { return Ok(None) };
        (caller.received, caller.waits) = (received, waits);
        let key = caller.key;
        self.callers.push(caller);
        Ok(Some(key))
    }

    /// Takes commands of a child from its other end of this connection, however many others there are.
    pub(crate) fn admit(&mut self, stream: UnixStream, child: ChildId) -> io::Result<()> {
        let caller = self.child(stream, &child.to_string())?;
        self.callers.push(caller);
        Ok(())
    }

    fn child(&mut self, stream: UnixStream, name: &str) -> io::Result<Caller> {
        stream.set_nonblocking(true)?;
        Ok(Caller { is_child: true, ..self.caller(stream, name.to_owned()) })
    }

    fn caller(&mut self, stream: UnixStream, peer: String) -> Caller {
        let key = self.next;
        self.next += 1;
        Caller {
            key,
            stream,
            peer,
            received: Vec::new(),
            waits: false,
            half_closed: false,
            is_child: false,
        }
    }

    /// The children have places of their own.
    fn is_full(&self) -> bool {
        let others = self.callers.iter().filter(|caller| !caller.is_child);
        others.count() >= CONTROL_CLIENTS_MAX
    }

    /// No descriptor was left for a connection: it is to be looked for again soon.
    pub(crate) fn is_deaf(&self) -> bool {
        self.deaf
    }

    /// Takes new connections and all commands that have come.
    pub(crate) fn take(&mut self) -> Vec<Taken> {
        let mut taken = Vec::new();
        self.callers.retain_mut(|caller| caller.read(&mut taken));
        while let Some(door) = &self.door {
            let welcomed = match door.listener.accept() {
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
        for Taken { key, command, .. } in &taken {
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
        let Some(Door { file, .. }) = &self.door else { return };
        if let Err(error) = file.remove() {
            tracing::warn!("control: cannot remove {}: {error}", file.path().display());
        }
    }

    /// A new connection, unless it is not welcome or there is no place for it.
    fn welcome(&mut self, stream: UnixStream) -> io::Result<Option<Caller>> {
        stream.set_nonblocking(true)?;
        let credentials = getsockopt(&stream, PeerCredentials)?;
        let mut caller = self.caller(stream, describe(&credentials));
        if credentials.uid() != 0 && credentials.uid() != geteuid().as_raw() {
            tracing::warn!("control: refused to {}", caller.peer);
            let text = "only root and the user of the master may command it";
            caller.say(&Reply { refused: true, ..Reply::failed(text) })?;
            return Ok(None);
        }
        if self.is_full() {
            self.callers.retain(|caller| !caller.half_closed || caller.is_there());
        }
        // Somebody who only holds a place loses it.
        if self.is_full()
            && let Some(at) =
                self.callers.iter().position(|caller| !caller.waits && !caller.is_child)
        {
            self.callers.remove(at);
        }
        if !self.is_full() {
            return Ok(Some(caller));
        }
        caller.say(&Reply::failed("too many wait for an outcome: try again later"))?;
        Ok(None)
    }
}
