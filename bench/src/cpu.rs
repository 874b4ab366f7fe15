//! CPU time of a server's processes, from /proc.

use std::collections::BTreeMap;
use std::fs;

/// Nanoseconds on a CPU, user and system, of the master and of each of its descendants by pid.
pub(crate) fn spent(master: u32) -> BTreeMap<u32, u64> {
    let mut spent = BTreeMap::new();
    let mut pids = vec![master];
    while let Some(pid) = pids.pop() {
        for task in tasks(pid) {
            *spent.entry(pid).or_default() +=
                first_number(&format!("/proc/{pid}/task/{task}/schedstat"));
            let children = fs::read_to_string(format!("/proc/{pid}/task/{task}/children"));
            let children = children.unwrap_or_default();
            pids.extend(children.split_whitespace().flat_map(str::parse::<u32>));
        }
    }
    spent
}

fn tasks(pid: u32) -> Vec<u32> {
    let entries = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The first field of schedstat is the time on a CPU (kernel, Documentation/scheduler/sched-stats).
fn first_number(path: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
