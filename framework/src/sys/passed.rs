//! Sockets that whoever started this program has opened for it (`sd_listen_fds(3)`).

use std::io;
use std::os::fd::{OwnedFd, RawFd};

use super::exec;

/// One of them, and what it is called there.
#[derive(Debug)]
pub(crate) struct Passed {
    pub(crate) socket: OwnedFd,
    pub(crate) name: String,
}

/// The number of the first one; the others follow (`SD_LISTEN_FDS_START`).
const FIRST: RawFd = 3;

/// What a process that does not take the sockets is not to know.
const VARIABLES: [&str; 4] = ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "LISTEN_PIDFDID"];

/// Takes them, once: no child, and no program after this one, finds a word of them. None if they are
/// another process's.
///
/// # Errors
/// Fewer are open than were announced, or what announces them is no number.
pub(crate) fn take() -> io::Result<Vec<Passed>> {
    let [process, count, names, _] = VARIABLES.map(exec::take_variable);
    let (Some(process), Some(count)) = (process, count) else { return Ok(Vec::new()) };
    if process != std::process::id().to_string() {
        return Ok(Vec::new());
    }
    let count: RawFd = count
        .parse::<u16>()
        .map_err(|error| io::Error::other(format!("LISTEN_FDS={count}: {error}")))?
        .into();
    let mut names = names.as_deref().unwrap_or_default().split(':');
    let take = |number| {
        let name = names.next().filter(|name| !name.is_empty()).unwrap_or("unknown").to_owned();
        let socket = exec::take(number).map_err(|error| {
            io::Error::other(format!("LISTEN_FDS={count}, but descriptor {number}: {error}"))
        })?;
        Ok(Passed { socket, name })
    };
    (FIRST..FIRST + count).map(take).collect()
}
