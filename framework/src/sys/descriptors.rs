//! Messages that carry descriptors (unix(7), `SCM_RIGHTS`).

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    sendmsg, socketpair,
};

/// A pair of connected `SOCK_SEQPACKET` sockets: whole messages in order, and an end of file when
/// the other side is gone. Non-blocking and close-on-exec.
pub(crate) fn pair() -> io::Result<(OwnedFd, OwnedFd)> {
    let flags = SockFlag::SOCK_CLOEXEC | SockFlag::SOCK_NONBLOCK;
    Ok(socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?)
}

/// Sends one message, with a descriptor if given, without ever waiting.
pub(crate) fn send(
    socket: impl AsFd,
    bytes: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<()> {
    let raw = descriptor.map(|descriptor| [descriptor.as_raw_fd()]);
    let rights = raw.as_ref().map(|raw| [ControlMessage::ScmRights(raw)]);
    let control: &[ControlMessage<'_>] = rights.as_ref().map_or(&[], |rights| rights);
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL;
    let parts = [IoSlice::new(bytes)];
    sendmsg::<()>(socket.as_fd().as_raw_fd(), &parts, control, flags, None)?;
    Ok(())
}

/// What [`receive`] found.
#[derive(Debug)]
pub(crate) enum Received {
    /// One message of this many bytes, and the descriptor that came with it.
    Message(usize, Option<OwnedFd>),
    /// The other side is gone, and everything it sent has been read.
    End,
}

/// Receives one message into `buffer`; `WouldBlock` when there is none.
pub(crate) fn receive(socket: impl AsFd, buffer: &mut [u8]) -> io::Result<Received> {
    let mut control = nix::cmsg_space!([std::os::fd::RawFd; 1]);
    let mut parts = [IoSliceMut::new(buffer)];
    let flags = MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_CMSG_CLOEXEC;
    let number = socket.as_fd().as_raw_fd();
    let mut attempt = recvmsg::<()>(number, &mut parts, Some(&mut control), flags);
    if let Err(Errno::ECONNRESET) = attempt {
        // The other side went away before it had read everything. The kernel says so once; what that
        // side had sent before stands behind it (unix_release_sock in net/unix/af_unix.c).
        parts = [IoSliceMut::new(buffer)];
        attempt = recvmsg::<()>(number, &mut parts, Some(&mut control), flags);
    }
    let message = attempt?;
    let length = message.bytes;
    let mut descriptor = None;
    // An error here means that the kernel had to drop the descriptor, because this process may not
    // have one more (unix(7)). The octets came all the same.
    for item in message.cmsgs().into_iter().flatten() {
        if let ControlMessageOwned::ScmRights(raw) = item {
            for raw in raw {
                // SAFETY: the kernel has just made this descriptor for us, nobody else owns it.
                descriptor = Some(unsafe { OwnedFd::from_raw_fd(raw) });
            }
        }
    }
    if length == 0 && descriptor.is_none() {
        return Ok(Received::End);
    }
    Ok(Received::Message(length, descriptor))
}

/// The numbers of descriptors, standard input and output aside, that would outlive a change of program:
/// whoever started this one left them open, or its own code did.
pub(crate) fn strangers() -> Vec<RawFd> {
    let entries = std::fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    let numbers = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    let stays = |number: &RawFd| {
        // SAFETY: fcntl(2) looks the number up, whatever it is; the borrow ends with this call.
        let flags = fcntl(unsafe { BorrowedFd::borrow_raw(*number) }, FcntlArg::F_GETFD);
        flags.is_ok_and(|flags| !FdFlag::from_bits_retain(flags).contains(FdFlag::FD_CLOEXEC))
    };
    let mut strangers: Vec<RawFd> =
        numbers.filter(|number| *number > libc::STDERR_FILENO).filter(stays).collect();
    strangers.sort_unstable();
    strangers
}

/// Lets none of them outlive a change of program.
///
/// # Errors
/// The kernel refuses.
pub fn close_strangers_on_exec() -> io::Result<()> {
    for number in strangers() {
        // SAFETY: fcntl(2) looks the number up, whatever it is; the borrow ends with this call.
        let stranger = unsafe { BorrowedFd::borrow_raw(number) };
        fcntl(stranger, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whoever closes with something unread resets the pair; what he had sent can still be read.
    #[test]
    fn what_was_sent_before_a_reset_is_received() {
        let (one, other) = pair().unwrap();
        send(&one, b"never read", None).unwrap();
        send(&other, b"sent before", Some(other.as_fd())).unwrap();
        drop(other);
        let mut buffer = [0; 32];
        assert!(matches!(receive(&one, &mut buffer), Ok(Received::Message(11, Some(_)))));
        assert!(matches!(receive(&one, &mut buffer), Ok(Received::End)));
    }
}
