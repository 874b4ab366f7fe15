//! The file of a unix-domain listener (unix(7)): made, known again, and removed.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use nix::sys::stat::{Mode, umask};
use socket2::{Domain, SockAddr, Socket, Type};

/// The file of a socket. It is removed with this value, in the process that made the value.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    identity: Identity,
    /// A child that was forked has a copy, and no right to the file.
    owner: u32,
}

/// A file's device and number.
pub(crate) type Identity = (u64, u64);

impl SocketFile {
    /// Binds a socket at `path`, which does not listen yet, and never blocks. Its file has all
    /// permissions but those of `without`. What a dead process left there is removed.
    ///
    /// # Errors
    /// `AddrInUse`: somebody listens there; `AlreadyExists`: what is there is no socket.
    pub(crate) fn bind(path: &Path, without: Mode) -> io::Result<(OwnedFd, Self)> {
        let address = SockAddr::unix(path)?;
        make_room(path, &address)?;
        let socket = new_socket()?;
        let before = umask(without);
        let bound = socket.bind(&address);
        umask(before);
        bound?;
        Ok((socket.into(), Self::found(path)))
    }

    /// The file that is at `path` now.
    pub(crate) fn found(path: &Path) -> Self {
        Self::known(path, identity_at(path).unwrap_or_default())
    }

    /// The file at `path`, if it still has this identity.
    pub(crate) fn known(path: &Path, identity: Identity) -> Self {
        Self { path: path.into(), identity, owner: std::process::id() }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn identity(&self) -> Identity {
        self.identity
    }

    /// Nobody has put another one in its place.
    pub(crate) fn is_in_place(&self) -> bool {
        identity_at(&self.path).is_ok_and(|found| found == self.identity)
    }

    /// Removes it, unless it is gone, or somebody else's is there.
    pub(crate) fn remove(&self) -> io::Result<()> {
        if self.is_in_place() { fs::remove_file(&self.path) } else { Ok(()) }
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if self.owner == std::process::id()
            && let Err(error) = self.remove()
        {
            tracing::warn!("cannot remove {}: {error}", self.path.display());
        }
    }
}

/// Of what is at `path` now; a link is not followed.
pub(crate) fn identity_at(path: &Path) -> io::Result<Identity> {
    fs::symlink_metadata(path).map(|found| (found.dev(), found.ino()))
}

/// Only what nobody listens on is removed, and only if it is a socket.
fn make_room(path: &Path, address: &SockAddr) -> io::Result<()> {
    let found = match fs::symlink_metadata(path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    if !found.file_type().is_socket() {
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, "it exists, and is no socket"));
    }
    match new_socket()?.connect(address) {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => fs::remove_file(path),
        // Its accept queue is full; or it is there for messages.
        Err(error) if !matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EPROTOTYPE)) => {
            Err(error)
        }
        _ => Err(io::Error::new(io::ErrorKind::AddrInUse, "another process listens there")),
    }
}

/// One that never blocks.
pub(crate) fn new_socket() -> io::Result<Socket> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    socket.set_nonblocking(true)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixDatagram, UnixListener};

    use super::*;

    fn bind(path: &Path) -> io::Result<(OwnedFd, SocketFile)> {
        SocketFile::bind(path, Mode::empty())
    }

    #[test]
    fn what_nobody_listens_on_is_replaced_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        drop(bind(&path).unwrap());
        assert!(!path.exists(), "removed with its owner");

        let (socket, listening) = bind(&path).unwrap();
        socket2::SockRef::from(&socket).listen(1).unwrap();
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(listening.is_in_place());

        let messages = folder.path().join("messages");
        let _receiver = UnixDatagram::bind(&messages).unwrap();
        assert_eq!(bind(&messages).unwrap_err().kind(), io::ErrorKind::AddrInUse);

        let text = folder.path().join("text");
        fs::write(&text, "kept").unwrap();
        assert_eq!(bind(&text).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&text).unwrap(), b"kept");
    }

    #[test]
    fn a_full_queue_does_not_make_the_next_one_wait() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let (socket, _file) = bind(&path).unwrap();
        socket2::SockRef::from(&socket).listen(0).unwrap();
        let address = SockAddr::unix(&path).unwrap();
        let connect = || {
            let socket = new_socket().unwrap();
            socket.connect(&address).map(|()| socket)
        };
        let queued: Vec<Socket> = (0..8).map_while(|_| connect().ok()).collect();
        assert!(queued.len() < 8);
        assert_eq!(bind(&path).unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn somebody_elses_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let (_socket, ours) = bind(&path).unwrap();
        fs::rename(&path, folder.path().join("moved")).unwrap();
        let (_theirs, their_file) = bind(&path).unwrap();
        drop(ours);
        assert!(their_file.is_in_place());
    }
}
