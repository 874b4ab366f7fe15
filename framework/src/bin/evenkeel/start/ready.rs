//! Whether a start came to something.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use evenkeel::apps::{Name, find};
use evenkeel::control::Status;

use super::launch::Begun;
use crate::ask;
use crate::cli::Cli;
use crate::outcome::{Failure, NOT_DONE};
use crate::saved::log_path;
use crate::tail::last_lines;

/// How long is waited unless the user says otherwise: as long as a worker may take, and again as long for one
/// that is tried a second time.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(10);
/// Lines of the log that are shown when it went wrong.
const LINES: usize = 10;

/// Waits until all workers serve; what was begun goes on if they do not.
pub(super) fn wait(cli: &Cli, name: &Name, mut begun: Begun) -> Result<String, Failure> {
    let deadline = Instant::now() + cli.timeout().unwrap_or(PATIENCE);
    let pid = begun.child.id();
    let mut seen = None;
    while Instant::now() < deadline {
        if let Some(status) = begun.child.try_wait()? {
            return Err(ended(name, status, begun.log_from));
        }
        let app = find(name)?.filter(|app| app.record.pid == pid && app.is_running());
        if let Some(status) = app.and_then(|app| ask::status(&app.record.control, None).ok()) {
            if status.workers_ready == status.workers_wanted && status.workers_ready > 0 {
                return Ok(serves(&status));
            }
            if status.workers.iter().any(|worker| worker.phase == "backing-off") {
                let last = tail(name, begun.log_from);
                let text = format!(
                    "runs (process {pid}), but its workers fail; they are tried again{last}"
                );
                return Err(Failure::new(NOT_DONE, text));
            }
            seen = Some(status);
        }
        std::thread::sleep(LOOK);
    }
    Err(Failure::new(NOT_DONE, late(name, pid, seen.as_ref(), begun.log_from)))
}

fn serves(status: &Status) -> String {
    let addresses: Vec<String> = status.addresses.iter().map(ToString::to_string).collect();
    let (ready, pid) = (status.workers_ready, status.pid);
    let workers = if ready == 1 { "1 worker".to_owned() } else { format!("{ready} workers") };
    format!("serves at {} with {workers}: process {pid}", addresses.join(", "))
}

fn ended(name: &Name, status: ExitStatus, log_from: u64) -> Failure {
    let last = tail(name, log_from);
    Failure::new(NOT_DONE, format!("ended at once ({status}){last}"))
}

fn late(name: &Name, pid: u32, seen: Option<&Status>, log_from: u64) -> String {
    let last = tail(name, log_from);
    match seen {
        Some(status) => {
            let (ready, wanted) = (status.workers_ready, status.workers_wanted);
            format!("runs (process {pid}), but only {ready} of {wanted} workers serve so far{last}")
        }
        None => format!(
            "runs (process {pid}), and no master of that name shows itself: the program must take its \
             settings from the environment (Settings::from_env); if it does not link evenkeel, say protocol = \
             \"listen-fds\"{last}"
        ),
    }
}

/// The last lines that it wrote.
fn tail(name: &Name, log_from: u64) -> String {
    let path = log_path(name.as_str());
    let lines = last_lines(&path, LINES, log_from).unwrap_or_default();
    if lines.is_empty() {
        return "; it wrote nothing".to_owned();
    }
    format!("; the last lines of {}:\n  {}", path.display(), lines.join("\n  "))
}
