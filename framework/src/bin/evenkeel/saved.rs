//! The saved set: what was started last, to be started again.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use evenkeel::config::Applications;
use evenkeel::internals::{Lock, let_through};
use nix::unistd::geteuid;
use serde::Serialize;

use crate::outcome::Failure;

/// Root's directory. Those of units are below it (`StateDirectory=evenkeel/NAME`).
const OF_ROOT: &str = "/var/lib/evenkeel";

/// Where the saved set and the logs are: `$EVENKEEL_STATE_DIR`, else `/var/lib/evenkeel` for root, else
/// `$XDG_STATE_HOME/evenkeel`, else `~/.local/state/evenkeel`.
pub(crate) fn state_directory() -> PathBuf {
    let named =
        |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if let Some(path) = named("EVENKEEL_STATE_DIR") {
        return path;
    }
    if geteuid().is_root() {
        return OF_ROOT.into();
    }
    let home = || named("HOME").unwrap_or_else(|| "/".into()).join(".local/state");
    named("XDG_STATE_HOME").unwrap_or_else(home).join("evenkeel")
}

/// Where the output of an application goes.
pub(crate) fn log_path(name: &str) -> PathBuf {
    state_directory().join(format!("{name}.log"))
}

/// The saved set; empty, if there is none.
pub(crate) fn load() -> Result<Applications, Failure> {
    read(&state_directory().join("apps.json"))
}

fn read(path: &Path) -> Result<Applications, Failure> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Applications::default()),
        Err(error) => Err(failed("read", path, &error)),
        Ok(bytes) => serde_json::from_slice(&bytes).map_err(|error| {
            Failure::settings(format!("{} is damaged: {error}; remove it", path.display()))
        }),
    }
}

/// Changes the saved set, all of it at once.
pub(crate) fn change(with: impl FnOnce(&mut Applications)) -> Result<(), Failure> {
    let directory = state_directory();
    let _lock = Lock::take(&directory.join("apps.lock"), || prepare().map(drop))?;
    let path = directory.join("apps.json");
    let mut set = read(&path)?;
    with(&mut set);
    write(&path, &set)
}

/// All of it at once: whoever reads it finds the old or the new one.
pub(crate) fn write(path: &Path, content: &impl Serialize) -> Result<(), Failure> {
    prepare()?;
    let fresh = path.with_extension("json.new");
    let write = || {
        let mut options = File::options();
        // Environments hold secrets.
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&fresh)?;
        file.write_all(&serde_json::to_vec_pretty(content)?)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(|error| failed("write", path, &error))
}

/// Opens the log of an application, to write at its end.
pub(crate) fn open_log(name: &str) -> Result<File, Failure> {
    prepare()?;
    let path = log_path(name);
    let file = File::options().append(true).create(true).mode(0o640).open(&path);
    file.map_err(|error| failed("write", &path, &error))
}

/// Makes it, for this user only. Below root's own, service managers make folders for other users, who must
/// come through: what is secret in it is closed by itself.
fn prepare() -> Result<PathBuf, Failure> {
    let directory = state_directory();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
    made.map_err(|error| failed("make", &directory, &error))?;
    if directory == Path::new(OF_ROOT) {
        let_through(&directory).map_err(|error| failed("open up", &directory, &error))?;
    }
    Ok(directory)
}

fn failed(doing: &str, path: &Path, error: &io::Error) -> Failure {
    let mend = "name a directory of your own in EVENKEEL_STATE_DIR";
    Failure::new(71, format!("cannot {doing} {}: {error}; {mend}", path.display()))
}
