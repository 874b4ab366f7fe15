//! The units as files: printed, or written where systemd finds them.
#![allow(clippy::print_stdout, reason = "this is the program's output")]

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Refusal, Wanted, unit};

/// Units, each with the name of its file.
pub(super) struct Files {
    name: String,
    user: bool,
    units: Vec<(String, String)>,
}

/// Where units of the machine's own are (systemd.unit(5)).
const SYSTEM_FOLDER: &str = "/etc/systemd/system";

impl Files {
    pub(super) fn of(wanted: &Wanted) -> Result<Self, Refusal> {
        let program = super::Program::find(&wanted.command)?;
        let name = wanted.unit_name(&program)?;
        let service = unit::service(wanted, &program, &name)?;
        let mut units = vec![(format!("{name}.service"), service)];
        if !wanted.socket.is_empty() {
            units.push((format!("{name}.socket"), unit::socket(wanted, &name)));
        }
        Ok(Self { name, user: wanted.user, units })
    }

    pub(super) fn print(&self) {
        for (at, (name, text)) in self.units.iter().enumerate() {
            let gap = if at > 0 { "\n" } else { "" };
            print!("{gap}# {name}\n{text}");
        }
    }

    /// Writes all of them or, if one is there already and is not to be replaced, none.
    pub(super) fn install(&self, folder: Option<&Path>, force: bool) -> Result<(), Refusal> {
        let folder = folder.map_or_else(|| self.folder(), |folder| Ok(folder.to_owned()))?;
        let paths: Vec<PathBuf> = self.units.iter().map(|(name, _)| folder.join(name)).collect();
        if let Some(path) = paths.iter().find(|path| !force && path.exists()) {
            let path = path.display();
            return Err(Refusal::not_done(format!(
                "{path} is there already: choose another --name, or replace it with --force"
            )));
        }
        for (path, (_, text)) in paths.iter().zip(&self.units) {
            write(path, text).map_err(|error| {
                let mend = match error.kind() {
                    io::ErrorKind::PermissionDenied => "; run it as root, or choose --user",
                    io::ErrorKind::NotFound => "; its folder must be there before",
                    _ => "",
                };
                Refusal::not_done(format!("cannot write {}: {error}{mend}", path.display()))
            })?;
            println!("wrote {}", path.display());
        }
        Ok(())
    }

    fn folder(&self) -> Result<PathBuf, Refusal> {
        if !self.user {
            return Ok(SYSTEM_FOLDER.into());
        }
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let home = || set("HOME").map(|home| Path::new(&home).join(".config"));
        let config = set("XDG_CONFIG_HOME").map(PathBuf::from).or_else(home).ok_or_else(|| {
            Refusal::settings("the user has no home: set HOME, or name a folder with --dir".into())
        })?;
        let folder = config.join("systemd/user");
        fs::create_dir_all(&folder).map_err(|error| {
            Refusal::not_done(format!("cannot make {}: {error}", folder.display()))
        })?;
        Ok(folder)
    }

    /// Says the commands that have systemd take the units, or gives them.
    pub(super) fn say_what_is_next(&self, now: bool) -> Result<(), Refusal> {
        let units = self.units.iter().rev().map(|(name, _)| name.as_str());
        let enable = ["enable", "--now"].into_iter().chain(units).collect();
        for words in [vec!["daemon-reload"], enable] {
            let user = self.user.then_some("--user");
            let words: Vec<&str> = user.into_iter().chain(words).collect();
            let line = format!("systemctl {}", words.join(" "));
            if !now {
                println!("next: {line}");
                continue;
            }
            let status = Command::new("systemctl").args(&words).status();
            match status {
                Ok(status) if status.success() => println!("done: {line}"),
                Ok(status) => return Err(Refusal::not_done(format!("{line}: {status}"))),
                Err(error) => return Err(Refusal::not_done(format!("{line}: {error}"))),
            }
        }
        if !now {
            println!("then: systemctl status {}", self.name);
        }
        Ok(())
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
