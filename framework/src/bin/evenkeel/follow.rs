//! The last lines of files, and those that come, over rotations.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Octets that are read at a time.
const PART_BYTES: usize = 64 * 1024;

/// How often files are looked at: a person who watches does not notice, and an idle look costs microseconds.
const INTERVAL: Duration = Duration::from_millis(200);

/// Octets of one line; a longer one is shown in pieces.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// How lines are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are; of several files each begins with the name of its file, as in `worker 0 | `.
    Text,
    /// An object each: `name`, and `line`, which is an object itself if the line is one of JSON.
    Json,
}

/// Prints the last `lines` lines of each of these files, and, if asked to, all that come, for ever: the
/// first name of a pair is whose lines they are. A file that is moved or removed is read to its end, and
/// then the one that comes to its path; one that is not there yet is waited for.
///
/// # Errors
/// `out` takes no more (`BrokenPipe` when its reader is gone), a file cannot be read, or, without
/// `follow`, none of them is there.
pub(crate) fn follow(
    files: &[(String, PathBuf)],
    lines: usize,
    follow: bool,
    form: Form,
    out: &mut impl Write,
) -> io::Result<()> {
    let alone = files.len() < 2;
    let show = Show { form, alone, width: width(files) };
    let mut tails = Vec::new();
    for (name, path) in files {
        tails.push(Tail::new(name, path, lines)?);
    }
    if !follow && tails.iter().all(|tail| tail.file.is_none()) {
        return Err(io::Error::new(io::ErrorKind::NotFound, "none of the files is there"));
    }
    loop {
        for tail in &mut tails {
            tail.pass_on(&show, out)?;
        }
        out.flush()?;
        if !follow {
            return tails.iter_mut().try_for_each(|tail| tail.pass_on_rest(&show, out));
        }
        std::thread::sleep(INTERVAL);
    }
}

fn width(files: &[(String, PathBuf)]) -> usize {
    files.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default()
}

/// How a line is written.
struct Show {
    form: Form,
    alone: bool,
    width: usize,
}

impl Show {
    fn line(&self, name: &str, line: &[u8], out: &mut impl Write) -> io::Result<()> {
        match self.form {
            Form::Json => {
                let text = String::from_utf8_lossy(line);
                let object = serde_json::from_str::<serde_json::Value>(&text);
                let line = object.ok().filter(serde_json::Value::is_object);
                let line = line.unwrap_or_else(|| text.into_owned().into());
                writeln!(out, "{}", serde_json::json!({ "name": name, "line": line }))
            }
            Form::Text => {
                if !self.alone {
                    write!(out, "{name:width$} | ", width = self.width)?;
                }
                out.write_all(line)?;
                out.write_all(b"\n")
            }
        }
    }
}

/// One file that is read.
struct Tail {
    name: String,
    path: PathBuf,
    file: Option<File>,
    /// How far it was read.
    at: u64,
    /// The beginning of a line.
    begun: Vec<u8>,
}

impl Tail {
    fn new(name: &str, path: &Path, lines: usize) -> io::Result<Self> {
        let mut file = open(path)?;
        let at = file.as_mut().map(|file| start_of_last(file, lines)).transpose()?.unwrap_or(0);
        Ok(Self { name: name.to_owned(), path: path.to_owned(), file, at, begun: Vec::new() })
    }

    /// What has come, also to the file that comes after this one.
    fn pass_on(&mut self, show: &Show, out: &mut impl Write) -> io::Result<()> {
        let next = if self.is_current()? { None } else { open(&self.path)? };
        self.read_on(show, out)?;
        // Somebody may still write to the old one for a moment; what comes there later is not seen.
        if let Some(next) = next {
            self.pass_on_rest(show, out)?;
            (self.file, self.at) = (Some(next), 0);
            self.read_on(show, out)?;
        }
        Ok(())
    }

    /// The end of a line is not to come.
    fn pass_on_rest(&mut self, show: &Show, out: &mut impl Write) -> io::Result<()> {
        let begun = std::mem::take(&mut self.begun);
        if begun.is_empty() { Ok(()) } else { show.line(&self.name, &begun, out) }
    }

    fn is_current(&self) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let open = file.metadata()?;
        let found = fs::metadata(&self.path);
        Ok(found.is_ok_and(|it| (it.dev(), it.ino()) == (open.dev(), open.ino())))
    }

    fn read_on(&mut self, show: &Show, out: &mut impl Write) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        if file.metadata()?.len() < self.at {
            // It was cut off, and is written anew.
            (self.at, self.begun) = (0, Vec::new());
        }
        file.seek(SeekFrom::Start(self.at))?;
        let mut part = vec![0; PART_BYTES];
        loop {
            let count = file.read(&mut part)?;
            if count == 0 {
                return Ok(());
            }
            self.at += count as u64;
            for piece in part[..count].split_inclusive(|octet| *octet == b'\n') {
                self.begun.extend_from_slice(piece);
                let ended = self.begun.pop_if(|octet| *octet == b'\n').is_some();
                if ended || self.begun.len() >= LINE_BYTES_MAX {
                    show.line(&self.name, &self.begun, out)?;
                    self.begun.clear();
                }
            }
        }
    }
}

/// `None`: there is no such file.
fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(io::Error::new(error.kind(), format!("{}: {error}", path.display()))),
    }
}

/// Where the last lines begin, found from the end on.
fn start_of_last(file: &mut File, lines: usize) -> io::Result<u64> {
    let end = file.metadata()?.len();
    if lines == 0 {
        return Ok(end);
    }
    let (mut start, mut found) = (end, 0);
    let mut part = Vec::new();
    while start > 0 {
        let from = start.saturating_sub(PART_BYTES as u64);
        part.clear();
        file.seek(SeekFrom::Start(from))?;
        (&*file).take(start - from).read_to_end(&mut part)?;
        for (at, _) in part.iter().enumerate().rev().filter(|(_, octet)| **octet == b'\n') {
            let after = from + at as u64 + 1;
            // The last one ends the last line, and begins none.
            found += usize::from(after < end);
            if found == lines {
                return Ok(after);
            }
        }
        start = from;
    }
    Ok(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn files(folder: &Path, names: &[&str]) -> Vec<(String, PathBuf)> {
        names.iter().map(|name| ((*name).to_owned(), folder.join(name))).collect()
    }

    fn shown(files: &[(String, PathBuf)], lines: usize, form: Form) -> String {
        let mut out = Vec::new();
        follow(files, lines, false, form, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_last_lines_are_found_from_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), &["log"]);
        let long = "x".repeat(100_000);
        fs::write(&files[0].1, format!("a\nb\n{long}\nc\nno end")).unwrap();
        assert_eq!(shown(&files, 1, Form::Text), "no end\n");
        assert_eq!(shown(&files, 2, Form::Text), "c\nno end\n");
        assert_eq!(shown(&files, 3, Form::Text), format!("{long}\nc\nno end\n"));
        assert_eq!(shown(&files, 99, Form::Text), format!("a\nb\n{long}\nc\nno end\n"));
        assert_eq!(shown(&files, 0, Form::Text), "");
        fs::write(&files[0].1, "a\nb\n").unwrap();
        assert_eq!(shown(&files, 1, Form::Text), "b\n");
        assert_eq!(shown(&files, 2, Form::Text), "a\nb\n");
        fs::write(&files[0].1, "").unwrap();
        assert_eq!(shown(&files, 5, Form::Text), "");
    }

    #[test]
    fn lines_of_several_files_say_whose_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let files = files(folder.path(), &["0", "10", "gone"]);
        fs::write(&files[0].1, "a\n{\"b\":1}\n").unwrap();
        fs::write(&files[1].1, b"c \xff\n").unwrap();
        assert_eq!(shown(&files[..1], 9, Form::Text), "a\n{\"b\":1}\n");
        let json = shown(&files, 9, Form::Json);
        let lines: Vec<&str> = json.lines().collect();
        assert_eq!(lines[0], r#"{"line":"a","name":"0"}"#);
        assert_eq!(lines[1], r#"{"line":{"b":1},"name":"0"}"#);
        assert_eq!(lines[2], "{\"line\":\"c \u{fffd}\",\"name\":\"10\"}");
        fs::write(&files[1].1, "c\n").unwrap();
        let text = shown(&files, 9, Form::Text);
        assert_eq!(text, "0    | a\n0    | {\"b\":1}\n10   | c\n");
        let mut out = Vec::new();
        assert!(follow(&files[2..], 9, false, Form::Text, &mut out).is_err());
    }

    /// One look after the other, without the time between them.
    #[test]
    fn it_goes_on_over_rotations_and_when_a_file_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let show = Show { form: Form::Text, alone: true, width: 0 };
        let mut tail = Tail::new("log", &path, 9).unwrap();
        let mut look = |what: &dyn Fn()| {
            what();
            let mut out = Vec::new();
            tail.pass_on(&show, &mut out).unwrap();
            String::from_utf8(out).unwrap()
        };
        let append = |path: &Path, text: &str| {
            let mut file = File::options().append(true).create(true).open(path).unwrap();
            file.write_all(text.as_bytes()).unwrap();
        };
        let moved = folder.path().join("log.1");
        assert_eq!(look(&|| {}), "");
        assert_eq!(look(&|| append(&path, "a\nb")), "a\n");
        assert_eq!(look(&|| append(&path, "c\n")), "bc\n");
        let rotate = || {
            append(&path, "d\n");
            fs::rename(&path, &moved).unwrap();
            append(&moved, "e\n");
            append(&path, "f\n");
        };
        assert_eq!(look(&rotate), "d\ne\nf\n");
        assert_eq!(look(&|| fs::remove_file(&path).unwrap()), "");
        assert_eq!(look(&|| append(&path, "g\n")), "g\n");
        assert_eq!(look(&|| fs::write(&path, "").unwrap()), "");
        assert_eq!(look(&|| append(&path, "h\n")), "h\n");
        assert_eq!(look(&|| {}), "");
    }
}
