//! What applications wrote.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use evenkeel::apps::{Name, apps, find};

use crate::cli::Cli;
use crate::follow::{self, Form};
use crate::outcome::{Failure, NOT_DONE, USAGE};
use crate::saved;

/// So much of a file is read at most, to find its last lines.
const TAIL_BYTES_MAX: u64 = 4 << 20;

/// `evenkeel logs`.
pub(crate) fn logs(cli: &Cli, names: &[String], lines: usize, follow: bool) -> Result<u8, Failure> {
    let files = paths(names)?;
    let form = if cli.json { Form::Json } else { Form::Text };
    match follow::follow(&files, lines, follow, form, &mut io::stdout().lock()) {
        Ok(()) => Ok(0),
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::new(NOT_DONE, format!("cannot read the logs: {error}"))),
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
