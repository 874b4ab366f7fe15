//! A program on disk that is replaced while it runs.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command as Program;

use evenkeel::control::{Command, Reply};
use tempfile::TempDir;

use super::app::{App, ask, demo_path};
use super::process::Process;

/// A program that a deploy replaces while it runs.
pub(crate) struct Deployed {
    pub(crate) app: App,
    folder: TempDir,
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
        let folder = tempfile::tempdir().unwrap();
        install(Path::new(env!("CARGO_BIN_EXE_fixture")), &folder.path().join("program"));
        let mut program = Program::new(folder.path().join("program"));
        let app = App::start(program.arg(mode).arg(folder.path().join("control"))).listening();
        Self { app, folder }
    }

    pub(crate) fn demo(arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        install(&demo_path(), &folder.path().join("program"));
        let mut program = Program::new(folder.path().join("program"));
        program.args(arguments).args(["--port", "0", "--control"]);
        let app = App::start(program.arg(folder.path().join("control"))).listening();
        Self { app, folder }
    }

    pub(crate) fn program(&self) -> PathBuf {
        self.folder.path().join("program")
    }

    /// A new file takes the place of the program, as an installer does it.
    pub(crate) fn deploy(&self, content: &[u8]) {
        replace(&self.program(), content);
    }

    /// The program behaves like this from now on, when it is started.
    pub(crate) fn mode(&self, mode: &str) {
        fs::write(self.folder.path().join("program.mode"), mode).unwrap();
    }

    pub(crate) fn command(&self, command: Command) -> Reply {
        self.app.children();
        ask(&self.folder.path().join("control"), command)
    }

    pub(crate) fn upgrade(&self) -> Reply {
        self.command(Command::Upgrade {})
    }

    /// The file that a process runs.
    pub(crate) fn running(process: Process) -> u64 {
        fs::metadata(format!("/proc/{}/exe", process.pid)).unwrap().ino()
    }
}
