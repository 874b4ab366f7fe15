//! How long accept queues are, by the kernel's own list of listeners (`sock_diag(7)`): whoever asks there
//! needs no descriptor of the socket, whose stray duplicate would keep connections that nobody accepts.

use std::io::{self, Read, Write};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

/// One accept queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Queue {
    /// The socket's number in the kernel's lists, of which these have 32 bits.
    pub(crate) inode: u32,
    /// Connections that wait.
    pub(crate) depth: u32,
    /// So many may wait.
    pub(crate) limit: u32,
}

// linux/netlink.h, linux/sock_diag.h, linux/unix_diag.h
const NETLINK_SOCK_DIAG: i32 = 4;
const SOCK_DIAG_BY_FAMILY: u16 = 20;
const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const REQUEST_DUMP: u16 = 0x301;
const HEADER_BYTES: usize = 16;
const LISTENING: u32 = 1 << 10;
const UDIAG_SHOW_RQLEN: u32 = 0x10;
const UNIX_DIAG_RQLEN: u16 = 4;

/// The kernel fills no more than this at a time (`netlink_dump`).
const ANSWER_BYTES_MAX: usize = 32 * 1024;

/// The kernel answers at once; this only keeps a surprise from lasting.
const PATIENCE: Duration = Duration::from_secs(1);

/// All listeners of this network namespace.
///
/// # Errors
/// The kernel, or a filter of system calls, does not allow it.
pub(crate) fn listeners() -> io::Result<Vec<Queue>> {
    let mut found = Vec::new();
    for family in [libc::AF_INET, libc::AF_INET6] {
        let mut body = [0; 56];
        body[0] = u8::try_from(family).unwrap_or(0);
        body[1] = u8::try_from(libc::IPPROTO_TCP).unwrap_or(0);
        body[4..8].copy_from_slice(&LISTENING.to_ne_bytes());
        dump(&body, |message| found.extend(inet(message)))?;
    }
    let mut body = [0; 24];
    body[0] = u8::try_from(libc::AF_UNIX).unwrap_or(0);
    body[4..8].copy_from_slice(&LISTENING.to_ne_bytes());
    body[12..16].copy_from_slice(&UDIAG_SHOW_RQLEN.to_ne_bytes());
    match dump(&body, |message| found.extend(unix(message))) {
        // Kernels without CONFIG_UNIX_DIAG.
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => {}
        other => other?,
    }
    Ok(found)
}

/// Asks for a list, and hands on each entry of it.
fn dump(body: &[u8], mut take: impl FnMut(&[u8])) -> io::Result<()> {
    let kind = Type::from(libc::SOCK_RAW);
    let protocol = Protocol::from(NETLINK_SOCK_DIAG);
    let mut socket = Socket::new(Domain::from(libc::AF_NETLINK), kind, Some(protocol))?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let length = u32::try_from(HEADER_BYTES + body.len()).map_err(io::Error::other)?;
    let mut request = Vec::from(length.to_ne_bytes());
    request.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
    request.extend(REQUEST_DUMP.to_ne_bytes());
    request.extend([0; 8]);
    request.extend(body);
    socket.write_all(&request)?;
    let mut answer = vec![0; ANSWER_BYTES_MAX];
    loop {
        let count = socket.read(&mut answer)?;
        let mut rest = &answer[..count];
        while let Some((kind, message, after)) = split(rest) {
            match kind {
                NLMSG_DONE => return Ok(()),
                NLMSG_ERROR => {
                    let code = word(message, 0).map_or(0, u32::cast_signed);
                    return Err(io::Error::from_raw_os_error(-code));
                }
                _ => take(message),
            }
            rest = after;
        }
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// The first message: its type, its content, and what follows it.
fn split(bytes: &[u8]) -> Option<(u16, &[u8], &[u8])> {
    let length = usize::try_from(word(bytes, 0)?).ok()?;
    let kind = half(bytes, 4)?;
    let message = bytes.get(HEADER_BYTES..length)?;
    Some((kind, message, bytes.get(length.next_multiple_of(4)..).unwrap_or_default()))
}

/// `struct inet_diag_msg`: of a listener the queues are its accept queue and the limit of that.
fn inet(message: &[u8]) -> Option<Queue> {
    Some(Queue { inode: word(message, 68)?, depth: word(message, 56)?, limit: word(message, 60)? })
}

/// `struct unix_diag_msg`, and attributes behind it.
fn unix(message: &[u8]) -> Option<Queue> {
    let inode = word(message, 4)?;
    let mut rest = message.get(16..)?;
    loop {
        let length = usize::from(half(rest, 0)?);
        if half(rest, 2)? == UNIX_DIAG_RQLEN {
            return Some(Queue { inode, depth: word(rest, 4)?, limit: word(rest, 8)? });
        }
        rest = rest.get(length.max(4).next_multiple_of(4)..)?;
    }
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn half(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::{UnixListener, UnixStream};

    use nix::sys::stat::fstat;
    use socket2::SockRef;

    use super::*;

    fn find(inode: u64) -> Queue {
        let wanted = u32::try_from(inode).unwrap();
        *listeners().unwrap().iter().find(|queue| queue.inode == wanted).expect("the listener")
    }

    #[test]
    fn queues_of_all_families_are_found_with_their_limit() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(listener) = TcpListener::bind(address) else { continue };
            SockRef::from(&listener).listen(7).unwrap();
            let inode = fstat(&listener).unwrap().st_ino;
            let _clients: Vec<TcpStream> = (0..3)
                .map(|_| TcpStream::connect(listener.local_addr().unwrap()).unwrap())
                .collect();
            assert_eq!((find(inode).depth, find(inode).limit), (3, 7), "{address}");
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = UnixListener::bind(&path).unwrap();
        SockRef::from(&listener).listen(5).unwrap();
        let _clients: Vec<UnixStream> =
            (0..2).map(|_| UnixStream::connect(&path).unwrap()).collect();
        let inode = fstat(&listener).unwrap().st_ino;
        assert_eq!((find(inode).depth, find(inode).limit), (2, 5));
    }

    #[test]
    fn what_is_cut_off_is_no_queue() {
        assert_eq!((inet(&[0; 71]), unix(&[0; 15]), unix(&[0; 18])), (None, None, None));
        assert!(split(&[0xff; 20]).is_none());
        assert!(split(&[4, 0, 0, 0, 0, 0, 0, 0]).is_none());
    }
}
