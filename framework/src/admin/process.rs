//! What a process costs, by `/proc`.

use std::fs;

use nix::unistd::{SysconfVar, sysconf};

/// Octets that only this process has, without files and shared memory (`proc_pid_statm(5)`: resident less
/// shared). Pages that are still the master's are among them.
pub(super) fn memory_bytes(pid: u32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).ok()?;
    let mut pages = text.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    let page = u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok()??).ok()?;
    Some(resident.saturating_sub(shared) * page)
}

/// Seconds of CPU time that it has used (`proc_pid_stat(5)`: utime and stime).
#[allow(clippy::cast_precision_loss, reason = "in hundredths of a second, it fits for ages")]
pub(super) fn cpu_seconds(pid: u32) -> Option<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name may hold anything, and ends with the last bracket.
    let (_, after) = text.rsplit_once(')')?;
    let mut fields = after.split_ascii_whitespace().skip(11).map(str::parse::<u64>);
    let ticks = fields.next()?.ok()? + fields.next()?.ok()?;
    let per_second = sysconf(SysconfVar::CLK_TCK).ok()??;
    Some(ticks as f64 / per_second as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_costs_something_and_none_costs_nothing() {
        let own = std::process::id();
        assert!(memory_bytes(own).unwrap() > 0);
        assert!(cpu_seconds(own).unwrap() >= 0.0);
        assert_eq!((memory_bytes(u32::MAX), cpu_seconds(u32::MAX)), (None, None));
    }
}
