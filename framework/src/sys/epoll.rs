//! The one thing that mio cannot say to epoll: `EPOLLEXCLUSIVE`, and level-triggered listeners.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};

use mio::{Poll, Token};

/// Who is woken when a connection reaches a listener that several workers wait on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Everybody who waits.
    All,
    /// One of those who wait (`EPOLLEXCLUSIVE`, `epoll_ctl(2)`).
    One,
}

/// Adds a level-triggered read interest in `source` to `poll`, with the token of a mio event.
pub(crate) fn add(poll: &Poll, source: BorrowedFd<'_>, token: Token, wake: Wake) -> io::Result<()> {
    let exclusive = match wake {
        Wake::All => 0,
        Wake::One => libc::EPOLLEXCLUSIVE,
    };
    let mut event = libc::epoll_event {
        events: u32::from_ne_bytes((libc::EPOLLIN | exclusive).to_ne_bytes()),
        u64: token.0 as u64,
    };
    control(poll, libc::EPOLL_CTL_ADD, source, &raw mut event)
}

/// Another descriptor of the same epoll instance.
pub(crate) fn duplicate(poll: &Poll) -> io::Result<OwnedFd> {
    // SAFETY: it is open as long as the poll, and so for the time of the borrow.
    unsafe { BorrowedFd::borrow_raw(poll.as_raw_fd()) }.try_clone_to_owned()
}

/// Takes `source` out of `poll` again.
pub(crate) fn remove(poll: &Poll, source: BorrowedFd<'_>) -> io::Result<()> {
    control(poll, libc::EPOLL_CTL_DEL, source, std::ptr::null_mut())
}

fn control(
    poll: &Poll,
    operation: i32,
    source: BorrowedFd<'_>,
    event: *mut libc::epoll_event,
) -> io::Result<()> {
    // SAFETY: both descriptors are open for the time of the borrows; `event` is null (ignored by
    // EPOLL_CTL_DEL) or points to a live epoll_event of the caller.
    let result = unsafe { libc::epoll_ctl(poll.as_raw_fd(), operation, source.as_raw_fd(), event) };
    if result == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
