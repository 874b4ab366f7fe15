//! The other end of the control socket.

use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use socket2::SockAddr;

use super::command::{Command, Reply};
use crate::apps::App;
use crate::error::Error;
use crate::limits::{CONNECT_LOOK, CONNECT_PATIENCE};
use crate::sys::socket_file::new_socket;

/// A connection to a running master.
///
/// ```no_run
/// use evenkeel::control::{Client, Command};
///
/// let mut master = Client::connect("/run/shop/control")?;
/// let reply = master.send(&Command::Reload {})?;
/// println!("{}", reply.text);
/// # Ok::<(), evenkeel::Error>(())
/// ```
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
}

/// The process at the other end of a [`Client`]'s connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Peer {
    /// Its id; 0 if it cannot be seen from here, as from another container.
    pub pid: u32,
    /// Its effective user when it began to listen.
    pub uid: u32,
}

impl Client {
    /// Connects to the master that listens there. One that stands still, and at whose socket as many wait
    /// already as can, is tried for some seconds.
    ///
    /// # Errors
    /// No master listens there, or none takes connections ([`Error::is_unreachable`]), or the user may not
    /// ask it ([`Error::is_permission`]).
    pub fn connect(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let stream = connect(path).map_err(|error| Error::unreachable(path, error))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// Connects to the master of an application.
    ///
    /// # Errors
    /// Those of [`Client::connect`]; or another process than that master listens there.
    pub fn to(app: &App) -> Result<Self, Error> {
        let path = &app.record.control;
        let master = Self::connect(path)?;
        let (found, wanted) = (master.peer()?.pid, app.record.pid);
        if found == wanted {
            return Ok(master);
        }
        let name = &app.record.name;
        let why = format!("process {found} listens there, and the master of {name} is {wanted}");
        Err(Error::unreachable(path, io::Error::other(why)))
    }

    /// Who listens there, by the kernel's word (`SO_PEERCRED`, unix(7)).
    ///
    /// # Errors
    /// The kernel does not say.
    pub fn peer(&self) -> Result<Peer, Error> {
        let credentials = getsockopt(self.stream.get_ref(), PeerCredentials)
            .map_err(|errno| Error::system("see who listens there", errno.into()))?;
        let pid = u32::try_from(credentials.pid()).unwrap_or_default();
        Ok(Peer { pid, uid: credentials.uid() })
    }

    /// On a connection that was made in another way.
    pub(crate) fn of(stream: UnixStream) -> Self {
        Self { stream: BufReader::new(stream) }
    }

    /// Waits for answers no longer than this. Default: for ever, as an outcome takes its time.
    ///
    /// # Errors
    /// A time of zero.
    pub fn set_timeout(&mut self, time: Option<Duration>) -> Result<(), Error> {
        self.stream
            .get_ref()
            .set_read_timeout(time)
            .map_err(|error| Error::system("set a time limit", error))
    }

    /// Sends a command, and waits for its outcome.
    ///
    /// # Errors
    /// The master went away, or did not answer in time ([`Error::is_unreachable`]). That the command
    /// was not carried out is no error here, but said by [`Reply::ok`].
    pub fn send(&mut self, command: &Command) -> Result<Reply, Error> {
        let lost = |error: std::io::Error| Error::unanswered(command.name(), error);
        let mut line = serde_json::to_vec(command).map_err(|error| lost(error.into()))?;
        line.push(b'\n');
        // A master that refuses this user may have answered and closed already.
        let sent = self.stream.get_mut().write_all(&line);
        let mut answer = String::new();
        self.stream.read_line(&mut answer).map_err(lost)?;
        if answer.is_empty() {
            let gone = || std::io::Error::other("the master is gone");
            return Err(lost(sent.err().unwrap_or_else(gone)));
        }
        serde_json::from_str(&answer).map_err(|error| lost(error.into()))
    }
}

/// A connect(2) that blocks would wait for ever where the queue is full: for room in it (unix(7)).
fn connect(path: &Path) -> io::Result<UnixStream> {
    let address = SockAddr::unix(path)?;
    let socket = new_socket()?;
    let deadline = Instant::now() + CONNECT_PATIENCE;
    while let Err(error) = socket.connect(&address) {
        if error.kind() != io::ErrorKind::WouldBlock || Instant::now() >= deadline {
            return Err(error);
        }
        std::thread::sleep(CONNECT_LOOK);
    }
    socket.set_nonblocking(false)?;
    Ok(OwnedFd::from(socket).into())
}
