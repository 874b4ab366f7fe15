//! What a master that runs was started with: the saved set may be newer.

use std::fs;
use std::io;
use std::path::PathBuf;

use evenkeel::apps::App;
use evenkeel::config::Application;
use serde::{Deserialize, Serialize};

use crate::outcome::Failure;
use crate::saved;

#[derive(Serialize, Deserialize)]
struct Origin {
    /// With the next one, a process for all time.
    pid: u32,
    started: u64,
    application: Application,
}

/// Remembers it.
pub(super) fn remember(app: &App, application: &Application) -> Result<(), Failure> {
    let (pid, started) = (app.record.pid, app.record.started);
    let origin = Origin { pid, started, application: application.clone() };
    saved::write(&path(&app.record.name), &origin)
}

/// `None`: it is not known, as of one that a service manager started.
pub(super) fn of(app: &App) -> Option<Application> {
    let bytes = fs::read(path(&app.record.name)).ok()?;
    let origin: Origin = serde_json::from_slice(&bytes).ok()?;
    let same = (origin.pid, origin.started) == (app.record.pid, app.record.started);
    same.then_some(origin.application)
}

/// Whether the saved set says something else of it by now.
pub(crate) fn is_outdated(app: &App) -> bool {
    let saved = saved::load().ok().and_then(|mut set| set.app.remove(&app.record.name));
    of(app).zip(saved).is_some_and(|(origin, saved)| origin != saved)
}

/// `evenkeel stop --forget`: environments hold secrets.
pub(crate) fn forget(name: &str) -> Result<(), Failure> {
    match fs::remove_file(path(name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

/// No name has a dot.
fn path(name: &str) -> PathBuf {
    saved::state_directory().join(format!("{name}.started.json"))
}
