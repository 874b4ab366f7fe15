//! One file of lines that is read as it grows, over rotations.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use evenkeel::apps::Owner;
use nix::libc;

/// Octets that are read at a time.
const PART_BYTES: usize = 64 * 1024;

/// Octets of one line; a longer one is shown in pieces.
const LINE_BYTES_MAX: usize = 1024 * 1024;

/// Takes one line, without its end.
type Line<'a> = &'a mut dyn FnMut(&[u8]) -> io::Result<()>;

/// A file at a path, which may be moved, cut off, or not there yet.
pub(crate) struct Tail {
    path: PathBuf,
    /// Who named it, unless that is this program.
    owner: Option<Owner>,
    file: Option<File>,
    /// How far it was read.
    at: u64,
    /// The beginning of a line.
    begun: Vec<u8>,
}

/// The last lines of what stands in a file after `from` octets; of all of it, if it was cut off or replaced.
///
/// # Errors
/// The file cannot be read.
pub(crate) fn last_lines(path: &Path, count: usize, from: u64) -> io::Result<Vec<String>> {
    let mut tail = Tail::new(path, None, count)?;
    let length =
        tail.file.as_ref().map_or(Ok(0), |file| file.metadata().map(|found| found.len()))?;
    if from <= length {
        tail.at = tail.at.max(from);
    }
    let mut lines = Vec::new();
    let mut take = |line: &[u8]| {
        lines.push(String::from_utf8_lossy(line).into_owned());
        Ok(())
    };
    tail.read_on(&mut take)?;
    tail.read_rest(&mut take)?;
    Ok(lines)
}

impl Tail {
    /// From the last `lines` lines on.
    pub(crate) fn new(path: &Path, owner: Option<Owner>, lines: usize) -> io::Result<Self> {
        let mut file = open(path, owner)?;
        let at = file.as_mut().map(|file| start_of_last(file, lines)).transpose()?.unwrap_or(0);
        Ok(Self { path: path.to_owned(), owner, file, at, begun: Vec::new() })
    }

    /// All of it, also what is not there yet.
    pub(crate) fn whole(path: &Path, owner: Option<Owner>) -> io::Result<Self> {
        let file = open(path, owner)?;
        Ok(Self { path: path.to_owned(), owner, file, at: 0, begun: Vec::new() })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// There is, or was, such a file.
    pub(crate) fn is_there(&self) -> bool {
        self.file.is_some()
    }

    /// What has come, also to the file that comes after this one.
    pub(crate) fn read(&mut self, take: Line<'_>) -> io::Result<()> {
        let next = if self.is_current()? { None } else { open(&self.path, self.owner)? };
        self.read_on(take)?;
        // Somebody may still write to the old one for a moment; what comes there later is not seen.
        if let Some(next) = next {
            self.read_rest(take)?;
            (self.file, self.at) = (Some(next), 0);
            self.read_on(take)?;
        }
        Ok(())
    }

    /// The end of a line is not to come.
    pub(crate) fn read_rest(&mut self, take: Line<'_>) -> io::Result<()> {
        let begun = std::mem::take(&mut self.begun);
        if begun.is_empty() { Ok(()) } else { take(&begun) }
    }

    fn is_current(&self) -> io::Result<bool> {
        let Some(file) = &self.file else { return Ok(false) };
        let open = file.metadata()?;
        let found = fs::metadata(&self.path);
        Ok(found.is_ok_and(|it| (it.dev(), it.ino()) == (open.dev(), open.ino())))
    }

    fn read_on(&mut self, take: Line<'_>) -> io::Result<()> {
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
                    take(&self.begun)?;
                    self.begun.clear();
                }
            }
        }
    }
}

/// `None`: there is no such file; or it is not one of who named it, who could have any file shown.
fn open(path: &Path, owner: Option<Owner>) -> io::Result<Option<File>> {
    let opened = owner.map_or_else(|| File::open(path), |owner| owner.open(path));
    match opened {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        // The kernel's own refusal has a number.
        Err(error)
            if owner.is_some() && error.raw_os_error().is_none_or(|it| it == libc::ELOOP) =>
        {
            Ok(None)
        }
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
    use std::io::Write;

    use super::*;

    #[test]
    fn the_last_lines_are_found_from_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let last = |count: usize, from: u64| last_lines(&path, count, from).unwrap().join("|");
        assert_eq!(last(5, 0), "", "it is not there");
        let long = "x".repeat(100_000);
        fs::write(&path, format!("a\nb\n{long}\nc\nno end")).unwrap();
        assert_eq!(last(1, 0), "no end");
        assert_eq!(last(2, 0), "c|no end");
        assert_eq!(last(3, 0), format!("{long}|c|no end"));
        assert_eq!(last(99, 0), format!("a|b|{long}|c|no end"));
        assert_eq!(last(0, 0), "");
        fs::write(&path, "a\nb\n").unwrap();
        assert_eq!((last(1, 0), last(2, 0)), ("b".into(), "a|b".into()));
        // What stood there before is not meant; a file that is shorter is another one.
        assert_eq!((last(9, 2), last(9, 4), last(9, 5)), ("b".into(), String::new(), "a|b".into()));
        fs::write(&path, "").unwrap();
        assert_eq!(last(5, 0), "");
    }

    /// One look after the other, without the time between them.
    #[test]
    fn it_goes_on_over_rotations_and_when_a_file_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let mut tail = Tail::new(&path, None, 9).unwrap();
        let mut look = |what: &dyn Fn()| {
            what();
            let mut text = String::new();
            let mut take = |line: &[u8]| {
                text += &String::from_utf8_lossy(line);
                text.push('\n');
                Ok(())
            };
            tail.read(&mut take).unwrap();
            text
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
