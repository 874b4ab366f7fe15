//! What the kernel still holds of what was written.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Octets that were written to a stream socket and that its peer has not taken yet: for TCP those that it
/// has not acknowledged (tcp(7), `SIOCOUTQ`), for unix-domain sockets those that it has not read.
pub(crate) fn unsent(socket: BorrowedFd<'_>) -> io::Result<u64> {
    let mut octets: libc::c_int = 0;
    // SAFETY: the descriptor is open for the time of the borrow; for this request the kernel writes one
    // `int`, which is what the pointer points to.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::TIOCOUTQ, &raw mut octets) };
    if result == 0 {
        Ok(u64::try_from(octets).unwrap_or(0))
    } else {
        Err(io::Error::last_os_error())
    }
}
