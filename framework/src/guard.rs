//! What a child gives up right after the fork, before any code of the user runs in it.
//!
//! It is given up in this order: limits, which may need a privilege; the bounding set, which needs one;
//! groups, group, user, for who is no longer root may not change groups; then what capabilities are left.
//! At the end it looks whether all is as it is to be, and whether there is a way back.

use std::collections::HashSet;
use std::fmt;
use std::io;

use caps::{CapSet, Capability, CapsHashSet};
use nix::errno::Errno;
use nix::sys::prctl::{get_no_new_privs, set_no_new_privs};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{
    Gid, Uid, getgroups, getresgid, getresuid, setgid, setgroups, setresgid, setresuid, setuid,
};

use crate::limits::OPEN_FILES_RAISED_MAX;
#[cfg(feature = "seccomp")]
use crate::plan::Seccomp;
use crate::plan::{self, Guard, Identity};
use crate::sys::fork::{Refused, Side, exit_now, fork};
#[cfg(feature = "seccomp")]
use crate::sys::seccomp;

/// Leaves this process, which has one thread, with what `guard` says. Its parent's death has to be asked
/// for afterwards: a change of user makes the kernel forget that (`PR_SET_PDEATHSIG`).
///
/// # Errors
/// `PermissionDenied`, with a text: no child can ever do it. This one must not go on.
pub(crate) fn enter(guard: &Guard) -> io::Result<()> {
    set_limits(guard)?;
    if !guard.capabilities && !guard.new_privileges {
        empty_bounding_set()?;
    }
    if let Some(user) = &guard.user {
        become_user(user)?;
    }
    if !guard.capabilities {
        for set in HELD {
            caps::clear(None, set).map_err(|error| refused("give up capabilities", error))?;
        }
    }
    if !guard.new_privileges {
        set_no_new_privs().map_err(|errno| refused("renounce new privileges", errno))?;
    }
    verify(guard)
}

/// Does something as a worker could, in a process that ends with it.
///
/// # Errors
/// Those of `act`, as far as they have a number of the system's.
pub(crate) fn try_as_worker(guard: &Guard, act: &dyn Fn() -> io::Result<()>) -> io::Result<()> {
    let child = match fork() {
        Ok(Side::Child) => {
            // If it may not be as a worker, the workers say so.
            let done = if enter(guard).is_ok() { act() } else { Ok(()) };
            let number = done.map_err(|error| error.raw_os_error().unwrap_or(libc::EINVAL));
            exit_now(number.err().unwrap_or_default())
        }
        Ok(Side::Master { child }) => child,
        Err(Refused::System(error)) => return Err(error),
        Err(Refused::Threads(names)) => {
            return Err(io::Error::other(format!("threads are alive: {}", names.join(", "))));
        }
    };
    loop {
        match waitpid(child, None) {
            Err(Errno::EINTR) => {}
            // Whoever started this program had its children be forgotten when they end.
            Ok(WaitStatus::Exited(_, 0)) | Err(Errno::ECHILD) => return Ok(()),
            Ok(WaitStatus::Exited(_, number)) => return Err(io::Error::from_raw_os_error(number)),
            Ok(other) => return Err(io::Error::other(format!("the trial ended: {other:?}"))),
            Err(errno) => return Err(errno.into()),
        }
    }
}

/// Has the kernel refuse system calls to all threads of this process.
#[cfg(feature = "seccomp")]
pub(crate) fn filter(filter: Seccomp) -> io::Result<()> {
    let further: &[libc::c_long] = match filter {
        Seccomp::Deny => &[],
        Seccomp::DenyExec => seccomp::EXEC,
    };
    seccomp::install(further)
        .map_err(|error| io::Error::other(format!("cannot filter system calls: {error}")))
}

/// Who has none in these has none at all. Ambient ones have to be inheritable.
const HELD: [CapSet; 4] =
    [CapSet::Ambient, CapSet::Inheritable, CapSet::Effective, CapSet::Permitted];

fn set_limits(guard: &Guard) -> io::Result<()> {
    for (resource, limit) in &guard.limits {
        setrlimit(resource.of_the_kernel(), *limit, *limit)
            .map_err(|errno| refused(&format!("limit {resource} to {limit}"), errno))?;
    }
    if guard.limits.iter().all(|(resource, _)| *resource != plan::Resource::OpenFiles) {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
        let raised = soft.max(hard.min(OPEN_FILES_RAISED_MAX));
        setrlimit(Resource::RLIMIT_NOFILE, raised, hard)?;
    }
    Ok(())
}

/// What no program that this process runs can have. Without the privilege for it a program gains none
/// either, because of `no_new_privs`.
fn empty_bounding_set() -> io::Result<()> {
    if !caps::has_cap(None, CapSet::Effective, Capability::CAP_SETPCAP).unwrap_or(false) {
        return Ok(());
    }
    for capability in caps::runtime::thread_all_supported() {
        caps::drop(None, CapSet::Bounding, capability)
            .map_err(|error| refused(&format!("do without {capability} for ever"), error))?;
    }
    Ok(())
}

fn become_user(user: &Identity) -> io::Result<()> {
    let Identity { name, uid, gid, groups } = user;
    let failed = |what: &str| {
        let doing = format!("change to the {what} of user {name}");
        move |errno: nix::Error| refused(&doing, errno)
    };
    setgroups(groups).map_err(failed("groups"))?;
    setresgid(*gid, *gid, *gid).map_err(failed("group"))?;
    setresuid(*uid, *uid, *uid).map_err(failed("id"))
}

fn verify(guard: &Guard) -> io::Result<()> {
    if let Some(user) = &guard.user {
        verify_user(user)?;
    }
    let nothing = CapsHashSet::default();
    let holds = |set: &CapSet| caps::read(None, *set).map_or(true, |held| held != nothing);
    if !guard.capabilities && HELD.iter().any(holds) {
        return Err(refused("give up capabilities", "the kernel left some"));
    }
    if !guard.new_privileges && get_no_new_privs() != Ok(true) {
        return Err(refused("renounce new privileges", "the kernel did not take it"));
    }
    Ok(())
}

fn verify_user(user: &Identity) -> io::Result<()> {
    let Identity { name, uid, gid, groups } = user;
    let (uids, gids) = (getresuid()?, getresgid()?);
    let same = [uids.real, uids.effective, uids.saved].iter().all(|is| is == uid)
        && [gids.real, gids.effective, gids.saved].iter().all(|is| is == gid);
    let set = |groups: &[Gid]| groups.iter().copied().collect::<HashSet<_>>();
    if !same || set(&getgroups()?) != set(groups) {
        return Err(refused(&format!("become user {name}"), "the kernel left something else"));
    }
    let root = (Uid::from_raw(0), Gid::from_raw(0));
    let back = !uid.is_root() && setuid(root.0).is_ok();
    if back || gid.as_raw() != 0 && setgid(root.1).is_ok() {
        return Err(refused(&format!("stay user {name}"), "the way back to root is open"));
    }
    Ok(())
}

fn refused(doing: &str, why: impl fmt::Display) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, format!("cannot {doing}: {why}"))
}
