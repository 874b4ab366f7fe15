//! Where it was measured.

use std::fs;

use serde::Serialize;

use crate::subject::peer_versions;

/// Enough to know whether two reports can be compared.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Machine {
    pub(super) kernel: String,
    pub(super) cpu_model: String,
    pub(super) cpus: usize,
    pub(super) memory_kib: u64,
    /// Versions of the peers that are installed.
    pub(super) peers: Vec<String>,
    /// The timing client could run before the servers that it times.
    pub(super) client_runs_first: bool,
}

impl Machine {
    pub(super) fn this() -> Self {
        let cpus = std::thread::available_parallelism().map_or(1, usize::from);
        let memory = field("/proc/meminfo", "MemTotal");
        let first = std::thread::spawn(crate::priority::run_before_others).join();
        Self {
            kernel: fs::read_to_string("/proc/sys/kernel/osrelease")
                .unwrap_or_default()
                .trim()
                .to_owned(),
            cpu_model: field("/proc/cpuinfo", "model name"),
            cpus,
            memory_kib: memory.split(' ').next().and_then(|n| n.parse().ok()).unwrap_or(0),
            peers: peer_versions(),
            client_runs_first: first.unwrap_or(false),
        }
    }
}

fn field(file: &str, name: &str) -> String {
    let text = fs::read_to_string(file).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.split_once(':'));
    line.map(|(_, value)| value.trim().to_owned()).unwrap_or_default()
}
