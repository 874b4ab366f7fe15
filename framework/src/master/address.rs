//! Taking the address, and saying who has it if somebody else does.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::error::Error;
use crate::limits::ORPHAN_WAIT_MAX;
use crate::net::holder::{Holder, holders};
use crate::net::listener;
use crate::plan::{AcceptWake, Intake, Plan};

/// The address, with a port, and the socket that keeps it.
pub(super) struct Address {
    pub(super) local: SocketAddr,
    /// The listener that all share; or, in a group, a member that never listens and keeps the port
    /// from others while no worker is there.
    pub(super) socket: OwnedFd,
}

impl Address {
    /// Binds without listening.
    pub(super) fn take(plan: &Plan) -> Result<Self, Error> {
        let wanted = plan.address;
        let refused = |error| refusal(wanted, error);
        if wanted.port() != 0 {
            probe(wanted)?;
        }
        let socket = match plan.intake {
            Intake::Group(_) => listener::bind_guard(wanted),
            Intake::Shared(AcceptWake::Blocking) => listener::bind_shared_blocking(wanted),
            Intake::Shared(_) | Intake::Dispatcher => listener::bind_shared(wanted),
        };
        let socket = socket.map_err(refused)?;
        let local = listener::local_address(&socket).map_err(refused)?;
        Ok(Self { local, socket })
    }
}

/// Makes sure that nobody listens there. The last workers of a master that died are waited for: they
/// let go of the port as soon as their accept queues are empty.
fn probe(address: SocketAddr) -> Result<(), Error> {
    const STEP: Duration = Duration::from_millis(2);
    let deadline = Instant::now() + ORPHAN_WAIT_MAX;
    let mut said = false;
    loop {
        let error = match listener::probe(address) {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        let leaving = error.kind() == io::ErrorKind::AddrInUse
            && Instant::now() < deadline
            && holders(address).iter().all(|holder| holder.orphan);
        // No holder at all: it has just gone, or belongs to another user; a second look tells.
        let gone = leaving && holders(address).is_empty() && said;
        if !leaving || gone && listener::probe(address).is_err() {
            return Err(refusal(address, error));
        }
        if !said {
            tracing::info!(%address, "waiting for the workers of a dead master to leave");
            said = true;
        }
        sleep(STEP);
    }
}

fn refusal(address: SocketAddr, error: io::Error) -> Error {
    let (ip, port) = (address.ip(), address.port());
    let text = match error.kind() {
        io::ErrorKind::AddrInUse => {
            format!("port {port} on {ip} is in use by {}", describe(&holders(address)))
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
    };
    Error::bind(text, error)
}

fn describe(holders: &[Holder]) -> String {
    let Some(holder) = holders.first() else {
        return "a program of another user: choose another port, or ask `ss -ltnp` as root".into();
    };
    let Holder { pid, name, orphan } = holder;
    let whose = if *orphan { ", a worker whose master is dead" } else { "" };
    format!("process {pid} ({name}{whose}): stop it or choose another port")
}
