//! The program that chooses a member of a reuseport group (socket(7)).

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use nix::sys::socket::{setsockopt, sockopt::AttachReusePortCbpf};

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

/// Detaches the group's program: the kernel's own hash chooses again. No error if there is none.
pub(crate) fn detach(member: impl AsFd) -> io::Result<()> {
    let unused: libc::c_int = 0;
    // SAFETY: the descriptor is open for the time of the borrow; the option reads one int, which
    // lives until the call returns.
    let result = unsafe {
        libc::setsockopt(
            member.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_DETACH_REUSEPORT_BPF,
            (&raw const unused).cast(),
            libc::socklen_t::try_from(size_of_val(&unused)).map_err(io::Error::other)?,
        )
    };
    match result {
        0 => Ok(()),
        _ => match io::Error::last_os_error() {
            error if error.raw_os_error() == Some(libc::ENOENT) => Ok(()),
            error => Err(error),
        },
    }
}
