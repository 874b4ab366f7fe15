//! CPU time and memory of a server's processes, from /proc.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Result, ensure};

/// An error on a kernel that does not count the time.
pub(crate) fn check() -> Result<()> {
    // The number of time slices: the time itself may still be 0.
    ensure!(
        number("/proc/self/schedstat", 2) > 0,
        "this kernel does not tell the CPU time of processes: it needs CONFIG_SCHED_INFO"
    );
    Ok(())
}

/// Nanoseconds on a CPU, user and system, of the master and of each of its descendants by pid.
pub(crate) fn spent(master: u32) -> BTreeMap<u32, u64> {
    let mut spent = BTreeMap::new();
    let mut pids = vec![master];
    while let Some(pid) = pids.pop() {
        for task in tasks(pid) {
            *spent.entry(pid).or_default() +=
                number(&format!("/proc/{pid}/task/{task}/schedstat"), 0);
        }
        pids.extend(children(pid));
    }
    spent
}

/// Nanoseconds since `before` of the workers, and of all other processes.
pub(crate) fn spent_since(before: &BTreeMap<u32, u64>, master: u32, workers: &[u32]) -> (u64, u64) {
    let (mut of_workers, mut of_others) = (0, 0);
    for (pid, time) in spent(master) {
        let group = if workers.contains(&pid) { &mut of_workers } else { &mut of_others };
        *group += time - before.get(&pid).copied().unwrap_or(0).min(time);
    }
    (of_workers, of_others)
}

/// Process ids of all children, in the order in which they were born.
pub(crate) fn children(pid: u32) -> Vec<u32> {
    let lists = tasks(pid).into_iter().map(|task| {
        fs::read_to_string(format!("/proc/{pid}/task/{task}/children")).unwrap_or_default()
    });
    lists.collect::<String>().split_whitespace().flat_map(str::parse).collect()
}

/// Octets that only this process uses: what it costs to have one more of it.
pub(crate) fn private_memory(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap_or_default();
    let private = text.lines().filter_map(|line| line.strip_prefix("Private_"));
    let kibibytes = private.filter_map(|line| line.split_whitespace().nth(1)?.parse::<u64>().ok());
    kibibytes.sum::<u64>() * 1024
}

/// Ids of all threads.
pub(crate) fn tasks(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The fields of schedstat are the time on a CPU, the time spent waiting for one, and the number of
/// time slices (kernel, Documentation/scheduler/sched-stats).
fn number(path: &str, field: usize) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().nth(field).and_then(|number| number.parse().ok()).unwrap_or(0)
}
