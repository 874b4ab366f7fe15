//! What is wrong with a socket or a file that the user named.

use std::io;
use std::path::Path;

use super::{Error, Inner, Kind};

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
