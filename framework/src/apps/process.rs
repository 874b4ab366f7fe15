//! A process for all time: its id, and when it began, so that a reused id is another process.

use std::fs;

/// When the process with this id began, in clock ticks since the start of the machine
/// (`proc_pid_stat(5)`, field 22); `None` when it is gone, or waits to be reaped.
pub(super) fn started(pid: u32) -> Option<u64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name in parentheses may hold anything.
    let fields: Vec<&str> = stat.rsplit_once(") ")?.1.split(' ').collect();
    let gone = matches!(fields.first(), Some(&("Z" | "X")));
    fields.get(19)?.parse().ok().filter(|_| !gone)
}
