//! What is wrong with a socket or a file that the user named.

use std::io;
use std::path::Path;

use super::{Error, Inner, Kind};
use crate::limits::LOCK_PATIENCE;

impl Error {
    /// The control socket cannot be opened by the master.
    pub(crate) fn control(path: &Path, source: io::Error) -> Self {
        let path = path.display();
        let (kind, mend) = match source.kind() {
            io::ErrorKind::AddrInUse => (Kind::AddressInUse, "stop it, or choose another path"),
            io::ErrorKind::NotFound => (Kind::Config, "its folder must be there before the start"),
            io::ErrorKind::PermissionDenied => {
                (Kind::Permission, "choose a folder that this user may write to, as below /run")
            }
            io::ErrorKind::AlreadyExists => (Kind::Config, "choose another path"),
            _ => (Kind::System, "choose a short path in a folder that this user may write to"),
        };
        let text = format!("cannot open the control socket {path}: {source}; {mend}");
        Self(Box::new(Inner { kind, text, source: Some(source.into()) }))
    }

    /// Another master has the name.
    pub(crate) fn name_in_use(name: &str, pid: u32, program: &Path) -> Self {
        let program = program.display();
        let text = format!(
            "an application named {name} runs already: process {pid} ({program}); stop it (evenkeel stop \
             {name}), or choose another name"
        );
        Self::new(Kind::AddressInUse, text)
    }

    /// Another process has had the lock all the time.
    pub(crate) fn locked(path: &Path) -> Self {
        let path = path.display();
        let text = format!(
            "{path} is locked by another process for more than {} s, and only this user and root can do \
             that: one of theirs stands still; `lslocks` shows it, end it and try again",
            LOCK_PATIENCE.as_secs()
        );
        Self::new(Kind::System, text)
    }

    /// The lock cannot be had at all.
    pub(crate) fn lock(path: &Path, source: io::Error) -> Self {
        let path = path.display();
        let text = format!(
            "cannot lock {path}: {source}; it must be a file of this user in a folder that it may write \
             to: remove what is there"
        );
        Self(Box::new(Inner { kind: Kind::System, text, source: Some(source.into()) }))
    }

    /// The access log cannot be written.
    pub(crate) fn access_log(path: &Path, source: io::Error) -> Self {
        let path = path.display();
        let (kind, mend) = match source.kind() {
            io::ErrorKind::NotFound => (Kind::Config, "its folder must be there before the start"),
            io::ErrorKind::IsADirectory => (Kind::Config, "name a file in it"),
            io::ErrorKind::PermissionDenied => {
                (Kind::Permission, "choose a file that the user of the workers may write to")
            }
            _ => (Kind::System, "choose another file"),
        };
        let text = format!("cannot write the access log {path}: {source}; {mend}");
        Self(Box::new(Inner { kind, text, source: Some(source.into()) }))
    }

    /// The output of workers cannot be written, or not moved away.
    pub(crate) fn output(path: &Path, source: io::Error) -> Self {
        let path = path.display();
        let (kind, mend) = match source.kind() {
            io::ErrorKind::NotFound => (Kind::Config, "its folder must be there before the start"),
            io::ErrorKind::IsADirectory => (Kind::Config, "name a file in it"),
            io::ErrorKind::Other => (
                Kind::Config,
                "for anything else, start the program with its standard output and error there",
            ),
            io::ErrorKind::PermissionDenied => {
                (Kind::Permission, "choose a file in a folder that this user may write to")
            }
            _ => (Kind::System, "choose another file"),
        };
        let text = format!("cannot write the output of workers to {path}: {source}; {mend}");
        Self(Box::new(Inner { kind, text, source: Some(source.into()) }))
    }
}
