//! The log that `evenkeel start` gives to a program which has no output of its own: one file for the master and
//! its workers. The workers keep it short, as any other; the master follows.

use std::fs::{self, File};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use super::outlet::{direct, open};
use crate::limits::{STARTED_LOG_BYTES_MAX, STARTED_LOGS_KEPT};
use crate::plan::{Output, Plan};
use crate::rotation::stands_at;

/// `PID:PATH`: the process that was started, and its log. Another one that finds this in its environment is
/// not meant.
const VARIABLE: &str = "EVENKEEL_LOG";

/// Notes in the plan that this process has such a log, and that its workers keep it short; unless they have
/// files already, or `may_keep` says that they cannot.
pub(crate) fn adopt(plan: &mut Plan, may_keep: impl FnOnce(&Plan, &Output) -> bool) {
    let Some(path) = own() else { return };
    if plan.output.is_none() {
        let output = Output::merged(&path).rotate(STARTED_LOG_BYTES_MAX, STARTED_LOGS_KEPT);
        if may_keep(plan, &output) {
            plan.output = Some(output);
        } else {
            let path = path.display();
            tracing::info!("workers may not move {path}: it grows until somebody else does");
        }
    }
    plan.log = Some(path);
}

/// In the master: lines go to the file that is at this path now.
pub(crate) fn follow(path: &Path) {
    let turn = || {
        let written = File::from(io::stderr().as_fd().try_clone_to_owned()?);
        if stands_at(path, &written) {
            return Ok(());
        }
        let file = open(path)?;
        direct(file.as_fd(), file.as_fd())
    };
    // The old one is written on; it is tried again.
    let _: io::Result<()> = turn();
}

/// The path of this process's log, if both of its streams go there, or to where that was moved.
fn own() -> Option<PathBuf> {
    let value = std::env::var(VARIABLE).ok()?;
    let (pid, path) = value.split_once(':')?;
    let goes_there = |number: u32| {
        let target = fs::read_link(format!("/proc/self/fd/{number}"));
        target.is_ok_and(|target| target.to_string_lossy().starts_with(path))
    };
    let meant = pid.parse() == Ok(std::process::id()) && goes_there(1) && goes_there(2);
    meant.then(|| path.into())
}
