//! A process for all time: its id, and when it began, so that a reused id is another process.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::geteuid;

/// The file says true things of the process: its owner is this user, root, or the user of that process.
/// Whoever else could have us send signals to it.
pub(super) fn may_speak_for(file: &Path, pid: u32) -> bool {
    let Ok(owner) = fs::metadata(file).map(|found| found.uid()) else { return false };
    let status = || fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    // The real one (`proc_pid_status(5)`).
    let is_users = |status: &str| {
        let users = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        users.and_then(|users| users.split_whitespace().next()?.parse().ok()) == Some(owner)
    };
    owner == 0 || owner == geteuid().as_raw() || is_users(&status())
}

/// When the process with this id began, in clock ticks since the start of the machine
/// (`proc_pid_stat(5)`, field 22); `None` when it is gone, or waits to be reaped.
pub(super) fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let gone = matches!(fields.first(), Some(&("Z" | "X")));
    fields.get(19)?.parse().ok().filter(|_| !gone)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::chown;

    use super::*;

    #[test]
    fn who_may_not_send_signals_to_a_process_may_not_speak_for_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let own = std::process::id();
        assert!(may_speak_for(file.path(), own));
        assert!(!may_speak_for(Path::new("/nowhere"), own));
        // Needs root, to give it away.
        if geteuid().is_root() {
            chown(file.path(), Some(65534), None).unwrap();
            assert!(!may_speak_for(file.path(), own) && !may_speak_for(file.path(), 1));
        }
    }
}
