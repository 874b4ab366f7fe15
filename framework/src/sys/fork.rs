//! Fork, made safe by refusing it when a second thread lives.

use std::fs;
use std::io;

use nix::unistd::{ForkResult, Pid};

/// Which side of a fork the caller finds itself on.
pub(crate) enum Side {
    Master { child: Pid },
    Child,
}

/// Why there was no fork.
#[derive(Debug)]
pub(crate) enum Refused {
    /// More than one thread lives; their names, the caller's first.
    Threads(Vec<String>),
    System(io::Error),
}

/// Forks the process, which must have one thread.
pub(crate) fn fork() -> Result<Side, Refused> {
    let threads = threads().map_err(Refused::System)?;
    if threads.len() > 1 {
        return Err(Refused::Threads(threads));
    }
    // SAFETY: this is the only thread (looked up above), so no lock or allocator state can be held
    // by a thread that the child lacks: the child may run any code.
    match unsafe { nix::unistd::fork() } {
        Ok(ForkResult::Parent { child }) => Ok(Side::Master { child }),
        Ok(ForkResult::Child) => Ok(Side::Child),
        Err(errno) => Err(Refused::System(errno.into())),
    }
}

/// Names of the threads of this process, from `/proc/self/task`.
pub(crate) fn threads() -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir("/proc/self/task")? {
        let name = fs::read_to_string(entry?.path().join("comm")).unwrap_or_default();
        names.push(name.trim_end().to_owned());
    }
    Ok(names)
}

/// Ends the process without running the master's exit handlers and destructors a second time.
pub(crate) fn exit_now(code: i32) -> ! {
    // SAFETY: _exit(2) takes any integer, and ends the process.
    unsafe { libc::_exit(code) }
}
