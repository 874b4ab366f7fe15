//! Where standard output and standard error of a child go.
//!
//! ```text
//! println!, a logger, a panic ── write(2) ──▶ descriptors 1 and 2: the file, opened to append
//!                                                  ▲
//!                     a thread, once a second ─────┘ another file, when that one was moved
//! ```
//!
//! The descriptors belong to the process, and so does what is known of them: it is made once, in the child.

mod outlet;
mod room;
mod started;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread::Builder;

use nix::sys::signal::SigSet;

use crate::error::Error;
use crate::ids::Place;
use crate::limits::ROTATION_CHECK_INTERVAL;
use crate::plan::{Files, Output};
use crate::rotation;
use outlet::Outlet;

pub(crate) use started::{adopt, follow};

static OUTLET: OnceLock<Mutex<Outlet>> = OnceLock::new();

/// Makes sure, before there are children, that they can write, and move files away if they are to.
pub(crate) fn check(
    output: &Output,
    as_worker: impl FnOnce(&dyn Fn() -> io::Result<()>) -> io::Result<()>,
) -> Result<(), Error> {
    // Those of a folder are alike.
    let path = path_of(output, Place::Slot(crate::ids::SlotId(0)));
    let opened = match fs::metadata(&path).map(|found| found.file_type().is_file()) {
        Ok(false) if path.is_dir() => Err(io::ErrorKind::IsADirectory.into()),
        Ok(false) => Err(io::Error::other("it is no regular file")),
        _ => as_worker(&|| may_write(&path, output.rotation.is_some())),
    };
    opened.map_err(|error| Error::output(&path, error))
}

fn may_write(path: &Path, rotates: bool) -> io::Result<()> {
    outlet::open(path)?;
    if rotates { rotation::may_move(path) } else { Ok(()) }
}

/// The files of so many workers, and whose they are.
pub(crate) fn files(
    output: &Output,
    places: impl Iterator<Item = Place>,
) -> Vec<(String, PathBuf)> {
    match output.files {
        Files::Merged => vec![("all".to_owned(), output.path.clone())],
        Files::PerWorker => {
            places.map(|place| (place.to_string(), path_of(output, place))).collect()
        }
    }
}

/// In a child: what is written from now on goes to its file. If that cannot be opened, it goes where the
/// master's goes: a log is no reason not to serve.
pub(crate) fn direct(output: &Output, place: Place) -> io::Result<()> {
    let outlet = Outlet::new(path_of(output, place), output.rotation)?;
    lock(OUTLET.get_or_init(|| Mutex::new(outlet))).tend();
    Ok(())
}

/// The same; and a thread follows the file when it is moved, moves it when it is due, and tries again to open it.
pub(crate) fn begin(output: &Output, place: Place) -> io::Result<()> {
    direct(output, place)?;
    let Some(outlet) = OUTLET.get() else { return Ok(()) };
    Builder::new().name("output".into()).spawn(|| keep_tending(outlet))?;
    Ok(())
}

/// Opens the file anew, if there is one; why it could not.
pub(crate) fn reopen() -> Option<String> {
    let outlet = OUTLET.get()?;
    lock(outlet).reopen().err()
}

fn keep_tending(outlet: &Mutex<Outlet>) {
    // They are for the loop.
    let _ = SigSet::all().thread_block();
    loop {
        std::thread::sleep(ROTATION_CHECK_INTERVAL);
        lock(outlet).tend();
    }
}

fn lock(outlet: &Mutex<Outlet>) -> std::sync::MutexGuard<'_, Outlet> {
    outlet.lock().unwrap_or_else(PoisonError::into_inner)
}

fn path_of(output: &Output, place: Place) -> PathBuf {
    match place {
        Place::Slot(slot) => output.path_of(&slot.to_string()),
        Place::Admin => output.path_of("admin"),
        Place::Dispatcher => output.path_of("dispatcher"),
    }
}
