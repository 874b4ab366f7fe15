//! A program on disk that is replaced while it runs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use evenkeel::control::{Command, Reply};
use tempfile::TempDir;

use super::app::{App, demo_path};
use super::process::Process;

const PROGRAM: &str = "program";

/// A program that a deploy replaces while it runs. It is in the folder of its control socket.
pub(crate) struct Deployed {
    pub(crate) app: App,
}

/// Copies a program, in a process of its own: a descriptor that is open for writing here is inherited by
/// whatever another test forks meanwhile, and as long as there is one the kernel does not run the file.
pub(crate) fn install(from: &Path, to: &Path) {
    let status = Program::new("install").args(["-m", "755"]).arg(from).arg(to).status();
    assert!(status.unwrap().success(), "{}", to.display());
}

/// A new file takes the place of a program, as an installer does it.
pub(crate) fn replace(program: &Path, content: &[u8]) {
    let (bytes, new) = (program.with_extension("bytes"), program.with_extension("new"));
    fs::write(&bytes, content).unwrap();
    install(&bytes, &new);
    fs::rename(new, program).unwrap();
}

impl Deployed {
    /// The fixture, in the mode that its first argument names.
    pub(crate) fn fixture(mode: &str) -> Self {
        let (folder, mut program) = copied(Path::new(env!("CARGO_BIN_EXE_fixture")));
        let control = folder.path().join("control");
        Self { app: App::in_folder(folder, program.arg(mode).arg(control)) }
    }

    pub(crate) fn demo(arguments: &[&str]) -> Self {
        Self::with_flags(&demo_path(), arguments)
    }

    /// A program with the demo's flags.
    pub(crate) fn with_flags(path: &Path, arguments: &[&str]) -> Self {
        let (folder, mut program) = copied(path);
        Self { app: App::controlled_in(folder, program.args(arguments).args(["--port", "0"])) }
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.app.control().with_file_name(PROGRAM)
    }

    /// A new file takes the place of the program, as an installer does it.
    pub(crate) fn deploy(&self, content: &[u8]) {
        replace(&self.program(), content);
    }

    /// The program behaves like this from now on, when it is started.
    pub(crate) fn mode(&self, mode: &str) {
        fs::write(self.program().with_extension("mode"), mode).unwrap();
    }

    pub(crate) fn command(&self, command: Command) -> Reply {
        self.app.command(command)
    }

    pub(crate) fn upgrade(&self) -> Reply {
        self.command(Command::Upgrade {})
    }

    /// The file that a process runs.
    pub(crate) fn running(process: Process) -> u64 {
        fs::metadata(format!("/proc/{}/exe", process.pid)).unwrap().ino()
    }
}

/// The program in a folder of its own.
fn copied(program: &Path) -> (TempDir, Program) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(PROGRAM);
    install(program, &path);
    (folder, Program::new(path))
}
