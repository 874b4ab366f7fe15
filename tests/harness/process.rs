//! Processes and sockets as `/proc` shows them.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::wait::wait_until;

/// A process for all time: its id, and when it started, so that a reused id is another process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Process {
    pub(crate) pid: u32,
    started: u64,
}

impl Process {
    /// The process with this id now, dead and not yet waited for included.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        Self::with_state(pid).map(|(process, _)| process)
    }

    fn with_state(pid: u32) -> Option<(Self, String)> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // proc_pid_stat(5): the name in parentheses may hold spaces; field 22 is the start time.
        let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
        let started = fields[19].parse().ok()?;
        Some((Self { pid, started }, fields[0].to_owned()))
    }

    /// When it began, in clock ticks since the start of the machine.
    pub(crate) fn started(self) -> u64 {
        self.started
    }

    /// It runs, and has not become a zombie.
    pub(crate) fn lives(self) -> bool {
        Self::with_state(self.pid).is_some_and(|(now, state)| now == self && state != "Z")
    }

    /// Sends a signal to this process, and to no other that got its id since.
    pub(crate) fn signal(self, signal: Signal) {
        if self.lives() {
            let _ = kill(Pid::from_raw(i32::try_from(self.pid).unwrap()), signal);
        }
    }

    /// It waits in `clock_nanosleep(2)`: a handler blocks it.
    pub(crate) fn sleeps_in_handler(self) -> bool {
        self.system_call() == Some(nix::libc::SYS_clock_nanosleep)
    }

    /// SIGSTOP holds it.
    pub(crate) fn is_stopped(self) -> bool {
        Self::with_state(self.pid).is_some_and(|(now, state)| now == self && state == "T")
    }

    /// It waits in `epoll_wait(2)`.
    pub(crate) fn waits_for_events(self) -> bool {
        let calls = [nix::libc::SYS_epoll_wait, nix::libc::SYS_epoll_pwait];
        self.system_call().is_some_and(|call| calls.contains(&call))
    }

    /// Waits until it has nothing to do: it is found waiting for events each time. One that spins, even if
    /// it asks for events all the time, is not.
    pub(crate) fn comes_to_rest(self) {
        let looks = || {
            (0..20).all(|_| {
                std::thread::sleep(Duration::from_millis(3));
                self.waits_for_events()
            })
        };
        wait_until("it to have nothing to do", looks);
    }

    /// The number of the system call in which it is blocked.
    fn system_call(self) -> Option<i64> {
        let line = fs::read_to_string(format!("/proc/{}/syscall", self.pid)).ok()?;
        line.split(' ').next()?.parse().ok()
    }

    /// How often it gave up the processor or was taken off it.
    pub(crate) fn context_switches(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let lines = status.lines().filter(|line| line.contains("ctxt_switches"));
        lines.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum()
    }

    /// Memory that is no file's, in KiB (`proc_pid_smaps`): whether its pages are still shared with a
    /// child, as after a fork, makes no difference.
    pub(crate) fn anonymous_kib(self) -> u64 {
        let smaps = fs::read_to_string(format!("/proc/{}/smaps_rollup", self.pid)).unwrap();
        let lines = smaps.lines().filter(|line| line.starts_with("Anonymous:"));
        lines.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum()
    }

    /// The most memory that it has ever used, in KiB.
    pub(crate) fn peak_kib(self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid)).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.split_whitespace().next().unwrap().parse().unwrap()
    }

    pub(crate) fn children(self) -> Vec<Self> {
        let pid = self.pid;
        let list = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let list = list.unwrap_or_default();
        list.split_whitespace().filter_map(|pid| Self::of(pid.parse().ok()?)).collect()
    }

    /// Inodes of the sockets that it has open.
    pub(crate) fn sockets(self) -> BTreeSet<u64> {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.pid));
        let links =
            entries.into_iter().flatten().flatten().map(|entry| fs::read_link(entry.path()));
        let inode = |link: &str| link.strip_prefix("socket:[")?.strip_suffix(']')?.parse().ok();
        links.flatten().filter_map(|link| inode(&link.to_string_lossy())).collect()
    }

    /// How many descriptors it has open when nothing is going on: the end of a connection is seen a
    /// moment later.
    pub(crate) fn settled_descriptors(self) -> usize {
        let look = |_| {
            std::thread::sleep(Duration::from_millis(10));
            self.descriptors().len()
        };
        (0..20).map(look).min().unwrap_or_default()
    }

    /// What its descriptors are, as paths.
    pub(crate) fn files(self) -> BTreeSet<PathBuf> {
        let entries = fs::read_dir(format!("/proc/{}/fd", self.pid));
        entries
            .into_iter()
            .flatten()
            .flatten()
            .filter_map(|it| fs::read_link(it.path()).ok())
            .collect()
    }

    /// The numbers of its open descriptors.
    pub(crate) fn descriptors(self) -> BTreeSet<usize> {
        let entries =
            fs::read_dir(format!("/proc/{}/fd", self.pid)).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
    }
}

/// A listening socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Listening {
    pub(crate) inode: u64,
    /// Connections that wait to be accepted.
    pub(crate) queued: usize,
}

/// The sockets that listen on a port; their receive queue is the accept queue.
pub(crate) fn listening(port: u16) -> Vec<Listening> {
    let found = tcp_sockets(port, "0A");
    let number = |line: &Vec<String>| -> Option<Listening> {
        let queued = usize::from_str_radix(line[4].split_once(':')?.1, 16).ok()?;
        Some(Listening { inode: line[9].parse().ok()?, queued })
    };
    found.iter().filter_map(number).collect()
}

/// Handshakes on a port that wait for the client's last word.
pub(crate) fn half_open(port: u16) -> usize {
    tcp_sockets(port, "03").len()
}

/// A process has the server's end of the connection from this port of a client. One that was closed with
/// something left to send is the kernel's alone, and has no inode.
pub(crate) fn is_held(port: u16, client_port: u16) -> bool {
    let end = format!(":{client_port:04X}");
    let held = |fields: &Vec<String>| fields[2].ends_with(&end) && fields[9] != "0";
    // Established, and closed by the client (`tcp_states.h`).
    ["01", "08"].iter().any(|state| tcp_sockets(port, state).iter().any(held))
}

/// The lines of `proc_net_tcp` for local sockets of this port in this state, in fields.
fn tcp_sockets(port: u16, state: &str) -> Vec<Vec<String>> {
    let table = fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let lines = table.lines().skip(1);
    let lines = lines.map(|line| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    let end = format!(":{port:04X}");
    lines.filter(|fields| fields[3] == state && fields[1].ends_with(&end)).collect()
}

/// Connections in all accept queues of a port.
pub(crate) fn queued(port: u16) -> usize {
    listening(port).iter().map(|listener| listener.queued).sum()
}

/// Connections in the accept queue of a unix-domain listener.
pub(crate) fn queued_at(path: &Path) -> usize {
    let list = std::process::Command::new("ss").args(["-Hlx", "src"]).arg(path).output();
    let text = String::from_utf8_lossy(&list.expect("ss, of iproute2").stdout).into_owned();
    let lines =
        text.lines().filter_map(|line| line.split_whitespace().nth(2)?.parse::<usize>().ok());
    lines.sum()
}

/// The kernel's names for the sockets that listen on a port; no two sockets ever have the same one.
pub(crate) fn cookies(port: u16) -> BTreeSet<String> {
    let mut ss = std::process::Command::new("ss");
    let list = ss.args(["-Hltne", &format!("sport = :{port}")]).output().expect("ss, of iproute2");
    let text = String::from_utf8_lossy(&list.stdout).into_owned();
    let names = text.split_whitespace().filter(|word| word.starts_with("sk:"));
    let names: BTreeSet<String> = names.map(str::to_owned).collect();
    assert!(!names.is_empty(), "{text}");
    names
}

/// How many connections may wait in each accept queue of a port.
pub(crate) fn queue_lengths(port: u16) -> Vec<u32> {
    let mut ss = std::process::Command::new("ss");
    let list = ss.args(["-Hltn", &format!("sport = :{port}")]).output().expect("ss, of iproute2");
    let text = String::from_utf8_lossy(&list.stdout).into_owned();
    let length = |line: &str| line.split_whitespace().nth(2)?.parse().ok();
    text.lines().filter_map(length).collect()
}
