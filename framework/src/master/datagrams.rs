//! Sockets for datagrams: one a slot for each address, in a group among which the kernel's hash chooses.
//!
//! The master binds them and keeps them over the lives of workers: what comes while a slot has none waits
//! there for its next one. Slot 0 is never retired, so the port is never let go of.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use serde::{Deserialize, Serialize};

use super::Master;
use super::handover::Handed;
use crate::error::Error;
use crate::ids::SlotId;
use crate::net::group::{Choice, Group};
use crate::net::{datagram, listener, steer};
use crate::plan::Address;
use crate::sys::reuseport;

/// The sockets of all addresses.
#[derive(Debug, Default)]
pub(super) struct Datagrams(Vec<Port>);

/// An address, and its sockets.
#[derive(Debug)]
struct Port {
    local: SocketAddr,
    /// A place for each slot.
    sockets: Vec<Option<OwnedFd>>,
    /// Those that are bound, in the kernel's order.
    group: Group,
    /// The kernel's hash chooses among all of them.
    hashed: bool,
}

/// An address and its sockets, as they are handed over to another program.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HandedPort {
    pub(super) local: SocketAddr,
    sockets: Vec<Option<Handed>>,
    group: Vec<SlotId>,
}

impl Datagrams {
    /// Takes the addresses, with the socket of the first slot.
    pub(super) fn bind(wanted: &[SocketAddr]) -> Result<Self, Error> {
        wanted.iter().map(|address| Port::bind(*address)).collect::<Result<_, _>>().map(Self)
    }

    pub(super) fn addresses(&self) -> Vec<SocketAddr> {
        self.0.iter().map(|port| port.local).collect()
    }

    /// The slot has a socket at each address from now on.
    pub(super) fn furnish(&mut self, slot: SlotId) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|port| port.furnish(slot))
    }

    /// Nobody sits in these slots any more, and nobody will.
    pub(super) fn close(&mut self, retired: impl Fn(SlotId) -> bool) {
        for port in &mut self.0 {
            for slot in port.group.members().to_vec().into_iter().filter(|slot| retired(*slot)) {
                port.sockets[slot.index()] = None;
                port.group.left(slot);
            }
        }
    }

    /// Has the kernel choose among these slots only.
    pub(super) fn steer(&mut self, live: &[SlotId]) -> io::Result<()> {
        self.0.iter_mut().try_for_each(|port| port.steer(live))
    }

    /// The sockets of one slot; all others are closed here.
    pub(super) fn of_slot(self, slot: SlotId) -> Vec<OwnedFd> {
        let own = |mut port: Port| port.sockets.get_mut(slot.index())?.take();
        self.0.into_iter().filter_map(own).collect()
    }

    pub(super) fn sockets(&self) -> impl Iterator<Item = &OwnedFd> {
        self.0.iter().flat_map(|port| port.sockets.iter().flatten())
    }

    pub(super) fn hand_over(&self) -> io::Result<Vec<HandedPort>> {
        self.0.iter().map(HandedPort::of).collect()
    }

    pub(super) fn take(handed: &[HandedPort]) -> io::Result<Self> {
        handed.iter().map(HandedPort::take).collect::<io::Result<_>>().map(Self)
    }
}

impl Port {
    fn bind(wanted: SocketAddr) -> Result<Self, Error> {
        let bound = || {
            if wanted.port() != 0 {
                datagram::probe(wanted)?;
            }
            let socket = datagram::bind_member(wanted)?;
            Ok((listener::local_address(&socket)?, socket))
        };
        let (local, socket) = bound().map_err(|error| refusal(wanted, error))?;
        let mut group = Group::default();
        group.joined(SlotId(0));
        Ok(Self { local, sockets: vec![Some(socket)], group, hashed: true })
    }

    fn furnish(&mut self, slot: SlotId) -> io::Result<()> {
        let places = self.sockets.len().max(slot.index() + 1);
        self.sockets.resize_with(places, || None);
        if self.sockets[slot.index()].is_none() {
            self.sockets[slot.index()] = Some(datagram::bind_member(self.local)?);
            self.group.joined(slot);
        }
        Ok(())
    }

    fn steer(&mut self, live: &[SlotId]) -> io::Result<()> {
        let Some(member) = self.sockets.iter().flatten().next() else { return Ok(()) };
        match self.group.choice(live) {
            Choice::Everyone if self.hashed => {}
            Choice::Everyone => {
                reuseport::detach(member)?;
                self.hashed = true;
            }
            Choice::Among { live, .. } => {
                reuseport::attach(member, &mut steer::program(&live))?;
                self.hashed = false;
            }
        }
        Ok(())
    }
}

impl HandedPort {
    fn of(port: &Port) -> io::Result<Self> {
        let sockets = port.sockets.iter().map(|socket| socket.as_ref().map(Handed::of).transpose());
        let group = port.group.members().to_vec();
        Ok(Self { local: port.local, sockets: sockets.collect::<io::Result<_>>()?, group })
    }

    fn take(&self) -> io::Result<Port> {
        let sockets =
            self.sockets.iter().map(|socket| socket.as_ref().map(Handed::take).transpose());
        let group = Group::of(self.group.clone());
        // Perhaps it is: it does no harm to say so once more.
        let hashed = false;
        Ok(Port { local: self.local, sockets: sockets.collect::<io::Result<_>>()?, group, hashed })
    }
}

impl Master<'_> {
    /// Has datagrams go to the slots that are to have a worker, whether they have one now or not.
    pub(super) fn steer_datagrams(&mut self) {
        let live = self.supervisor.wanted_slots();
        if let Err(error) = self.datagrams.steer(&live) {
            tracing::error!(?live, "cannot steer datagrams: {error}");
        }
    }

    /// A retired slot has no worker any more: its sockets are closed.
    pub(super) fn close_datagrams(&mut self) {
        let count = self.datagrams.sockets().count();
        self.datagrams.close(|slot| self.supervisor.is_retired(slot));
        if self.datagrams.sockets().count() < count {
            self.steer_datagrams();
        }
    }
}

fn refusal(address: SocketAddr, error: io::Error) -> Error {
    let (ip, port) = (address.ip(), address.port());
    let text = match error.kind() {
        io::ErrorKind::AddrInUse => format!(
            "port {port} for UDP on {ip} is in use: choose another port, or ask `ss -lunp` as root"
        ),
        io::ErrorKind::AddrNotAvailable => format!(
            "{ip} is no address of this machine: choose one that `ip address` lists, or 0.0.0.0 for all"
        ),
        io::ErrorKind::PermissionDenied => format!(
            "port {port} for UDP on {ip} needs a privilege: choose a port from 1024 on, or grant \
             CAP_NET_BIND_SERVICE"
        ),
        _ => format!("cannot take datagrams at {}: {error}", Address::Tcp(address)),
    };
    Error::bind(text, error)
}
