//! Networks of a test's own. A namespace has no name, and the kernel removes it, with all that is in it,
//! when the test has let go of it and its processes have ended, however the test ended.

use std::fs::File;
use std::os::fd::AsRawFd;
use std::panic::resume_unwind;
use std::process::Command;
use std::thread;

use nix::sched::{CloneFlags, setns, unshare};

/// A network namespace with a loopback interface.
pub(crate) struct Network {
    namespace: File,
}

impl Network {
    /// Needs root.
    pub(crate) fn new() -> Self {
        let make = || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            // Of this thread: the test's other threads stay where they are.
            File::open("/proc/thread-self/ns/net").unwrap()
        };
        let this = Self { namespace: thread::spawn(make).join().unwrap() };
        this.ip("link set lo up");
        this
    }

    /// Does something there: sockets that it makes, and threads and processes that it starts, are there.
    pub(crate) fn within<T: Send>(&self, act: impl FnOnce() -> T + Send) -> T {
        let there = || {
            setns(&self.namespace, CloneFlags::CLONE_NEWNET).unwrap();
            act()
        };
        thread::scope(|scope| scope.spawn(there).join().unwrap_or_else(|why| resume_unwind(why)))
    }

    /// A cable to another one, with an address at each end.
    pub(crate) fn connect(&self, interface: &str, ours: &str, other: &Self, theirs: &str) {
        let there = format!("/proc/{}/fd/{}", std::process::id(), other.namespace.as_raw_fd());
        self.ip(&format!("link add {interface} type veth peer name front netns {there}"));
        self.address(interface, ours, theirs);
        other.address("front", theirs, ours);
    }

    fn address(&self, interface: &str, ours: &str, theirs: &str) {
        self.ip(&format!("address add {ours} peer {theirs} dev {interface}"));
        self.ip(&format!("link set {interface} up"));
    }

    fn ip(&self, arguments: &str) {
        let mut ip = Command::new("ip");
        ip.args(arguments.split(' '));
        let status = self.within(|| ip.status().unwrap());
        assert!(status.success(), "ip {arguments}");
    }
}
