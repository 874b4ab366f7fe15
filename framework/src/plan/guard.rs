//! As whom workers run, and within which limits: looked up before the fork, where a mistake is an error of
//! the start.

use std::ffi::CString;

use caps::{CapSet, Capability};
use nix::sys::resource::{Resource as Kernels, getrlimit};
use nix::unistd::{Gid, Group, Uid, User, getgrouplist, getresgid, getresuid};

use super::checks::at_least_one;
use crate::error::Error;

/// What the kernel limits for each worker (getrlimit(2)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Resource {
    /// Descriptors, connections among them (`RLIMIT_NOFILE`). Not set: as many as the hard limit that the
    /// server was started with allows, up to 1,048,576.
    OpenFiles,
    /// Octets of the file that a crash leaves (`RLIMIT_CORE`); 0: none. After a change of user the kernel
    /// writes none unless `fs.suid_dumpable` says so.
    CoreBytes,
    /// Octets of virtual memory (`RLIMIT_AS`): with each thread's stack, whether used or not.
    AddressSpaceBytes,
    /// Processes and threads of the worker's user, all programs together (`RLIMIT_NPROC`).
    Processes,
}

named!(
    Resource,
    "resource",
    OpenFiles = "open-files",
    CoreBytes = "core-bytes",
    AddressSpaceBytes = "address-space-bytes",
    Processes = "processes"
);

impl Resource {
    pub(crate) fn of_the_kernel(self) -> Kernels {
        match self {
            Self::OpenFiles => Kernels::RLIMIT_NOFILE,
            Self::CoreBytes => Kernels::RLIMIT_CORE,
            Self::AddressSpaceBytes => Kernels::RLIMIT_AS,
            Self::Processes => Kernels::RLIMIT_NPROC,
        }
    }
}

/// System calls that a worker's process can do without, and that are refused to it with `EPERM`: all of its
/// threads, and all programs that it runs. What they are good for is to look into or to change other
/// processes, the kernel or the machine, or to escape from a container; and some, such as
/// `io_uring_setup`, do what others do as well through code of the kernel that had many faults.
///
/// It is a list of what is refused, because what a handler needs is not known here. `x86_64` and `aarch64`.
#[cfg(feature = "seccomp")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Seccomp {
    /// Those.
    Deny,
    /// And `execve`: a worker runs no other program.
    DenyExec,
}

#[cfg(feature = "seccomp")]
named!(Seccomp, "system call filter", Deny = "deny", DenyExec = "deny-exec");

/// What the user said. Nothing is checked yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wishes {
    pub(crate) user: Option<String>,
    pub(crate) group: Option<String>,
    pub(crate) new_privileges: bool,
    pub(crate) capabilities: bool,
    pub(crate) limits: Vec<(Resource, u64)>,
    #[cfg(feature = "seccomp")]
    pub(crate) seccomp: Option<Seccomp>,
}

/// What a child is left with.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    /// `None`: as whom the master runs.
    pub(crate) user: Option<Identity>,
    /// Programs that it runs may gain some.
    pub(crate) new_privileges: bool,
    /// It keeps those of the master.
    pub(crate) capabilities: bool,
    pub(crate) limits: Vec<(Resource, u64)>,
    #[cfg(feature = "seccomp")]
    pub(crate) seccomp: Option<Seccomp>,
}

/// Another user than the master's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    /// As the user of the library named it.
    pub(crate) name: String,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    /// All groups, as initgroups(3) would set them.
    pub(crate) groups: Vec<Gid>,
}

impl Wishes {
    pub(super) fn guard(self) -> Result<Guard, Error> {
        if self.user.is_some() && self.capabilities {
            return Err(Error::config(
                "workers that change their user keep no capabilities: leave keep_capabilities out, or \
                 start the whole server as that user, with the capabilities that it needs"
                    .into(),
            ));
        }
        #[cfg(feature = "seccomp")]
        if self.seccomp.is_some() && self.new_privileges {
            return Err(Error::config(
                "the kernel takes a system call filter only from a process that gains no privileges: \
                 leave seccomp out, or allow_new_privileges"
                    .into(),
            ));
        }
        #[cfg(feature = "seccomp")]
        if self.seccomp.is_some() && !cfg!(any(target_arch = "x86_64", target_arch = "aarch64")) {
            return Err(Error::unsupported(format!(
                "no filter of system calls is known for {}: leave seccomp out",
                std::env::consts::ARCH
            )));
        }
        for (resource, limit) in &self.limits {
            check_limit(*resource, *limit)?;
        }
        let user = match (&self.user, &self.group) {
            (Some(user), group) => other_than_this(identity(user, group.as_deref())?)?,
            (None, None) => None,
            (None, Some(group)) => {
                return Err(Error::config(format!(
                    "group {group} goes with a user: say which one, too"
                )));
            }
        };
        Ok(Guard {
            user,
            new_privileges: self.new_privileges,
            capabilities: self.capabilities,
            limits: self.limits,
            #[cfg(feature = "seccomp")]
            seccomp: self.seccomp,
        })
    }
}

fn check_limit(resource: Resource, limit: u64) -> Result<(), Error> {
    if resource != Resource::CoreBytes {
        at_least_one(&format!("the limit of {resource}"), limit)?;
    }
    let hard = getrlimit(resource.of_the_kernel()).map_or(u64::MAX, |(_, hard)| hard);
    if limit > hard && !may(Capability::CAP_SYS_RESOURCE) {
        return Err(Error::permission(format!(
            "{limit} {resource} are more than the {hard} that this process may have: raise the hard \
             limit of who starts it (`ulimit -H`, systemd's Limit...=), grant CAP_SYS_RESOURCE, or \
             choose less"
        )));
    }
    Ok(())
}

/// Whom these names or numbers stand for. A name goes before a number, as with chown(1).
fn identity(user: &str, group: Option<&str>) -> Result<Identity, Error> {
    let failed = |errno: nix::Error| Error::system(&format!("look up user {user}"), errno.into());
    let entry = if let Some(entry) = User::from_name(user).map_err(failed)? {
        Ok(entry)
    } else {
        let uid = Uid::from_raw(number("user", user)?);
        User::from_uid(uid).map_err(failed)?.ok_or(uid)
    };
    let gid = match (group, &entry) {
        (Some(group), _) => group_id(group)?,
        (None, Ok(entry)) => entry.gid,
        (None, Err(_)) => {
            return Err(Error::config(format!(
                "user {user} is not in the user database, which would name its group: say the group, too"
            )));
        }
    };
    let (uid, groups) = match entry {
        Ok(entry) => {
            let name = CString::new(entry.name).map_err(|_| failed(nix::Error::EINVAL))?;
            (entry.uid, getgrouplist(&name, gid).map_err(failed)?)
        }
        Err(uid) => (uid, vec![gid]),
    };
    Ok(Identity { name: user.to_owned(), uid, gid, groups })
}

fn group_id(group: &str) -> Result<Gid, Error> {
    let found = Group::from_name(group)
        .map_err(|errno| Error::system(&format!("look up group {group}"), errno.into()))?;
    found.map_or_else(|| number("group", group).map(Gid::from_raw), |entry| Ok(entry.gid))
}

fn number(what: &str, text: &str) -> Result<u32, Error> {
    // The largest one means "as it is" to setresuid(2).
    text.parse().ok().filter(|number| *number != u32::MAX).ok_or_else(|| {
        let list = if what == "user" { "getent passwd" } else { "getent group" };
        Error::config(format!(
            "there is no {what} {text}: choose one that `{list}` lists, or a number"
        ))
    })
}

/// `None` if this process is that already: then there is nothing to change, and no privilege is needed.
fn other_than_this(wanted: Identity) -> Result<Option<Identity>, Error> {
    let system = |errno: nix::Error| Error::system("find out who runs this", errno.into());
    let (uids, gids) = (getresuid().map_err(system)?, getresgid().map_err(system)?);
    let same_user = [uids.real, uids.effective, uids.saved].iter().all(|uid| *uid == wanted.uid);
    let same_group = [gids.real, gids.effective, gids.saved].iter().all(|gid| *gid == wanted.gid);
    if same_user && same_group {
        return Ok(None);
    }
    // The last one is for signals to the workers.
    let needed = [Capability::CAP_SETUID, Capability::CAP_SETGID, Capability::CAP_KILL];
    let missing = needed.into_iter().filter(|needed| !may(*needed));
    let missing: Vec<String> = missing.map(|missing| missing.to_string()).collect();
    if missing.is_empty() {
        return Ok(Some(wanted));
    }
    Err(Error::permission(format!(
        "cannot run workers as user {}: this process lacks {}; start the server as root, start it as that \
         user, or leave the user out",
        wanted.name,
        missing.join(", ")
    )))
}

fn may(capability: Capability) -> bool {
    caps::has_cap(None, CapSet::Effective, capability).unwrap_or(false)
}

#[cfg(test)]
mod tests;
