//! The units as files: printed, or written where systemd finds them.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::json;

use super::unit::{self, Unit};
use super::{Wanted, set};
use crate::outcome::Failure;
use crate::print;

/// Units, each with the name of its file.
pub(super) struct Files {
    user: bool,
    units: Vec<Unit>,
    /// Names of files, and what stands in them.
    texts: Vec<(String, String)>,
}

/// Where units of the machine's own are (systemd.unit(5)).
const SYSTEM_FOLDER: &str = "/etc/systemd/system";

impl Files {
    pub(super) fn of(wanted: &Wanted) -> Result<Self, Failure> {
        let units = wanted.units()?;
        let mut texts = Vec::new();
        for unit in &units {
            texts.push((format!("{}.service", unit.name), unit::service(wanted, unit)?));
            if !wanted.socket.is_empty() {
                texts.push((format!("{}.socket", unit.name), unit::socket(wanted, unit)));
            }
        }
        Ok(Self { user: wanted.user, units, texts })
    }

    pub(super) fn print(&self, as_json: bool) {
        if as_json {
            let unit = |(name, text): &(String, String)| json!({ "name": name, "text": text });
            return print::json(&self.texts.iter().map(unit).collect::<Vec<_>>());
        }
        let texts = self.texts.iter().map(|(name, text)| format!("# {name}\n{text}"));
        print::line(texts.collect::<Vec<_>>().join("\n").trim_end());
    }

    /// Writes all of them or, if one is there already and is not to be replaced, none; says where they are.
    /// `now`: they are to be started at once.
    pub(super) fn install(
        &self,
        folder: Option<&Path>,
        force: bool,
        now: bool,
    ) -> Result<Vec<PathBuf>, Failure> {
        let folder = folder.map_or_else(|| self.folder(), |folder| Ok(folder.to_owned()))?;
        if now {
            set::not_running(&self.units, &folder)?;
        }
        let paths: Vec<PathBuf> = self.texts.iter().map(|(name, _)| folder.join(name)).collect();
        if let Some(path) = paths.iter().find(|path| !force && path.exists()) {
            let path = path.display();
            return Err(Failure::not_done(format!(
                "{path} is there already: choose another --name, or replace it with --force"
            )));
        }
        for (path, (_, text)) in paths.iter().zip(&self.texts) {
            write(path, text).map_err(|error| {
                let mend = match error.kind() {
                    io::ErrorKind::PermissionDenied => "; run it as root, or choose --user",
                    io::ErrorKind::NotFound => "; its folder must be there before",
                    _ => "",
                };
                Failure::not_done(format!("cannot write {}: {error}{mend}", path.display()))
            })?;
        }
        Ok(paths)
    }

    fn folder(&self) -> Result<PathBuf, Failure> {
        if !self.user {
            return Ok(SYSTEM_FOLDER.into());
        }
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = || set("HOME").map(|home| Path::new(&home).join(".config"));
        let config = set("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home).ok_or_else(|| {
            Failure::settings("the user has no home: set HOME, or name a folder with --dir")
        })?;
        let folder = config.join("systemd/user");
        fs::create_dir_all(&folder).map_err(|error| {
            Failure::not_done(format!("cannot make {}: {error}", folder.display()))
        })?;
        Ok(folder)
    }

    /// The commands that have systemd take the units.
    pub(super) fn next(&self) -> Vec<String> {
        let units = self.texts.iter().rev().map(|(name, _)| name.as_str());
        let enable = ["enable", "--now"].into_iter().chain(units).collect();
        let user = if self.user { "systemctl --user " } else { "systemctl " };
        let line = |words: Vec<&str>| format!("{user}{}", words.join(" "));
        [vec!["daemon-reload"], enable].map(line).to_vec()
    }

    /// The command that shows how they are.
    pub(super) fn then(&self) -> String {
        let names: Vec<&str> = self.units.iter().map(|unit| unit.name.as_str()).collect();
        format!("systemctl status {}", names.join(" "))
    }
}

/// Gives a command, whose words have no blanks.
pub(super) fn give(line: &str) -> Result<(), Failure> {
    let mut words = line.split(' ');
    let mut command = Command::new(words.next().unwrap_or_default());
    match command.args(words).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Failure::not_done(format!("{line}: {status}"))),
        Err(error) => Err(Failure::not_done(format!("{line}: {error}"))),
    }
}

/// A whole file, or none: systemd may read at any time.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&beside)?;
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all())?;
    fs::rename(&beside, path)
}
