//! Whose word a record is, and what is believed of it.

use std::fs::{self, File, Metadata};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use nix::libc::{O_NOFOLLOW, O_PATH};
use nix::unistd::geteuid;

/// The user who wrote a record. This user and root are believed. Root also hears others, as services of systemd
/// that have folders of their own: they can speak for their own processes and files, and for nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner(u32);

impl Owner {
    /// Of a file or folder; `None`: others may write to it, or its owner is nobody to listen to.
    pub(super) fn of(found: &Metadata) -> Option<Self> {
        let owner = Self(found.uid());
        let heard = owner.is_believed() || geteuid().is_root();
        (heard && found.mode() & 0o022 == 0).then_some(owner)
    }

    /// This one.
    pub fn of_user(uid: u32) -> Self {
        Self(uid)
    }

    fn is_believed(self) -> bool {
        self.0 == 0 || self.0 == geteuid().as_raw()
    }

    /// He may say of this process that it is his master. Whoever else could have us send signals to it.
    pub(super) fn speaks_for(self, pid: u32) -> bool {
        self.is_believed() || self.runs(pid)
    }

    /// It is this user, whether one looks at the real, the effective, the saved or the file system's
    /// (`proc_pid_status(5)`).
    fn runs(self, pid: u32) -> bool {
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
        let users = status.lines().find_map(|line| line.strip_prefix("Uid:"));
        users.is_some_and(|users| users.split_whitespace().all(|uid| uid.parse() == Ok(self.0)))
    }

    /// Opens a file that his record names. Of whom is not believed it must be a plain file of his, and no link.
    ///
    /// # Errors
    /// It is not, or cannot be opened.
    pub fn open(self, path: &Path) -> io::Result<File> {
        if self.is_believed() { File::open(path) } else { self.open_own(path, O_NOFOLLOW) }
    }

    /// The same, where a link is in place.
    pub(super) fn open_linked(self, path: &Path) -> io::Result<File> {
        if self.is_believed() { File::open(path) } else { self.open_own(path, 0) }
    }

    /// Looks at it before it is opened: that alone does something to a device.
    fn open_own(self, path: &Path, flags: i32) -> io::Result<File> {
        let place = File::options().read(true).custom_flags(O_PATH | flags).open(path)?;
        let found = place.metadata()?;
        if !found.is_file() || found.uid() != self.0 {
            let why = format!("it is no plain file of user {}, whose application names it", self.0);
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, why));
        }
        File::open(format!("/proc/self/fd/{}", place.as_raw_fd()))
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, chown};

    use super::*;

    #[test]
    fn who_may_not_send_signals_to_a_process_may_not_speak_for_it() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path();
        let owner = || Owner::of(&fs::metadata(path).unwrap());
        let own = std::process::id();
        assert!(owner().unwrap().speaks_for(own));
        assert!(owner().unwrap().open(path).is_ok());
        fs::set_permissions(path, fs::Permissions::from_mode(0o620)).unwrap();
        assert_eq!(owner(), None);
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        // Needs root, to give it away.
        if geteuid().is_root() {
            let before = owner().unwrap();
            chown(path, Some(65534), None).unwrap();
            let other = owner().unwrap();
            assert!(!other.speaks_for(own) && !other.speaks_for(1));
            assert!(other.open(path).is_ok() && before.open(path).is_ok());
            for not_his in [Path::new("/dev/null"), Path::new("/proc/self/exe"), Path::new("/")] {
                assert!(other.open(not_his).is_err(), "{}", not_his.display());
            }
        }
    }
}
