//! The programs, but for nginx.

use std::fs::File;
use std::io::{ErrorKind, Read, Seek};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};

use super::Started;

pub(super) fn demo(workers: u16, flags: &[String]) -> Result<Option<Started>> {
    let mut command = Command::new(demo_path()?);
    command.args(["--port", "0", "--min-uptime", "0", "--workers", &workers.to_string()]);
    command.args(flags).env("RUST_LOG", "error");
    spawn(command, None)
}

pub(super) fn node(workers: u16, policy: &str) -> Result<Option<Started>> {
    let mut command = Command::new("node");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/peers/cluster.js");
    command.args([script, &workers.to_string(), policy]);
    spawn(command, None)
}

pub(super) fn bare(workers: u16) -> Result<Option<Started>> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bare", "--workers", &workers.to_string()]);
    spawn(command, None)
}

/// `None` if the program is not installed.
pub(super) fn spawn(mut command: Command, port: Option<u16>) -> Result<Option<Started>> {
    // Nobody reads it while the server runs, which would fill a pipe.
    let errors = tempfile::tempfile()
        .context("there is no place for a server's errors: choose a TMPDIR that can be written")?;
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(errors.try_clone()?);
    match command.spawn() {
        Ok(master) => Ok(Some(Started { master, port, folder: None, errors })),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).with_context(|| format!("cannot start {command:?}")),
    }
}

/// The last line that a server wrote on stderr.
pub(super) fn last_words(mut errors: File) -> Result<String> {
    let mut text = String::new();
    errors.rewind()?;
    errors.read_to_string(&mut text)?;
    let last = text.lines().last().unwrap_or("it does not say why");
    Ok(last.strip_prefix("error: ").unwrap_or(last).to_owned())
}

/// What the program says to this flag, on either output.
pub(super) fn said(program: &str, flag: &str) -> Option<String> {
    let output = Command::new(program).arg(flag).output().ok()?;
    Some(String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
}

/// The demo, built beside this program with the same profile.
fn demo_path() -> Result<PathBuf> {
    let bench = std::env::current_exe()?;
    let demo = bench.with_file_name("demo-app");
    let built = demo.exists();
    ensure!(built, "{} is missing: cargo build --release -p demo-app", demo.display());
    Ok(demo)
}
