//! Taking an address, and saying who has it if somebody else does.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread::sleep;
use std::time::{Duration, Instant};

use nix::sys::stat::Mode;
use serde::{Deserialize, Serialize};

use super::handover::Handed;
use crate::error::Error;
use crate::limits::{ADMIN_BACKLOG, ORPHAN_WAIT_MAX};
use crate::net::holder::{Holder, holders};
use crate::net::listener;
use crate::plan::{Address, Intake, Plan};
use crate::sys::socket_file::{Identity, SocketFile};

/// An address, with a port, and the socket that keeps it.
pub(super) struct Endpoint {
    pub(super) local: Address,
    /// The listener that all share; or, in a group, a member that never listens and keeps the port
    /// from others while no worker is there.
    pub(super) socket: OwnedFd,
    /// Of a unix-domain socket.
    file: Option<SocketFile>,
    /// So many listeners were passed to this server for the address, by somebody who keeps them: in a
    /// group those of the first slots, else the one that all share.
    pub(super) lent: u16,
}

/// An address, as it is handed over to another program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HandedEndpoint {
    pub(super) address: Address,
    socket: Handed,
    /// Of a unix-domain socket.
    #[serde(default)]
    file: Option<Identity>,
    #[serde(default)]
    lent: u16,
}

impl Endpoint {
    /// Binds the primary address without listening.
    pub(super) fn primary(plan: &Plan) -> Result<Self, Error> {
        match (&plan.address, plan.intake) {
            (Address::Tcp(wanted), Intake::Group(_)) => Self::tcp(*wanted, listener::bind_guard),
            (address, _) => Self::shared(address),
        }
    }

    /// Binds an address whose listener all workers share. It does not listen yet.
    pub(super) fn shared(address: &Address) -> Result<Self, Error> {
        match address {
            Address::Tcp(wanted) => Self::tcp(*wanted, listener::bind_shared),
            Address::Unix(path) => {
                // Everybody may connect, as with nginx.
                let without = Mode::S_IXUSR | Mode::S_IXGRP | Mode::S_IXOTH;
                Self::unix(path, without).map_err(|error| refusal(address, error))
            }
        }
    }

    /// What was passed, which listens already.
    pub(super) fn lent(local: Address, sockets: &[OwnedFd]) -> io::Result<Self> {
        let first = sockets.first().ok_or(io::ErrorKind::NotFound)?;
        let lent = u16::try_from(sockets.len()).map_err(io::Error::other)?;
        Ok(Self { local, socket: first.try_clone()?, file: None, lent })
    }

    /// Opens the listener of the admin process; a file is for this user and root only.
    pub(super) fn admin(address: &Address) -> Result<Self, Error> {
        let endpoint = match address {
            Address::Tcp(wanted) => Self::tcp(*wanted, listener::bind_shared),
            Address::Unix(path) => {
                let without = Mode::S_IRWXG | Mode::S_IRWXO | Mode::S_IXUSR;
                Self::unix(path, without).map_err(|error| refusal(address, error))
            }
        }?;
        endpoint.listen(ADMIN_BACKLOG)?;
        Ok(endpoint)
    }

    fn tcp(wanted: SocketAddr, bind: fn(SocketAddr) -> io::Result<OwnedFd>) -> Result<Self, Error> {
        let address = Address::Tcp(wanted);
        if wanted.port() != 0 {
            probe(wanted, &address)?;
        }
        let bound = bind(wanted).and_then(|socket| Ok((listener::local_address(&socket)?, socket)));
        let (local, socket) = bound.map_err(|error| refusal(&address, error))?;
        Ok(Self { local: Address::Tcp(local), socket, file: None, lent: 0 })
    }

    /// The file has all permissions but these. The last workers of a master that died keep what is in
    /// their queue, and lose the name.
    fn unix(path: &Path, without: Mode) -> io::Result<Self> {
        let local = Address::Unix(path.into());
        let bound = match SocketFile::bind(path, without) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                let holders = holders(&local);
                if holders.is_empty() || holders.iter().any(|holder| !holder.orphan) {
                    return Err(error);
                }
                std::fs::remove_file(path)?;
                SocketFile::bind(path, without)
            }
            other => other,
        };
        let (socket, file) = bound?;
        Ok(Self { local, socket, file: Some(file), lent: 0 })
    }

    /// Opens the accept queue, or sets its length anew.
    pub(super) fn listen(&self, backlog: u32) -> Result<(), Error> {
        // Until it listens it looks like one that a dead server left.
        if self.file.as_ref().is_some_and(|file| !file.is_in_place()) {
            return Err(refusal(&self.local, io::ErrorKind::AddrInUse.into()));
        }
        listener::listen(&self.socket, backlog).map_err(|error| refusal(&self.local, error))
    }
}

impl HandedEndpoint {
    pub(super) fn of(endpoint: &Endpoint) -> io::Result<Self> {
        let Endpoint { local, socket, file, lent } = endpoint;
        let file = file.as_ref().map(SocketFile::identity);
        Ok(Self { address: local.clone(), socket: Handed::of(socket)?, file, lent: *lent })
    }

    pub(super) fn take(&self) -> io::Result<Endpoint> {
        let file = match (&self.address, self.file) {
            (Address::Unix(path), Some(identity)) => Some(SocketFile::known(path, identity)),
            _ => None,
        };
        let (local, socket) = (self.address.clone(), self.socket.take()?);
        Ok(Endpoint { local, socket, file, lent: self.lent })
    }
}

/// Makes sure that nobody listens there. The last workers of a master that died are waited for: they
/// let go of the port as soon as their accept queues are empty.
fn probe(wanted: SocketAddr, address: &Address) -> Result<(), Error> {
    const STEP: Duration = Duration::from_millis(2);
    let deadline = Instant::now() + ORPHAN_WAIT_MAX;
    let mut said = false;
    loop {
        let error = match listener::probe(wanted) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let leaving = error.kind() == io::ErrorKind::AddrInUse
            && Instant::now() < deadline
            && holders(address).iter().all(|holder| holder.orphan);
        // No holder at all: it has just gone, or belongs to another user; a second look tells.
        let gone = leaving && holders(address).is_empty() && said;
        if !leaving || gone && listener::probe(wanted).is_err() {
            return Err(refusal(address, error));
        }
        if !said {
            tracing::info!(%address, "waiting for the workers of a dead master to leave");
            said = true;
        }
        sleep(STEP);
    }
}

fn refusal(address: &Address, error: io::Error) -> Error {
    let in_use = error.kind() == io::ErrorKind::AddrInUse;
    let holders = if in_use { holders(address) } else { Vec::new() };
    let text = match address {
        Address::Tcp(address) => tcp_refusal(*address, &error, &holders),
        Address::Unix(path) => unix_refusal(path, &error, &holders),
    };
    Error::bind(text, error)
}

fn tcp_refusal(address: SocketAddr, error: &io::Error, holders: &[Holder]) -> String {
    let (ip, port) = (address.ip(), address.port());
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            let ask = "choose another port, or ask `ss -ltnp` as root";
            format!("port {port} on {ip} is in use by {}", describe(holders, "port", ask))
        }
        io::ErrorKind::AddrNotAvailable => format!(
            "{ip} is no address of this machine: choose one that `ip address` lists, or 0.0.0.0 for \
             all"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "port {port} on {ip} needs a privilege: choose a port from 1024 on, or grant \
             CAP_NET_BIND_SERVICE (setcap cap_net_bind_service=ep PROGRAM, or systemd's \
             AmbientCapabilities)"
        ),
        _ => format!("cannot listen on {address}: {error}"),
    }
}

fn unix_refusal(path: &Path, error: &io::Error, holders: &[Holder]) -> String {
    let path = path.display();
    let mend = match error.kind() {
        io::ErrorKind::AddrInUse => {
            let ask = "choose another path, or ask `ss -lxnp` as root";
            return format!("{path} is in use by {}", describe(holders, "path", ask));
        }
        io::ErrorKind::NotFound => "its folder must be there before the start",
        io::ErrorKind::AlreadyExists => "choose another path",
        _ => "choose a path in a folder that this user may write to, as below /run",
    };
    format!("cannot listen on unix:{path}: {error}; {mend}")
}

fn describe(holders: &[Holder], what: &str, ask: &str) -> String {
    let Some(holder) = holders.first() else {
        return format!("a program of another user: {ask}");
    };
    let Holder { pid, name, orphan } = holder;
    let whose = if *orphan { ", a worker whose master is dead" } else { "" };
    format!("process {pid} ({name}{whose}): stop it or choose another {what}")
}
