//! What applications wrote.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use evenkeel::apps::{Name, apps, find};
use serde_json::json;

use crate::cli::Cli;
use crate::outcome::{Failure, NOT_DONE, USAGE};
use crate::{print, saved};

/// How soon new lines are seen.
const LOOK: Duration = Duration::from_millis(100);
/// So much of a file is read at most, to find its last lines.
const TAIL_BYTES_MAX: u64 = 4 << 20;

/// A log that is followed.
struct Followed {
    app: String,
    path: PathBuf,
    file: Option<File>,
    at: u64,
    /// The beginning of a line.
    rest: Vec<u8>,
}

/// `evenkeel logs`.
pub(crate) fn logs(cli: &Cli, names: &[String], lines: usize, follow: bool) -> Result<u8, Failure> {
    let logs = paths(names)?;
    let several = logs.len() > 1;
    let mut followed = Vec::new();
    for (app, path) in logs {
        let found = last_lines(&path, lines, 0);
        let missing = found.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound);
        if !(missing && follow) {
            let failed =
                |error| Failure::new(NOT_DONE, format!("cannot read {}: {error}", path.display()));
            found.map_err(failed)?.iter().for_each(|line| show(cli, several, &app, line));
        }
        let file = File::open(&path).ok();
        let at = file.as_ref().and_then(|file| file.metadata().ok()).map_or(0, |found| found.len());
        followed.push(Followed { app, path, file, at, rest: Vec::new() });
    }
    if !follow {
        return Ok(0);
    }
    loop {
        for log in &mut followed {
            log.read(|app, line| show(cli, several, app, line))?;
        }
        std::thread::sleep(LOOK);
    }
}

fn show(cli: &Cli, several: bool, app: &str, line: &str) {
    if cli.json {
        print::json(&json!({ "app": app, "line": line }));
    } else if several {
        print::line(format!("{app} | {line}"));
    } else {
        print::line(line);
    }
}

/// The logs of the applications that are named, or of all that there are.
fn paths(names: &[String]) -> Result<Vec<(String, PathBuf)>, Failure> {
    let all = || -> Result<Vec<String>, Failure> {
        let running = apps()?.into_iter().map(|app| app.record.name);
        let mut names: Vec<String> = running.chain(saved::load()?.app.into_keys()).collect();
        names.sort();
        names.dedup();
        Ok(names)
    };
    let every = names.is_empty() || names.iter().any(|name| name == "all");
    let names = if every { all()? } else { names.to_vec() };
    let mut found = Vec::new();
    for name in names {
        let valid: Name = name.parse()?;
        let own = find(&valid)?.map(|app| app.record.logs).unwrap_or_default();
        let saved = saved::log_path(valid.as_str());
        if own.is_empty() && !saved.exists() && !every {
            let text = format!(
                "no log of {name} is known: it was not started by `evenkeel start`, and writes to no file"
            );
            return Err(Failure::new(NOT_DONE, text));
        }
        let paths = if own.is_empty() && saved.exists() { vec![saved] } else { own };
        found.extend(paths.into_iter().map(|path| (name.clone(), path)));
    }
    if found.is_empty() {
        return Err(Failure::new(USAGE, "no application writes a log that is known here"));
    }
    Ok(found)
}

/// The last lines of what stands in a file after `from`.
pub(crate) fn last_lines(path: &Path, count: usize, from: u64) -> io::Result<Vec<String>> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let start = from.min(length).max(length.saturating_sub(TAIL_BYTES_MAX));
    file.seek(SeekFrom::Start(start))?;
    let mut bytes = Vec::new();
    file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    Ok(lines[lines.len().saturating_sub(count)..].to_vec())
}

impl Followed {
    /// Takes what was written since. A file that was moved away is read to its end, and then the new one.
    fn read(&mut self, mut show: impl FnMut(&str, &str)) -> io::Result<()> {
        if let Some(file) = &mut self.file {
            if file.metadata()?.len() < self.at {
                self.at = 0;
            }
            file.seek(SeekFrom::Start(self.at))?;
            let mut bytes = Vec::new();
            let count = file.take(TAIL_BYTES_MAX).read_to_end(&mut bytes)?;
            self.at += u64::try_from(count).unwrap_or(0);
            self.rest.extend(bytes);
            while let Some(end) = self.rest.iter().position(|octet| *octet == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                show(&self.app, String::from_utf8_lossy(&line).trim_end_matches('\n'));
            }
        }
        let identity = |found: std::fs::Metadata| (found.dev(), found.ino());
        let here = std::fs::metadata(&self.path).ok().map(identity);
        let own = self.file.as_ref().and_then(|file| file.metadata().ok()).map(identity);
        if here.is_some() && here != own {
            self.file = File::open(&self.path).ok();
            self.at = 0;
        }
        Ok(())
    }
}
