//! Listening sockets: tested for, bound, opened, closed to newcomers.

use std::io;
use std::net::{Shutdown, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::fstat;
use socket2::{Domain, Protocol, SockRef, Socket, Type};

use super::steer;
use crate::board::Board;
use crate::plan::Address;
use crate::sys::ttl;

/// Binds the address as a server without `SO_REUSEPORT` would, and lets go of it again.
///
/// With `SO_REUSEPORT` a second program of the same user would join the group without an error.
pub(crate) fn probe(address: SocketAddr) -> io::Result<()> {
    let socket = new(address)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())
}

/// Binds the socket that keeps the port for the group and never listens: it gets no connection.
///
/// Without `SO_REUSEADDR`, so that it stands in the way of the probe of a second master.
pub(crate) fn bind_guard(address: SocketAddr) -> io::Result<OwnedFd> {
    bind_in_group(new(address)?, address)
}

/// Binds a member of the address's reuseport group that does not listen yet.
///
/// With `SO_REUSEADDR`, which its connections inherit, so that those that are still open do not
/// stand in the way of a new master's probe.
pub(crate) fn bind_member(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = new(address)?;
    socket.set_reuse_address(true)?;
    bind_in_group(socket, address)
}

fn bind_in_group(socket: Socket, address: SocketAddr) -> io::Result<OwnedFd> {
    socket.set_reuse_port(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Binds the one socket that all workers share. It does not listen yet.
pub(crate) fn bind_shared(address: SocketAddr) -> io::Result<OwnedFd> {
    let socket = new(address)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    Ok(socket.into())
}

/// Has threads block in `accept`: whether they do is a flag of the socket itself, which all processes
/// share. So it is for a new socket only: a program that has it otherwise would stand still in `accept`.
pub(crate) fn block(listener: impl AsFd) -> io::Result<()> {
    SockRef::from(&listener.as_fd()).set_nonblocking(false)
}

/// What a listener that somebody else has opened needs to serve as one of ours.
///
/// # Errors
/// It is no listening stream socket.
pub(crate) fn adopt(socket: impl AsFd) -> io::Result<Address> {
    let socket = socket.as_fd();
    let socket = SockRef::from(&socket);
    if socket.r#type()? != Type::STREAM || !socket.is_listener()? {
        return Err(io::Error::other("it is no stream socket that listens"));
    }
    socket.set_nonblocking(true)?;
    let address = socket.local_addr()?;
    if let Some(address) = address.as_socket() {
        socket.set_tcp_nodelay(true)?;
        return Ok(Address::Tcp(address));
    }
    let path = address.as_pathname().ok_or_else(|| io::Error::other("it has no path"))?;
    Ok(Address::Unix(path.into()))
}

/// The socket may have others beside it at the same address.
pub(crate) fn shares_port(socket: impl AsFd) -> io::Result<bool> {
    SockRef::from(&socket.as_fd()).reuse_port()
}

/// Takes the next connection, which does not block, and its peer's address, if it has one.
pub(crate) fn accept(listener: impl AsFd) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
    let listener = listener.as_fd();
    let flags = libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    let (socket, peer) = SockRef::from(&listener).accept4(flags)?;
    Ok((socket.into(), peer.as_socket()))
}

/// Connections wait to be accepted.
pub(crate) fn has_queue(listener: BorrowedFd<'_>) -> io::Result<bool> {
    Ok(poll(&mut [PollFd::new(listener, PollFlags::POLLIN)], PollTimeout::ZERO)? > 0)
}

/// Opens the accept queue, `backlog` connections long.
pub(crate) fn listen(socket: impl AsFd, backlog: u32) -> io::Result<()> {
    SockRef::from(&socket.as_fd()).listen(i32::try_from(backlog).unwrap_or(i32::MAX))
}

/// Closes the listener to newcomers, while handshakes under way are still completed and what is
/// queued can still be accepted. A client that is turned away sends its SYN again after a second,
/// and then meets a closed port or the next server.
///
/// Newer kernels let only who has `CAP_NET_ADMIN` put a filter on a TCP socket. For others the listener
/// takes only packets that come with the highest time to live, which hardly any client's have: the kernel
/// drops the SYNs of the others, too (RFC 5082), and ACKs that redeem a SYN cookie. Connections inherit it,
/// so each that is accepted must be given to [`readmit`], which learns of it from `board`.
///
/// A unix-domain listener that is shut down for reading refuses newcomers, who see at once that nobody
/// listens any more, and keeps what is queued (`unix_stream_connect`). It stays readable for ever, so
/// whoever finds its queue empty must not wait on it any more.
pub(crate) fn refuse_newcomers(listener: impl AsFd, board: &Board) -> io::Result<()> {
    if is_unix(listener.as_fd()) {
        return SockRef::from(&listener.as_fd()).shutdown(Shutdown::Read);
    }
    match SockRef::from(&listener.as_fd()).attach_filter(&steer::refuse_openers()) {
        Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
            board.mute();
            tracing::debug!("newcomers are turned away by the time to live of their packets");
            ttl::set_least(listener.as_fd(), u8::MAX)
        }
        other => other,
    }
}

/// Has a connection that was just accepted take what its peer sends, whatever its listener was told
/// meanwhile.
pub(crate) fn readmit(connection: impl AsFd, board: &Board) {
    if board.muted_for().is_some()
        && let Err(error) = ttl::set_least(connection.as_fd(), 0)
    {
        tracing::warn!("a connection hears nothing any more: {error}");
    }
}

/// Closes a listener for good, whoever else still holds a duplicate: a child that has just been forked
/// may, and would keep it in its group. One that is shut down for reading leaves the group at once
/// (`inet_csk_listen_stop`), and gets no connection any more.
pub(crate) fn close(listener: impl AsFd) {
    // It fails only if the socket does not listen, which is as good.
    let _ = SockRef::from(&listener.as_fd()).shutdown(Shutdown::Read);
}

/// The number that the kernel gives to this socket, and to no other as long as it runs (socket(7),
/// `SO_COOKIE`).
pub(crate) fn cookie(socket: impl AsFd) -> io::Result<u64> {
    SockRef::from(&socket.as_fd()).cookie()
}

/// The number by which the kernel's lists of sockets name it (`proc_pid_net(5)`, `sock_diag(7)`).
pub(crate) fn inode(socket: impl AsFd) -> io::Result<u64> {
    Ok(fstat(socket)?.st_ino)
}

/// Connections that come in on this CPU are for this listener (socket(7), `SO_INCOMING_CPU`).
pub(crate) fn prefer_cpu(listener: impl AsFd, cpu: usize) -> io::Result<()> {
    SockRef::from(&listener.as_fd()).set_cpu_affinity(cpu)
}

/// The CPU that was set so.
pub(crate) fn preferred_cpu(listener: impl AsFd) -> Option<u32> {
    let cpu = SockRef::from(&listener.as_fd()).cpu_affinity().ok()?;
    // None is -1.
    u32::try_from(cpu).ok().filter(|cpu| *cpu < u32::MAX / 2)
}

/// The address that a socket is bound to.
pub(crate) fn local_address(socket: impl AsFd) -> io::Result<SocketAddr> {
    let address = SockRef::from(&socket.as_fd()).local_addr()?;
    address.as_socket().ok_or_else(|| io::Error::other("not an internet socket"))
}

/// It is a unix-domain socket.
pub(crate) fn is_unix(socket: impl AsFd) -> bool {
    SockRef::from(&socket.as_fd()).domain().is_ok_and(|domain| domain == Domain::UNIX)
}

/// The socket listens already. One that does not yet would be reported by epoll as hung up, again and
/// again.
pub(crate) fn listens(socket: impl AsFd) -> io::Result<bool> {
    SockRef::from(&socket.as_fd()).is_listener()
}

/// What a failed `accept` means.
pub(crate) enum AcceptError {
    /// Nothing waits.
    Nothing,
    /// That connection failed; the next one may be well.
    ThisConnection,
    /// Out of descriptors or memory, or something that is worse: better pause.
    Lasting,
}

/// accept(2): errors of the connection itself are passed on by Linux as errors of `accept`.
pub(crate) fn accept_error(error: &io::Error) -> AcceptError {
    const OF_THE_CONNECTION: [i32; 10] = [
        libc::EINTR,
        libc::ECONNABORTED,
        libc::EPERM,
        libc::EPROTO,
        libc::ENOPROTOOPT,
        libc::ENETDOWN,
        libc::ENETUNREACH,
        libc::EHOSTDOWN,
        libc::EHOSTUNREACH,
        libc::ENONET,
    ];
    match error.raw_os_error() {
        Some(libc::EAGAIN) => AcceptError::Nothing,
        Some(code) if OF_THE_CONNECTION.contains(&code) => AcceptError::ThisConnection,
        _ => AcceptError::Lasting,
    }
}

fn new(address: SocketAddr) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    if address.is_ipv6() {
        // `[::]` takes IPv4 as well, whatever net.ipv6.bindv6only says.
        socket.set_only_v6(!address.ip().is_unspecified())?;
    }
    // Accepted sockets inherit it: one system call less for each connection.
    socket.set_tcp_nodelay(true)?;
    Ok(socket)
}
