//! The program that chooses a member of a reuseport group (socket(7)).

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use nix::sys::socket::{setsockopt, sockopt::AttachReusePortCbpf};

use super::option;

/// One instruction of classic BPF.
pub(crate) type Instruction = libc::sock_filter;

/// Attaches a classic BPF program to the whole group that `member` belongs to. It replaces the
/// program that stood there, and needs no privilege.
pub(crate) fn attach(member: impl AsFd, program: &mut [Instruction]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: u16::try_from(program.len()).map_err(io::Error::other)?,
        // The kernel copies `len` instructions from here during the call and keeps no pointer.
        filter: program.as_mut_ptr(),
    };
    setsockopt(&member.as_fd(), AttachReusePortCbpf, &program)?;
    Ok(())
}

/// Attaches an eBPF program to the whole group that `member` belongs to, in the place of the one that
/// stood there. It needs no privilege: loading the program did.
pub(crate) fn attach_loaded(member: impl AsFd, program: BorrowedFd<'_>) -> io::Result<()> {
    let program = program.as_raw_fd();
    option::set(member.as_fd(), libc::SOL_SOCKET, libc::SO_ATTACH_REUSEPORT_EBPF, program)
}

/// Detaches the group's program: the kernel's own hash chooses again. No error if there is none.
pub(crate) fn detach(member: impl AsFd) -> io::Result<()> {
    match option::set(member.as_fd(), libc::SOL_SOCKET, libc::SO_DETACH_REUSEPORT_BPF, 0) {
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
        other => other,
    }
}
