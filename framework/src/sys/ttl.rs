//! The least time to live of the packets that a socket takes: ip(7), `IP_MINTTL`, and
//! `IPV6_MINHOPCOUNT`.

use std::io;
use std::os::fd::BorrowedFd;

use super::option;

/// Packets with less are dropped without a word; 0: none are.
pub(crate) fn set_least(socket: BorrowedFd<'_>, hops: u8) -> io::Result<()> {
    let hops = i32::from(hops);
    // A socket of IPv6 may take connections of IPv4 as well, and one of IPv4 knows no IPv6.
    option::set(socket, libc::IPPROTO_IP, libc::IP_MINTTL, hops)?;
    match option::set(socket, libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT, hops) {
        Err(error) if error.raw_os_error() == Some(libc::ENOPROTOOPT) => Ok(()),
        other => other,
    }
}
