//! Socket options that take a number.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

/// Sets one that reads an `int`.
pub(super) fn set(socket: BorrowedFd<'_>, level: i32, option: i32, value: i32) -> io::Result<()> {
    let length = libc::socklen_t::try_from(size_of_val(&value)).map_err(io::Error::other)?;
    // SAFETY: the descriptor is open for the time of the borrow; the kernel reads `length` octets, which
    // are those of `value`, before the call returns, and writes nothing.
    let result = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const value).cast(), length)
    };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
