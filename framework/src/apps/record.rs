//! What a master says of itself.

use std::env::args_os;
use std::fs;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::name::Name;
use super::process;

/// What a master says of itself in `app.json`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Record {
    /// Its name.
    pub name: String,
    /// The master's process id.
    pub pid: u32,
    /// When that process began, in clock ticks since the start of the machine: with the id it names one
    /// process for all time.
    pub started: u64,
    /// The program that runs.
    pub program: PathBuf,
    /// With which arguments.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Where.
    #[serde(default)]
    pub directory: PathBuf,
    /// At which addresses it accepts connections, the primary one first.
    #[serde(default)]
    pub addresses: Vec<String>,
    /// How connections come to workers, in the words of the policies.
    #[serde(default)]
    pub policy: String,
    /// Its control socket.
    #[serde(default)]
    pub control: PathBuf,
    /// The file with its settings, if there is one.
    #[serde(default)]
    pub config: Option<PathBuf>,
    /// Files that it writes: its standard output and error, if they are files.
    #[serde(default)]
    pub logs: Vec<PathBuf>,
    /// Where the output of workers is, if it has files.
    #[serde(default)]
    pub outputs: Vec<OutputFile>,
    /// It runs a program that does not link evenkeel: its workers count nothing.
    #[serde(default)]
    pub foreign: bool,
}

/// A file that keeps what workers write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputFile {
    /// Whose it is: `all`, `worker 0` or `dispatcher`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

impl OutputFile {
    pub(crate) fn new(name: String, path: PathBuf) -> Self {
        Self { name, path }
    }
}

impl Record {
    /// Of this process.
    pub(crate) fn own(name: &Name) -> Self {
        let pid = std::process::id();
        Self {
            name: name.to_string(),
            pid,
            started: process::started(pid).unwrap_or_default(),
            program: std::env::current_exe().unwrap_or_default(),
            arguments: args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect(),
            directory: std::env::current_dir().unwrap_or_default(),
            logs: logs(),
            ..Self::default()
        }
    }

    /// The process lives.
    pub fn is_alive(&self) -> bool {
        process::started(self.pid) == Some(self.started)
    }
}

/// The files behind standard output and error.
fn logs() -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = Vec::new();
    for number in [1, 2] {
        let Ok(path) = fs::read_link(format!("/proc/self/fd/{number}")) else { continue };
        let kind = fs::metadata(&path).map(|found| found.file_type());
        let plain = kind.is_ok_and(|kind| kind.is_file());
        if plain && !found.contains(&path) {
            found.push(path);
        }
    }
    found
}
