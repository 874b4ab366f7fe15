//! Whether a start came to something.

use std::process::ExitStatus;
use std::time::{Duration, Instant};

use evenkeel::apps::{App, Name, find};
use evenkeel::config::Application;
use evenkeel::control::Status;
use evenkeel::internals::{READY_TIMEOUT_DEFAULT, total};
use evenkeel::{Phase, Snapshot};

use super::launch::Begun;
use crate::ask;
use crate::cli::Cli;
use crate::outcome::Failure;
use crate::saved::log_path;
use crate::tail::last_lines;
use crate::target::Target;

/// For the master's own beginning.
const SLACK: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(10);
/// A program that is not ours cannot say that it serves. It is believed when its workers have lived for so
/// long: an interpreter needs some of it to find out that it cannot.
const TRIAL: Duration = Duration::from_secs(1);
/// Lines of the log that are shown when it went wrong.
const LINES: usize = 10;

/// Waits until all workers serve; what was begun goes on if they do not.
pub(super) fn wait(
    cli: &Cli,
    name: &Name,
    application: &Application,
    mut begun: Begun,
) -> Result<String, Failure> {
    let patience = cli.timeout().unwrap_or_else(|| patience(application));
    let since = Instant::now();
    let pid = begun.child.id();
    let mut seen = None;
    while since.elapsed() < patience {
        if let Some(status) = begun.child.try_wait()? {
            return Err(ended(name, status, begun.log_from));
        }
        let app = find(name)?.filter(|app| app.record.pid == pid && app.is_running());
        if let Some(status) = app.clone().and_then(|app| ask::status(&Target::of(app), None).ok()) {
            let foreign = app.as_ref().is_some_and(|app| app.record.foreign);
            if status.workers.iter().any(|worker| worker.phase == "backing-off") {
                return Err(fail(name, pid, foreign, begun.log_from));
            }
            let ready = status.workers_ready == status.workers_wanted && status.workers_ready > 0;
            if ready && app.is_some_and(|app| !foreign || lives_on(&app)) {
                return Ok(serves(&status));
            }
            seen = Some(status);
        }
        std::thread::sleep(LOOK);
    }
    Err(Failure::not_done(late(name, pid, seen.as_ref(), begun.log_from)))
}

/// As long as a worker may take, and again as long for one that is tried a second time.
fn patience(application: &Application) -> Duration {
    let once = application.settings.ready_timeout.unwrap_or(READY_TIMEOUT_DEFAULT);
    once.saturating_mul(2).saturating_add(SLACK)
}

fn serves(status: &Status) -> String {
    let addresses: Vec<String> = status.addresses.iter().map(ToString::to_string).collect();
    let (ready, pid) = (status.workers_ready, status.pid);
    let workers = if ready == 1 { "1 worker".to_owned() } else { format!("{ready} workers") };
    let page = status.admin.as_ref().map(|admin| match admin.address.tcp() {
        Some(address) => format!("; its page is at http://{address}"),
        None => format!("; its page is at {}", admin.address),
    });
    let page = page.unwrap_or_default();
    format!("serves at {} with {workers}: process {pid}{page}", addresses.join(", "))
}

/// Whether no worker of it ends while it is tried.
fn lives_on(app: &App) -> bool {
    let ends = |now: Snapshot| {
        let again = total(now.workers.iter().map(|worker| worker.respawns));
        let fails = now.workers.iter().any(|worker| worker.phase == Phase::BackingOff);
        (!fails).then_some(again)
    };
    let before = app.snapshot().and_then(ends);
    let end = Instant::now() + TRIAL;
    while before.is_some() && Instant::now() < end {
        std::thread::sleep(LOOK);
        if app.snapshot().and_then(ends) != before {
            return false;
        }
    }
    before.is_some()
}

fn fail(name: &Name, pid: u32, foreign: bool, log_from: u64) -> Failure {
    let mend = if foreign {
        "; it has to listen on the descriptors that it finds open, from 3 on, and not on an address of its own; \
         if it links evenkeel, say --protocol evenkeel"
    } else {
        ""
    };
    let last = tail(name, log_from);
    let text =
        format!("runs (process {pid}), but its workers fail; they are tried again{mend}{last}");
    Failure::not_done(text)
}

fn ended(name: &Name, status: ExitStatus, log_from: u64) -> Failure {
    let last = tail(name, log_from);
    Failure::not_done(format!("ended at once ({status}){last}"))
}

fn late(name: &Name, pid: u32, seen: Option<&Status>, log_from: u64) -> String {
    let last = tail(name, log_from);
    let other = another(name, pid);
    match seen {
        Some(status) => {
            let (ready, wanted) = (status.workers_ready, status.workers_wanted);
            format!("runs (process {pid}), but only {ready} of {wanted} workers serve so far{last}")
        }
        None if other.is_some() => format!(
            "runs (process {pid}), and the master of that name is process {}: the program has to become the \
             server (exec), if it is not another one that has the name{last}",
            other.unwrap_or_default()
        ),
        None => format!(
            "runs (process {pid}), and no master of that name shows itself: the program must take its \
             settings from the environment (Settings::from_env); if it does not link evenkeel, say protocol = \
             \"listen-fds\"{last}"
        ),
    }
}

/// A living master of the name that is not this process.
fn another(name: &Name, pid: u32) -> Option<u32> {
    let app = find(name).ok().flatten().filter(App::is_running)?;
    (app.record.pid != pid).then_some(app.record.pid)
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
