//! Policy `cpu`: a connection is served on the CPU on which it came in.
//!
//! A slot belongs to one of the CPUs that its worker may use, in turn: with more workers than CPUs
//! several share one, and the kernel's hash chooses among them; with fewer, connections that come in
//! on a CPU without a worker go to any of them by the hash. Each new worker looks anew which CPUs there
//! are (offline ones and those outside of the cgroup's cpuset are not), so a reload adapts to a change.
//! Until then a worker whose CPU has gone is moved by the kernel, and serves what it has.

use std::fs;
use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::ids::SlotId;

/// `SO_INCOMING_CPU` counts in reuseport groups (again) since this version of Linux: commit
/// b261eda84ec1, "soreuseport: Fix socket selection for `SO_INCOMING_CPU`".
const LINUX_MIN: (u32, u32) = (6, 1);

/// The kernel can do it; an error that says why not.
pub(crate) fn check() -> Result<(), String> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let (release, (major, minor)) = (release.trim(), LINUX_MIN);
    // A kernel that does not tell is not refused.
    match version(release) {
        Some(version) if version < LINUX_MIN => Err(format!(
            "policy cpu needs Linux {major}.{minor} or newer, and this is {release}: choose none, \
             least-busy or auto"
        )),
        _ => Ok(()),
    }
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit());
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// Binds this process, and what it starts, to the CPU of its slot; which one that is.
pub(crate) fn bind(slot: SlotId) -> io::Result<usize> {
    let usable = sched_getaffinity(Pid::from_raw(0))?;
    let cpus: Vec<usize> =
        (0..CpuSet::count()).filter(|cpu| usable.is_set(*cpu).unwrap_or(false)).collect();
    let cpu = of(slot, &cpus).ok_or_else(|| io::Error::other("no CPU may be used"))?;
    let mut only = CpuSet::new();
    only.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &only)?;
    Ok(cpu)
}

fn of(slot: SlotId, cpus: &[usize]) -> Option<usize> {
    cpus.get(slot.index().checked_rem(cpus.len())?).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_take_the_cpus_in_turn() {
        let cpus = [1, 4, 6];
        let taken: Vec<_> = (0..5).map(|slot| of(SlotId(slot), &cpus).unwrap()).collect();
        assert_eq!(taken, [1, 4, 6, 1, 4]);
        assert_eq!(of(SlotId(0), &[]), None);
    }

    #[test]
    fn versions_are_compared_as_numbers() {
        assert_eq!(version("6.18.44-x"), Some((6, 18)));
        assert_eq!(version("5.4"), Some((5, 4)));
        assert_eq!(version("unknown"), None);
        assert!(version("5.15.0-91-generic").unwrap() < LINUX_MIN);
        assert!(version("6.1.0").unwrap() >= LINUX_MIN);
    }
}
