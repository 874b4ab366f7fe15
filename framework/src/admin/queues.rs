//! How long the accept queues are.

use std::fs;

use serde::Serialize;

use crate::plan::Address;
use crate::sys::sock_diag;

/// A listener, by its number in the kernel's lists.
pub(super) struct Named {
    pub(super) address: Address,
    pub(super) slot: Option<u16>,
    pub(super) inode: u64,
}

/// One accept queue.
#[derive(Debug, Serialize)]
pub(super) struct Waiting {
    pub(super) address: Address,
    /// Whose it is; absent when all workers share it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) slot: Option<u16>,
    /// Connections that wait.
    pub(super) depth: u32,
    /// So many may wait.
    pub(super) limit: u32,
}

/// Looks at these listeners. Those that do not listen are left out.
///
/// Where the kernel does not answer by netlink, as in a service that may not use it, its older list is
/// read, which names no limits, and no queues of unix-domain sockets.
pub(super) fn look(named: Vec<Named>, backlog: u32) -> Vec<Waiting> {
    let found = sock_diag::listeners().unwrap_or_else(|_| older_list(backlog.min(somaxconn())));
    let waiting = |named: Named| {
        let queue = found.iter().find(|queue| u64::from(queue.inode) == named.inode)?;
        let Named { address, slot, .. } = named;
        Some(Waiting { address, slot, depth: queue.depth, limit: queue.limit })
    };
    named.into_iter().filter_map(waiting).collect()
}

/// `proc_pid_net(5)`: of a listener, what it has received is its accept queue.
fn older_list(limit: u32) -> Vec<sock_diag::Queue> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(fs::read_to_string);
    let tables: Vec<String> = tables.into_iter().flatten().collect();
    tables.iter().flat_map(|table| table.lines()).filter_map(|line| in_line(line, limit)).collect()
}

fn in_line(line: &str, limit: u32) -> Option<sock_diag::Queue> {
    const LISTENING: &str = "0A";
    let mut fields = line.split_ascii_whitespace().skip(3);
    if fields.next()? != LISTENING {
        return None;
    }
    let (_, received) = fields.next()?.split_once(':')?;
    let depth = u32::from_str_radix(received, 16).ok()?;
    let inode = fields.nth(4)?.parse().ok()?;
    Some(sock_diag::Queue { inode, depth, limit })
}

/// The kernel allows no longer queues.
fn somaxconn() -> u32 {
    let text = fs::read_to_string("/proc/sys/net/core/somaxconn");
    text.ok().and_then(|text| text.trim().parse().ok()).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};

    use super::*;
    use crate::net::listener;

    #[test]
    fn both_lists_say_the_same() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let inode = u32::try_from(listener::inode(&listener).unwrap()).unwrap();
        let newer = sock_diag::listeners().unwrap();
        for list in [older_list(1), newer] {
            let queue = list.iter().find(|queue| queue.inode == inode).expect("the listener");
            assert_eq!(queue.depth, 1);
        }
    }

    #[test]
    fn other_lines_are_passed_over() {
        let other =
            "   0: 0100007F:1F90 00000000:0000 01 00000000:00000003 00:00000000 00000000 0 0 77 1";
        assert_eq!(in_line(other, 9), None);
        let queue = sock_diag::Queue { inode: 77, depth: 3, limit: 9 };
        assert_eq!(in_line(&other.replace(" 01 ", " 0A "), 9), Some(queue));
        assert_eq!(in_line("  sl  local_address", 9), None);
    }
}
