//! The applications as others see them.

use std::fs;
use std::io;
use std::path::PathBuf;

use super::directory::{check, runtime_directory, whole};
use super::entry::{BOARD, read};
use super::name::Name;
use super::owner::Owner;
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
    owner: Owner,
}

impl App {
    /// Its master lives.
    pub fn is_running(&self) -> bool {
        // The id of a dead one could be another's by now.
        self.record.is_alive() && self.owner.speaks_for(self.record.pid)
    }

    /// Who wrote the record.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// What its scoreboard says now; `None` when its master is dead, or is of a version of evenkeel with
    /// another scoreboard.
    pub fn snapshot(&self) -> Option<Snapshot> {
        if !self.is_running() {
            return None;
        }
        Snapshot::read(&self.owner.open_linked(&self.folder.join(BOARD)).ok()?).ok()
    }
}

/// All applications that the runtime directory knows, by name.
///
/// # Errors
/// The directory is a relative path, or cannot be read, or others could have written to it.
pub fn apps() -> Result<Vec<App>, Error> {
    let directory = runtime_directory();
    whole(&directory)?;
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
    let (record, owner) = read(&folder)?;
    (record.name == name.as_str()).then_some(App { record, folder, owner })
}
