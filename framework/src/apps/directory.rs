//! Where masters leave word of themselves.

use std::fs::{self, DirBuilder, File, Metadata, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::libc::{O_DIRECTORY, O_NOFOLLOW};
use nix::unistd::geteuid;

use crate::error::Error;

/// Where masters leave word of themselves; see [the module](super). A relative path is refused where it is used.
pub fn runtime_directory() -> PathBuf {
    let named = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    if let Some(path) = named("EVENKEEL_RUNTIME_DIR") {
        return path.into();
    }
    if geteuid().is_root() {
        return "/run/evenkeel".into();
    }
    // One that is not whole is to be passed over (XDG Base Directory Specification).
    match named("XDG_RUNTIME_DIR").filter(|path| Path::new(path).is_absolute()) {
        Some(path) => PathBuf::from(path).join("evenkeel"),
        None => format!("/tmp/evenkeel-{}", geteuid()).into(),
    }
}

/// Makes the directory unless it is there, and makes sure that it is ours: in `/tmp` anybody could have put
/// one there, or a link to one. It is for this user only; that of root is also looked at by services of other
/// users, which have folders of their own there.
pub(super) fn prepare(path: &Path) -> Result<(), Error> {
    whole(path)?;
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).map_err(|error| refused(path, &error.to_string()))?;
    }
    if make(path)? {
        let_through(path).map_err(|error| refused(path, &error.to_string()))?;
    }
    check(path)
}

/// Makes it, for this user only; whether it was not there.
fn make(path: &Path) -> Result<bool, Error> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(refused(path, &error.to_string())),
    }
}

/// Lets other users come through a directory of root's to what is theirs in it, if it is closed as this program
/// makes it. Only root's own program does that; what is reached by a link is left as it is.
pub fn let_through(path: &Path) -> io::Result<()> {
    let mut options = File::options();
    let flags = O_DIRECTORY | O_NOFOLLOW;
    let Ok(directory) = options.read(true).custom_flags(flags).open(path) else { return Ok(()) };
    let found = directory.metadata()?;
    if geteuid().is_root() && found.uid() == 0 && found.mode() & 0o7777 == 0o700 {
        directory.set_permissions(Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// A relative path would be another directory for each master and for each who looks for it.
pub(super) fn whole(path: &Path) -> Result<(), Error> {
    if path.is_absolute() { Ok(()) } else { Err(refused(path, "it is a relative path")) }
}

/// Makes the folder of a name, for this user only, unless it is there. One that is removed meanwhile, by who
/// had the name, is no error: it is missed by who opens a file in it.
pub(super) fn prepare_own(path: &Path) -> Result<(), Error> {
    make(path)?;
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        found => judge(path, found),
    }
}

/// It is a directory, of this user or of root, that nobody else may write to.
pub(super) fn check(path: &Path) -> Result<(), Error> {
    judge(path, fs::symlink_metadata(path))
}

fn judge(path: &Path, found: io::Result<Metadata>) -> Result<(), Error> {
    let found = found.map_err(|error| refused(path, &error.to_string()))?;
    let (uid, own) = (found.uid(), geteuid().as_raw());
    if !found.is_dir() {
        return Err(refused(path, "it is no directory"));
    }
    if uid != own && uid != 0 {
        return Err(refused(path, &format!("it belongs to user {uid}")));
    }
    if found.mode() & 0o022 != 0 {
        return Err(refused(path, "others may write to it"));
    }
    Ok(())
}

fn refused(path: &Path, why: &str) -> Error {
    Error::config(format!(
        "{} cannot be used for what runs: {why}; name a directory of your own in EVENKEEL_RUNTIME_DIR",
        path.display()
    ))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_directory_that_others_could_have_put_there_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let own = folder.path().join("a/own");
        prepare(&own).unwrap();
        let mode = if geteuid().is_root() { 0o755 } else { 0o700 };
        assert_eq!(fs::metadata(&own).unwrap().mode() & 0o777, mode);
        prepare(&own).unwrap();

        let link = folder.path().join("link");
        symlink(&own, &link).unwrap();
        assert!(prepare(&link).unwrap_err().to_string().contains("it is no directory"));

        fs::set_permissions(&own, Permissions::from_mode(0o777)).unwrap();
        assert!(prepare(&own).unwrap_err().to_string().contains("others may write to it"));

        fs::write(folder.path().join("file"), "").unwrap();
        assert!(prepare(&folder.path().join("file")).is_err());
        assert!(prepare(Path::new("/proc/evenkeel")).is_err());
    }
}
