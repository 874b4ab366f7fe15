//! A program that another user runs.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command as Program;

use evenkeel::control::{Command, Reply, Status};
use tempfile::TempDir;

use super::app::{ask, demo_path};

/// A user and a group that own nothing.
const NOBODY: &str = "65534";

/// A copy of the demo that another user may run.
pub(crate) struct Installed {
    folder: TempDir,
}

impl Installed {
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("program");
        fs::copy(demo_path(), &program).unwrap();
        for path in [&program, &folder.path().to_path_buf()] {
            fs::set_permissions(path, fs::Permissions::from_mode(0o777)).unwrap();
        }
        Self { folder }
    }

    /// As a user without any privilege but those that `how` of setpriv(1) grants.
    pub(crate) fn as_nobody(&self, how: &[&str], arguments: &[&str]) -> Program {
        self.as_nobody_on("0", how, arguments)
    }

    pub(crate) fn as_nobody_on(&self, port: &str, how: &[&str], arguments: &[&str]) -> Program {
        let mut command = Program::new("setpriv");
        command.args(["--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"]).args(how);
        command.arg(self.folder.path().join("program")).args(arguments);
        command.args(["--port", port, "--control"]).arg(self.folder.path().join("control"));
        command
    }

    /// `false` where there is nothing to do it with.
    pub(crate) fn set_capability(&self) -> bool {
        let program = self.folder.path().join("program");
        let set = Program::new("setcap").arg("cap_bpf=ep").arg(program).status();
        set.is_ok_and(|status| status.success())
    }

    pub(crate) fn command(&self, command: Command) -> Reply {
        ask(&self.folder.path().join("control"), command)
    }

    pub(crate) fn status(&self) -> Status {
        self.command(Command::Status {}).status.unwrap()
    }
}
