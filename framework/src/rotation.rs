//! Moving a file away that has grown too large.
//!
//! Several processes append to it, and whichever sees it first moves it. A lock on the file makes it one
//! only; it lies on the open file, so that nothing of it is left when that process dies. The others find
//! another file at the path, and follow.

use std::ffi::OsString;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::fcntl::{AT_FDCWD, AtFlags, Flock, FlockArg};
use nix::unistd::{AccessFlags, faccessat};

use crate::limits::ROTATION_SETTLE;
use crate::plan::Rotation;

/// Who reads a log is to be in the group of its file.
const MODE: u32 = 0o640;

/// Opens a log, or makes it. A FIFO in its place does not hold up anybody.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    OpenOptions::new().append(true).create(true).mode(MODE).custom_flags(flags).open(path)
}

/// Whether files can be moved away in the folder of this one.
pub(crate) fn may_move(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    Ok(faccessat(AT_FDCWD, folder, AccessFlags::W_OK, AtFlags::AT_EACCESS)?)
}

/// Whether this is the file at the path.
pub(crate) fn stands_at(path: &Path, file: &File) -> bool {
    let found = fs::metadata(path).and_then(|at_path| Ok(same(&at_path, &file.metadata()?)));
    found.unwrap_or(false)
}

/// Moves the file at the path away, if it is this one, is large enough, and nobody else does so.
/// `opened`: when this process opened it.
pub(crate) fn rotate_if_due(
    path: &Path,
    file: &File,
    opened: Instant,
    rotation: Rotation,
) -> io::Result<()> {
    let ours = file.metadata()?;
    if ours.len() < rotation.max_bytes || is_young(&ours, opened) {
        return Ok(());
    }
    // Opened anew: a program that was started here has a share in `file`, and in a lock on it.
    let again = OpenOptions::new().append(true).custom_flags(libc::O_NONBLOCK).open(path)?;
    let Ok(lock) = Flock::lock(again, FlockArg::LockExclusiveNonblock) else { return Ok(()) };
    // Somebody may have moved it until now.
    if same(&lock.metadata()?, &ours) && stands_at(path, &lock) {
        shift(path, rotation.keep)?;
    }
    Ok(())
}

/// Others may not have noticed yet that the file before this one was moved; it is not to be deleted.
fn is_young(file: &Metadata, opened: Instant) -> bool {
    let age = file.created().ok().and_then(|created| created.elapsed().ok());
    age.unwrap_or_else(|| opened.elapsed()) < ROTATION_SETTLE
}

fn same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// Each file gets the next number, up to the first number that is free, or the last.
fn shift(path: &Path, keep: u32) -> io::Result<()> {
    let is_free = |number: &u32| fs::symlink_metadata(numbered(path, *number)).is_err();
    let end = (1..keep).find(is_free).unwrap_or(keep);
    for number in (1..end).rev() {
        fs::rename(numbered(path, number), numbered(path, number + 1))?;
    }
    fs::rename(path, numbered(path, 1))
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_file_goes_and_a_gap_is_filled() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let texts = |keep: u32| {
            let paths = (1..=keep + 1).map(|number| numbered(&path, number));
            paths.map(|path| fs::read_to_string(path).unwrap_or_default()).collect::<Vec<_>>()
        };
        for text in ["a", "b", "c", "d"] {
            fs::write(&path, text).unwrap();
            shift(&path, 3).unwrap();
        }
        assert_eq!(texts(3), ["d", "c", "b", ""]);
        fs::remove_file(numbered(&path, 2)).unwrap();
        fs::write(&path, "e").unwrap();
        shift(&path, 3).unwrap();
        assert_eq!(texts(3), ["e", "d", "b", ""]);
    }

    /// Each of many would like to, at the same time.
    #[test]
    fn a_file_is_moved_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "too long").unwrap();
        std::thread::sleep(ROTATION_SETTLE);
        let opened = Instant::now().checked_sub(ROTATION_SETTLE).unwrap();
        let rotation = Rotation { max_bytes: 1, keep: 9 };
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let Ok(file) = File::open(&path) else { return };
                    // Whoever comes late finds nothing at the path.
                    let _ = rotate_if_due(&path, &file, opened, rotation);
                });
            }
        });
        assert!(!path.exists() && numbered(&path, 1).exists() && !numbered(&path, 2).exists());
    }

    #[test]
    fn a_small_or_young_file_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "text").unwrap();
        let file = File::open(&path).unwrap();
        for max_bytes in [5, 4] {
            let rotation = Rotation { max_bytes, keep: 1 };
            rotate_if_due(&path, &file, Instant::now(), rotation).unwrap();
            assert!(stands_at(&path, &file));
        }
        fs::rename(&path, numbered(&path, 1)).unwrap();
        assert!(!stands_at(&path, &file));
        fs::write(&path, "another").unwrap();
        assert!(!stands_at(&path, &file));
    }
}
