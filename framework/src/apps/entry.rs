//! A master's own word of itself, from its start to its end.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};

use nix::fcntl::{OFlag, openat};
use nix::libc;
use nix::sys::stat::Mode;

use super::directory::{prepare, prepare_own, runtime_directory};
use super::lock::Lock;
use super::name::Name;
use super::owner::Owner;
use super::record::Record;
use crate::error::Error;
use crate::limits::RECORD_BYTES_MAX;

pub(super) const RECORD: &str = "app.json";
pub(super) const BOARD: &str = "board";
const CONTROL: &str = "control.sock";
const LOCK: &str = "lock";

/// The folder of a running master. It is removed with this value, in the process that made the value.
#[derive(Debug)]
pub(crate) struct Entry {
    name: Name,
    folder: PathBuf,
    /// A child that was forked has a copy, and no right to the files.
    owner: u32,
}

impl Entry {
    /// Where the control socket of an application is, unless it is said.
    pub(crate) fn control(name: &Name) -> PathBuf {
        runtime_directory().join(name.as_str()).join(CONTROL)
    }

    /// Takes the name for this process. What a dead master left there is replaced.
    ///
    /// # Errors
    /// A living one has it, or the directory cannot be used.
    pub(crate) fn claim(name: &Name) -> Result<Self, Error> {
        prepare(&runtime_directory())?;
        let entry = Self::known(name);
        // Two who start at the same time do not both find nobody there.
        let _lock = entry.lock()?;
        match read(&entry.folder).filter(|(record, _)| record.is_alive()) {
            Some((record, _)) if record.pid != std::process::id() => {
                let Record { pid, program, .. } = record;
                return Err(Error::name_in_use(name.as_str(), pid, &program));
            }
            _ => {}
        }
        entry.clear();
        entry.write(&Record::own(name))?;
        Ok(entry)
    }

    /// The folder that this process has made already, as another program.
    pub(crate) fn known(name: &Name) -> Self {
        let folder = runtime_directory().join(name.as_str());
        Self { name: name.clone(), folder, owner: std::process::id() }
    }

    /// Says what is known now, and where the scoreboard is.
    pub(crate) fn publish(
        &self,
        fill: impl FnOnce(&mut Record),
        memory: &OwnedFd,
    ) -> Result<(), Error> {
        let target = format!("/proc/{}/fd/{}", std::process::id(), memory.as_raw_fd());
        let board = self.folder.join(BOARD);
        let fresh = self.folder.join("board.new");
        let _ = fs::remove_file(&fresh);
        let linked = symlink(target, &fresh).and_then(|()| fs::rename(&fresh, &board));
        linked.map_err(|error| self.failed(error))?;
        let mut record = Record::own(&self.name);
        fill(&mut record);
        self.write(&record)
    }

    /// All of it at once: whoever reads it finds the old or the new one.
    fn write(&self, record: &Record) -> Result<(), Error> {
        let fresh = self.folder.join("app.json.new");
        let write = || {
            let mut options = File::options();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
            file.write_all(&serde_json::to_vec_pretty(record)?)?;
            fs::rename(&fresh, self.folder.join(RECORD))
        };
        write().map_err(|error| self.failed(error))
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::system(&format!("write to {}", self.folder.display()), error)
    }

    /// Nobody else takes the name, or gives it back, while this is held. The lock is not that of the folder: a
    /// service manager may have made it, and others may then open it.
    fn lock(&self) -> Result<Lock, Error> {
        Lock::take(&self.folder.join(LOCK), || prepare_own(&self.folder))
    }

    /// Removes what masters leave there.
    fn clear(&self) {
        for name in [RECORD, BOARD, CONTROL] {
            // It need not be there.
            let _ = fs::remove_file(self.folder.join(name));
        }
    }

    /// What was said is this process's word. It stays that as long as this process lives.
    fn is_own(&self) -> bool {
        let own = std::process::id();
        self.owner == own && read(&self.folder).is_some_and(|(record, _)| record.pid == own)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        if !self.is_own() {
            return;
        }
        match self.lock() {
            Ok(lock) => {
                self.clear();
                lock.remove();
                // Others may have put something there, as who takes the name next puts a lock.
                let _ = fs::remove_dir(&self.folder);
            }
            // What a dead master left is replaced.
            Err(error) => tracing::warn!("{} stays: {error}", self.folder.display()),
        }
    }
}

/// What a master left in this folder, and who that is; nothing, if he cannot say that.
pub(super) fn read(folder: &Path) -> Option<(Record, Owner)> {
    let mut options = File::options();
    let folder =
        options.read(true).custom_flags(libc::O_DIRECTORY | libc::O_NOFOLLOW).open(folder).ok()?;
    let owner = Owner::of(&folder.metadata().ok()?)?;
    // What is no file at all is not to hold us up.
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let file = File::from(openat(&folder, RECORD, flags, Mode::empty()).ok()?);
    let found = file.metadata().ok()?;
    if !found.is_file() || Owner::of(&found) != Some(owner) || found.len() > RECORD_BYTES_MAX {
        return None;
    }
    let mut bytes = Vec::new();
    file.take(RECORD_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    let record: Record = serde_json::from_slice(&bytes).ok()?;
    owner.speaks_for(record.pid).then_some((record, owner))
}
