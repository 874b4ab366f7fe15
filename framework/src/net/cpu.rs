//! Policy `cpu`: a connection is served on the CPU on which it came in.
//!
//! A slot belongs to one of the CPUs that its worker may use. With more workers than CPUs several share
//! one, in equal parts; with fewer, they lie apart, and connections that come in on a CPU without a worker
//! go to any of them by the kernel's hash. Each new worker looks anew which CPUs there are (offline ones
//! and those outside of the cgroup's cpuset are not), so a reload adapts to a change. Until then a worker
//! whose CPU has gone is moved by the kernel, and serves what it has. Two servers on one machine choose
//! the same CPUs, unless cpusets keep them apart.

use std::fs;
use std::io;

use nix::sched::{CpuSet, sched_getaffinity, sched_setaffinity};
use nix::unistd::Pid;

use crate::ids::SlotId;

/// `SO_INCOMING_CPU` counts in reuseport groups since Linux 6.2 and in the maintained versions of 6.1:
/// commit b261eda84ec1, "soreuseport: Fix socket selection for `SO_INCOMING_CPU`".
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
pub(crate) fn bind(slot: SlotId, workers: usize) -> io::Result<usize> {
    let usable = sched_getaffinity(Pid::from_raw(0))?;
    let cpus: Vec<usize> =
        (0..CpuSet::count()).filter(|cpu| usable.is_set(*cpu).unwrap_or(false)).collect();
    let cpu = of(slot, workers, &cpus).ok_or_else(|| io::Error::other("no CPU may be used"))?;
    let mut only = CpuSet::new();
    only.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &only)?;
    Ok(cpu)
}

/// `workers`: how many there are to be. More may come later.
fn of(slot: SlotId, workers: usize, cpus: &[usize]) -> Option<usize> {
    // As far apart as can be; who comes after the last one begins one further.
    let stride = (cpus.len() / workers.max(1)).max(1);
    let place = slot.index() * stride;
    let shift = place.checked_div(cpus.len())? % stride;
    cpus.get((place + shift) % cpus.len()).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(slots: u16, workers: usize, cpus: &[usize]) -> Vec<usize> {
        (0..slots).map(|slot| of(SlotId(slot), workers, cpus).unwrap()).collect()
    }

    #[test]
    fn slots_take_the_cpus_in_turn() {
        assert_eq!(taken(5, 5, &[1, 4, 6]), [1, 4, 6, 1, 4]);
        assert_eq!(taken(4, 3, &[1, 4, 6]), [1, 4, 6, 1]);
        assert_eq!(of(SlotId(0), 1, &[]), None);
    }

    #[test]
    fn a_few_slots_lie_apart_and_those_that_come_later_between_them() {
        let cpus: Vec<usize> = (0..8).collect();
        assert_eq!(taken(8, 2, &cpus), [0, 4, 1, 5, 2, 6, 3, 7]);
        assert_eq!(taken(4, 3, &cpus), [0, 2, 4, 6]);
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
