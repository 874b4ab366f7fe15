//! What workers are kept from.

use super::Server;
use crate::plan::Resource;
#[cfg(feature = "seccomp")]
use crate::plan::Seccomp;

impl Server<'_> {
    /// The user, by name or number, as whom workers and the dispatcher run, with all its groups
    /// (initgroups(3)); see also [`Server::group`]. Default: as whom the master runs.
    ///
    /// The master stays who it is: root, as a rule, because it opens ports below 1024, signals its workers,
    /// and starts new ones as that user. It reads nothing that comes from the network; what it reads from
    /// workers is short and bounded. Its control socket is for root, then.
    ///
    /// The change is made in each child right after the fork, before anything of the user's runs, and what
    /// is opened by then stays open: the listeners. Files that the server writes itself, such as an access
    /// log, are opened by the workers, and their folders must let them. A child that finds it could change
    /// back does not run. The kernel closes the memory and the descriptors of such a process to others of
    /// its user, and writes no core file of it (`PR_GET_DUMPABLE` in prctl(2)).
    ///
    /// # Errors
    /// Of [`Server::serve`]: nobody has this name ([`Error::is_config`](crate::Error::is_config)); or the
    /// server is neither run by that user nor has the capabilities `CAP_SETUID`, `CAP_SETGID` and `CAP_KILL`
    /// ([`Error::is_permission`](crate::Error::is_permission)).
    pub fn user(mut self, user: impl Into<String>) -> Self {
        self.config.guard.user = Some(user.into());
        self
    }

    /// The group, by name or number, that goes with [`Server::user`]. Default: that of the user's entry in
    /// the user database; a user without an entry needs one here, and gets no other.
    pub fn group(mut self, group: impl Into<String>) -> Self {
        self.config.guard.group = Some(group.into());
        self
    }

    /// Lets programs that workers run gain privileges by their file, such as `sudo` and `ping` do.
    /// Default: no (`PR_SET_NO_NEW_PRIVS` in prctl(2)). It does not go with a system call filter.
    pub fn allow_new_privileges(mut self) -> Self {
        self.config.guard.new_privileges = true;
        self
    }

    /// Workers keep the capabilities of the master, `CAP_BPF` for policies aside. Default: they have none,
    /// root's among them, so that root reads and writes its own files only. It does not go with
    /// [`Server::user`].
    pub fn keep_capabilities(mut self) -> Self {
        self.config.guard.capabilities = true;
        self
    }

    /// Sets a limit of each worker and of the dispatcher, the soft and the hard one. Default: the soft limit
    /// of open files is raised to the hard one, and all else is as the server was started.
    ///
    /// How many descriptors there may be bounds how many connections a worker takes; see
    /// [`Server::connections_max`]. Programs that a worker runs have its limits. Code that waits with
    /// select(2) knows descriptors below 1,024 only: it needs a limit of that.
    ///
    /// # Errors
    /// Of [`Server::serve`]: it is more than the hard limit of the server
    /// ([`Error::is_permission`](crate::Error::is_permission)), or nothing could work with it.
    pub fn rlimit(mut self, resource: Resource, limit: u64) -> Self {
        let limits = &mut self.config.guard.limits;
        limits.retain(|(other, _)| *other != resource);
        limits.push((resource, limit));
        self
    }

    /// Has the kernel refuse system calls to workers and to the dispatcher; see [`Seccomp`]. Default: none.
    ///
    /// It holds from when the worker is ready, so the start closure may still use them all. Threads that
    /// this one has started are included. A process that asks by the tables of another architecture is
    /// ended (`int 0x80` on `x86_64`).
    #[cfg(feature = "seccomp")]
    pub fn seccomp(mut self, filter: Seccomp) -> Self {
        self.config.guard.seccomp = Some(filter);
        self
    }
}
