//! The right to change what several processes of one user may want to change.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};
use nix::unistd::geteuid;

use crate::error::Error;
use crate::limits::{LOCK_LOOK, LOCK_PATIENCE};
use crate::sys::socket_file::identity_at;

/// A file that one process at a time has, until this value is dropped. Who cannot open a file cannot lock it
/// (flock(2)), and this one can be opened by its user and root only, whoever may look into its folder.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    _held: Flock<File>,
}

impl Lock {
    /// Waits for it, within bounds. `prepare` makes its folder, each time anew: who has the lock may remove both.
    ///
    /// # Errors
    /// Those of `prepare`; somebody holds it all the time; or it is no file of this user, or cannot be made.
    pub fn take<E: From<Error>>(
        path: &Path,
        mut prepare: impl FnMut() -> Result<(), E>,
    ) -> Result<Self, E> {
        let deadline = Instant::now() + LOCK_PATIENCE;
        loop {
            prepare()?;
            match attempt(path) {
                Ok(Some(held)) => return Ok(Self { path: path.to_owned(), _held: held }),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(LOCK_LOOK),
                Ok(None) => return Err(Error::locked(path).into()),
                Err(error) => return Err(Error::lock(path, error).into()),
            }
        }
    }

    /// Gives it back, and removes the file. Who waits for it begins anew.
    pub(super) fn remove(self) {
        // It need not be there.
        let _ = fs::remove_file(&self.path);
    }
}

/// `None`: another has it, or it was removed meanwhile.
fn attempt(path: &Path) -> io::Result<Option<Flock<File>>> {
    let mut options = File::options();
    // What is no file at all is not to hold us up.
    options.read(true).write(true).create(true).truncate(false);
    let file = match options.mode(0o600).custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        other => other?,
    };
    let found = file.metadata()?;
    if !found.is_file() || found.uid() != geteuid().as_raw() {
        let why = "it is no plain file of this user";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
    }
    let held = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Err((_, Errno::EWOULDBLOCK)) => return Ok(None),
        other => other.map_err(|(_, errno)| errno)?,
    };
    // A lock of a file that is not there any more keeps nobody out.
    let in_place = identity_at(path).is_ok_and(|there| there == (found.dev(), found.ino()));
    Ok(in_place.then_some(held))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

    use super::*;

    fn take(path: &Path) -> Result<Lock, Error> {
        Lock::take(path, || Ok(()))
    }

    #[test]
    fn one_at_a_time_has_it_even_if_each_removes_it() {
        let folder = tempfile::tempdir().unwrap();
        let (own, holders) = (folder.path().join("own"), AtomicUsize::new(0));
        let path = own.join("lock");
        let make = || {
            let _ = fs::create_dir(&own);
            Ok::<(), Error>(())
        };
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let lock = Lock::take(&path, make).unwrap();
                        assert_eq!(holders.fetch_add(1, SeqCst), 0);
                        std::thread::yield_now();
                        holders.fetch_sub(1, SeqCst);
                        lock.remove();
                        let _ = fs::remove_dir(&own);
                    }
                });
            }
        });
    }

    #[test]
    fn nobody_else_can_open_it_and_it_is_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        drop(take(&path).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

        let link = folder.path().join("link");
        symlink(&path, &link).unwrap();
        assert!(take(&link).is_err());
        let queue = folder.path().join("queue");
        nix::unistd::mkfifo(&queue, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let text = take(&queue).unwrap_err().to_string();
        assert!(text.contains("it is no plain file of this user"), "{text}");
        // Needs root, to give it away.
        if geteuid().is_root() {
            std::os::unix::fs::chown(&path, Some(65534), None).unwrap();
            assert!(take(&path).is_err());
        }
    }

    #[test]
    fn who_holds_it_for_ever_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lock");
        let _held = take(&path).unwrap();
        let error = take(&path).unwrap_err();
        assert!(error.to_string().contains("lslocks"), "{error}");
        assert_eq!(error.exit_code(), 71);
    }
}
