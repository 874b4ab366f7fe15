//! Sockets for datagrams.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use socket2::{Domain, Protocol, Socket, Type};

/// Binds the address as a server without `SO_REUSEPORT` would, and lets go of it again: with it a second
/// program of the same user would get part of the datagrams without an error.
pub(crate) fn probe(address: SocketAddr) -> io::Result<()> {
    new(address)?.bind(&address.into())
}

/// Binds one more member of the address's group. It gets datagrams from now on.
pub(crate) fn bind_member(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = new(address)?;
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

fn new(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::DGRAM, Some(Protocol::UDP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        // As with listeners, whatever net.ipv6.bindv6only says.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    Ok(socket)
}
