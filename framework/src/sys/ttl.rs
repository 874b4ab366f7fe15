//! The least time to live of the packets that a socket takes: ip(7), `IP_MINTTL`, and
//! `IPV6_MINHOPCOUNT`.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Packets with less are dropped without a word; 0: none are.
pub(crate) fn set_least(socket: BorrowedFd<'_>, hops: u8) -> io::Result<()> {
    // A socket of IPv6 may take connections of IPv4 as well, and one of IPv4 knows no IPv6.
    set(socket, libc::IPPROTO_IP, libc::IP_MINTTL, hops)?;
    match set(socket, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, hops) {
        Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(()),
        other => other,
    }
}

fn set(socket: BorrowedFd<'_>, level: i32, option: i32, hops: u8) -> io::Result<()> {
    let value = libc::c_int::from(hops);
    // SAFETY: the descriptor is open for the time of the borrow; both options read one int, which lives
    // until the call returns.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            level,
            option,
            (&raw const value).cast(),
            libc::socklen_t::try_from(size_of_val(&value)).map_err(io::Error::other)?,
        )
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
