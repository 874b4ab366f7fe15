//! The applications as others see them.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::directory::{check, runtime_directory};
use super::entry::{BOARD, RECORD, read};
use super::name::Name;
use super::process::may_speak_for;
use super::record::Record;
use crate::board::Snapshot;
use crate::error::Error;

/// An application that has, or had, a master.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct App {
    /// What its master said of itself.
    pub record: Record,
    folder: PathBuf,
}

impl App {
    /// Its master lives.
    pub fn is_running(&self) -> bool {
        self.record.is_alive()
    }

    /// What its scoreboard says now; `None` when its master is dead, or is of a version of evenkeel with
    /// another scoreboard.
    pub fn snapshot(&self) -> Option<Snapshot> {
        if !self.is_running() {
            return None;
        }
        Snapshot::read(&self.folder.join(BOARD)).ok()
    }
}

/// All applications that the runtime directory knows, by name.
///
/// # Errors
/// The directory cannot be read, or others could have written to it.
pub fn apps() -> Result<Vec<App>, Error> {
    let directory = runtime_directory();
    let failed = |error| Error::system(&format!("read {}", directory.display()), error);
    let entries = match fs::read_dir(&directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(failed)?,
    };
    check(&directory)?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let mut names: Vec<Name> = names.filter_map(|name| name.parse().ok()).collect();
    names.sort();
    Ok(names.iter().filter_map(known).collect())
}

/// The application of this name, if the runtime directory knows it.
///
/// # Errors
/// Those of [`apps`].
pub fn find(name: &Name) -> Result<Option<App>, Error> {
    Ok(apps()?.into_iter().find(|app| app.record.name == name.as_str()))
}

fn known(name: &Name) -> Option<App> {
    let folder = runtime_directory().join(name.as_str());
    let record = read(&folder).filter(|record| record.name == name.as_str())?;
    if !may_speak_for(&folder.join(RECORD), record.pid) {
        return None;
    }
    Some(App { record, folder })
}
