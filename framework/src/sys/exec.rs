//! Another program in the place of this one, with descriptors that it is to have.

use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::{BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::memfd::{MFdFlags, memfd_create};
use nix::unistd::{execve, getgid, getuid};

/// What a program is run with.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    path: CString,
    shown: PathBuf,
    arguments: Vec<CString>,
}

impl Program {
    pub(crate) fn new(path: &Path, arguments: Vec<OsString>) -> io::Result<Self> {
        let shown = path.to_owned();
        let path = CString::new(path.as_os_str().to_owned().into_vec())?;
        let arguments = arguments.into_iter().map(|text| CString::new(text.into_vec()));
        Ok(Self { path, shown, arguments: arguments.collect::<Result<_, _>>()? })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.shown
    }

    /// Runs it in the place of this one, with this environment and one more variable. Returns only
    /// when it could not.
    pub(crate) fn become_it(&self, variable: &str, value: &str) -> io::Error {
        let kept = std::env::vars_os().filter(|(name, _)| name != variable);
        let pair = |(mut name, value): (OsString, OsString)| {
            name.push("=");
            name.push(value);
            CString::new(name.into_vec())
        };
        let ours = (OsString::from(variable), OsString::from(value));
        let environment: Result<Vec<CString>, _> = kept.chain([ours]).map(pair).collect();
        match environment {
            Ok(environment) => match execve(&self.path, &self.arguments, &environment) {
                Err(errno) => errno.into(),
            },
            Err(error) => error.into(),
        }
    }
}

/// Whether the descriptor outlives the change to another program.
pub(crate) fn inherit(descriptor: BorrowedFd<'_>, inherit: bool) -> io::Result<()> {
    let flag = if inherit { FdFlag::empty() } else { FdFlag::FD_CLOEXEC };
    fcntl(descriptor, FcntlArg::F_SETFD(flag))?;
    Ok(())
}

/// Takes a descriptor that the program before this one left open under this number, once.
///
/// # Errors
/// Nothing is open there, or it was not left by another program: all that this one opens is
/// close-on-exec, and so is what has been taken.
pub(crate) fn take(number: RawFd) -> io::Result<OwnedFd> {
    if number <= libc::STDERR_FILENO {
        return Err(io::Error::other(format!("descriptor {number} is not for that")));
    }
    // SAFETY: fcntl(2) looks the number up, whatever it is; the borrow ends with the next line.
    let borrowed = unsafe { BorrowedFd::borrow_raw(number) };
    let flags = FdFlag::from_bits_retain(fcntl(borrowed, FcntlArg::F_GETFD)?);
    if flags.contains(FdFlag::FD_CLOEXEC) {
        return Err(io::Error::other(format!("descriptor {number} was not left to this program")));
    }
    inherit(borrowed, false)?;
    // SAFETY: it is open, and was inherited (looked up above), so that nothing in this process owns
    // it; from now on it is close-on-exec, so that it cannot be taken a second time.
    Ok(unsafe { OwnedFd::from_raw_fd(number) })
}

/// Where this program was called from. No link is resolved, so that it names, later on, what a
/// link points to then: a new release, for example.
pub(crate) fn own_program() -> io::Result<PathBuf> {
    let running = std::fs::metadata("/proc/self/exe")?;
    let is_running = |path: &PathBuf| {
        std::fs::metadata(path)
            .is_ok_and(|found| (found.dev(), found.ino()) == (running.dev(), running.ino()))
    };
    let called = PathBuf::from(std::env::args_os().next().unwrap_or_default());
    let here = std::env::current_dir()?;
    let named = called.components().count() > 1;
    let folders = std::env::var_os("PATH").unwrap_or_default();
    let candidates: Vec<PathBuf> = if named {
        vec![here.join(&called)]
    } else {
        std::env::split_paths(&folders).map(|folder| here.join(folder).join(&called)).collect()
    };
    // Whoever started it may have given it any name.
    candidates.into_iter().find(is_running).map_or_else(std::env::current_exe, Ok)
}

/// What a file is, at one moment: another one in its place, or another content, is told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    device: u64,
    inode: u64,
    size: u64,
    changed: (i64, i64),
}

/// What the file at `path` is now.
pub(crate) fn identity(path: &Path) -> io::Result<Identity> {
    let found = std::fs::metadata(path)?;
    let changed = (found.ctime(), found.ctime_nsec());
    Ok(Identity { device: found.dev(), inode: found.ino(), size: found.size(), changed })
}

/// Memory that holds what the next program is to know.
pub(crate) fn memory() -> io::Result<OwnedFd> {
    Ok(memfd_create(c"evenkeel-state", MFdFlags::MFD_CLOEXEC)?)
}

/// Takes a variable out of the environment, so that no child has it.
pub(crate) fn take_variable(name: &str) -> Option<String> {
    let value = std::env::var(name).ok()?;
    // SAFETY: the caller has counted the threads: no other one reads the environment meanwhile.
    unsafe { std::env::remove_var(name) };
    Some(value)
}

/// The file of this program grants privileges, and the process is still of the user who ran it: then the
/// kernel has closed its descriptors to other processes of that user (getauxval(3), `AT_SECURE`).
pub(crate) fn file_grants_privileges() -> bool {
    // SAFETY: it reads what the kernel left for this process; an unknown number brings 0.
    let value = |number| unsafe { libc::getauxval(number) };
    let id = |id: u32| libc::c_ulong::from(id);
    let [user, group] = [id(getuid().as_raw()), id(getgid().as_raw())];
    value(libc::AT_SECURE) != 0
        && [libc::AT_UID, libc::AT_EUID].iter().all(|number| value(*number) == user)
        && [libc::AT_GID, libc::AT_EGID].iter().all(|number| value(*number) == group)
}
