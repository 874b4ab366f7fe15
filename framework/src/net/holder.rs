//! Who holds an address, for an error that says so, and to tell another server from the last workers of
//! a master that died.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use crate::board;
use crate::plan::Address;

/// A process with a socket there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holder {
    pub(crate) pid: u32,
    /// The kernel's short name of the program.
    pub(crate) name: String,
    /// It is a worker whose master is dead: it drains, and goes away by itself.
    pub(crate) orphan: bool,
}

/// The processes that listen on the port, or at the path, of `address`. Those of other users can only
/// be seen with privileges, so the list may be empty though it is taken.
pub(crate) fn holders(address: &Address) -> Vec<Holder> {
    let sockets = match address {
        Address::Tcp(address) => listening_on_port(address.port()),
        Address::Unix(path) => listening_at_path(path),
    };
    if sockets.is_empty() {
        return Vec::new();
    }
    let pids = numbers_in("/proc");
    pids.filter(|pid| has_one_of(*pid, &sockets)).map(Holder::of).collect()
}

impl Holder {
    fn of(pid: u32) -> Self {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        let board = board_of(pid);
        let orphan = board.as_ref().is_some_and(|(master, board)| {
            // The pid may have been given to a stranger since; the same mapping proves it is ours.
            *master != pid && board_of(*master).is_none_or(|(_, theirs)| theirs != *board)
        });
        Self { pid, name: name.trim_end().to_owned(), orphan }
    }
}

/// The pid of the master that made the scoreboard which `pid` has mapped, and the mapping's name
/// and inode.
fn board_of(pid: u32) -> Option<(u32, String)> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let line = maps.lines().find(|line| line.contains(board::NAME_PREFIX))?;
    let (_, after) = line.split_once(board::NAME_PREFIX)?;
    let master = after.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()?;
    let inode = line.split_ascii_whitespace().nth(4)?;
    Some((master, format!("{master}/{inode}")))
}

/// Inodes of the sockets in state LISTEN (0A in `proc_net_tcp`) on a port.
fn listening_on_port(port: u16) -> BTreeSet<u64> {
    let mut inodes = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let text = fs::read_to_string(table).unwrap_or_default();
        for line in text.lines().skip(1) {
            let fields: Vec<&str> = line.split_ascii_whitespace().collect();
            let [_, local, _, state, _, _, _, _, _, inode, ..] = fields[..] else { continue };
            let listens_here = local.rsplit(':').next() == Some(&format!("{port:04X}"));
            if listens_here && state == "0A" {
                inodes.extend(inode.parse::<u64>());
            }
        }
    }
    inodes
}

/// Inodes of the sockets that listen at a path: those whose flags have `__SO_ACCEPTCON`
/// (`proc_net_unix`). One that lost its name to another is still listed with it.
fn listening_at_path(path: &Path) -> BTreeSet<u64> {
    const LISTENS: &str = "00010000";
    let text = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    let inode = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let listens = fields.nth(3)? == LISTENS;
        let inode = fields.nth(2)?.parse().ok()?;
        // A path may hold spaces.
        let (_, name) = line.split_once('/')?;
        (listens && Path::new("/").join(name) == path).then_some(inode)
    };
    text.lines().skip(1).filter_map(inode).collect()
}

fn has_one_of(pid: u32, sockets: &BTreeSet<u64>) -> bool {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/fd")) else { return false };
    entries.flatten().any(|entry| {
        let target = fs::read_link(entry.path()).unwrap_or_default();
        let text = target.to_string_lossy();
        let inode = text.strip_prefix("socket:[").and_then(|rest| rest.strip_suffix(']'));
        inode.and_then(|inode| inode.parse().ok()).is_some_and(|inode| sockets.contains(&inode))
    })
}

fn numbers_in(directory: &str) -> impl Iterator<Item = u32> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn the_holder_of_a_port_is_found_and_is_no_orphan() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let found = holders(&Address::Tcp(listener.local_addr().unwrap()));
        let ours = found.iter().find(|holder| holder.pid == std::process::id());
        assert!(ours.is_some_and(|holder| !holder.orphan), "{found:?}");
    }

    #[test]
    fn the_holder_of_a_path_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("with a space");
        assert_eq!(holders(&Address::Unix(path.clone())), []);
        let _listener = UnixListener::bind(&path).unwrap();
        let found = holders(&Address::Unix(path));
        assert!(found.iter().any(|holder| holder.pid == std::process::id()), "{found:?}");
    }
}
