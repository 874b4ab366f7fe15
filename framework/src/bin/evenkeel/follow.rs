//! The last lines of several files, and those that come.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use evenkeel::apps::Owner;

use crate::tail::Tail;
use crate::visible;

/// How often files are looked at: a person who watches does not notice, and an idle look costs microseconds.
const INTERVAL: Duration = Duration::from_millis(200);

/// After so many looks it is asked which files there are.
const LOOKS: u32 = 5;

/// A file, and whose lines it has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    /// The application.
    pub(crate) name: String,
    /// Who writes it there, as in `worker 0`; absent for the one log of all.
    pub(crate) of: Option<String>,
    pub(crate) path: PathBuf,
    /// Who named it, unless that is this program.
    pub(crate) owner: Option<Owner>,
}

impl Source {
    fn label(&self) -> String {
        let of = self.of.as_deref().unwrap_or_default();
        format!("{} {of}", self.name).trim().to_owned()
    }
}

/// How lines are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are; of several files each begins with whose it is, as in `shop worker 0 | `.
    Raw,
    /// The same for a terminal, which colours reach and no other control characters: strangers write to logs, too.
    Visible,
    /// An object each: `name`, `of` if it is known, and `line`, which is an object itself if the line is one
    /// of JSON.
    Json,
}

/// Prints the last `lines` lines of each of these files.
///
/// # Errors
/// `out` takes no more (`BrokenPipe` when its reader is gone), a file cannot be read, or none is there.
pub(crate) fn past(
    sources: &[Source],
    lines: usize,
    form: Form,
    out: &mut impl Write,
) -> io::Result<()> {
    let mut all = Followed::new(form);
    all.add(sources.to_vec(), |it| Tail::new(&it.path, it.owner, lines))?;
    if !all.files.iter().any(|(_, tail)| tail.is_there()) {
        return Err(io::Error::new(io::ErrorKind::NotFound, "none of its files is there"));
    }
    all.look(out)?;
    all.end(out)
}

/// The same, and then all lines that come, for ever. A file that is moved or removed is read to its end, and
/// then the one that comes to its path; one that is not there yet is waited for. `sources` says from time to
/// time which files there are.
///
/// # Errors
/// Those of [`past`], but for files that are not there.
pub(crate) fn follow(
    mut sources: impl FnMut() -> Vec<Source>,
    lines: usize,
    form: Form,
    out: &mut impl Write,
) -> io::Result<()> {
    let began = SystemTime::now();
    let mut all = Followed::new(form);
    all.add(sources(), |it| Tail::new(&it.path, it.owner, lines))?;
    loop {
        for _ in 0..LOOKS {
            all.look(out)?;
            out.flush()?;
            std::thread::sleep(INTERVAL);
        }
        // Of a worker that is new all lines are; its file may have been there before.
        all.add(sources(), |it| {
            let made = fs::metadata(&it.path).and_then(|found| found.created());
            if made.is_ok_and(|made| made < began) {
                Tail::new(&it.path, it.owner, lines)
            } else {
                Tail::whole(&it.path, it.owner)
            }
        })?;
    }
}

/// Files that are read, and how their lines are written.
struct Followed {
    files: Vec<(Source, Tail)>,
    form: Form,
}

impl Followed {
    fn new(form: Form) -> Self {
        Self { files: Vec::new(), form }
    }

    /// Those that are not here yet.
    fn add(
        &mut self,
        sources: Vec<Source>,
        open: impl Fn(&Source) -> io::Result<Tail>,
    ) -> io::Result<()> {
        for source in sources {
            if !self.files.iter().any(|(_, tail)| tail.path() == source.path) {
                let tail = open(&source)?;
                self.files.push((source, tail));
            }
        }
        Ok(())
    }

    fn look(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.each(|tail, take| tail.read(take), out)
    }

    fn end(&mut self, out: &mut impl Write) -> io::Result<()> {
        self.each(|tail, take| tail.read_rest(take), out)
    }

    fn each(
        &mut self,
        read: impl Fn(&mut Tail, &mut dyn FnMut(&[u8]) -> io::Result<()>) -> io::Result<()>,
        out: &mut impl Write,
    ) -> io::Result<()> {
        let labels = self.files.iter().map(|(source, _)| source.label().chars().count());
        let width = labels.max().filter(|_| self.files.len() > 1);
        for (source, tail) in &mut self.files {
            let form = self.form;
            read(tail, &mut |line| write(source, line, form, width, out))?;
        }
        Ok(())
    }
}

/// `width`: of the longest label; absent where there is one file only.
fn write(
    source: &Source,
    line: &[u8],
    form: Form,
    width: Option<usize>,
    out: &mut impl Write,
) -> io::Result<()> {
    match form {
        Form::Json => {
            let text = String::from_utf8_lossy(line);
            let object = serde_json::from_str::<serde_json::Value>(&text);
            let line = object.ok().filter(serde_json::Value::is_object);
            let line = line.unwrap_or_else(|| text.into_owned().into());
            let mut object = serde_json::json!({ "name": source.name, "line": line });
            if let Some(of) = &source.of {
                object["of"] = of.as_str().into();
            }
            writeln!(out, "{}", visible::json(&object))
        }
        Form::Raw | Form::Visible => {
            if let Some(width) = width {
                write!(out, "{:width$} | ", visible::text(&source.label()))?;
            }
            if form == Form::Raw {
                out.write_all(line)?;
            } else {
                out.write_all(visible::line(line).as_bytes())?;
            }
            out.write_all(b"\n")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(sources: &[Source], form: Form) -> String {
        let mut out = Vec::new();
        past(sources, 9, form, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_of_several_files_say_whose_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let source = |of: Option<&str>| Source {
            name: "a".to_owned(),
            of: of.map(str::to_owned),
            path: folder.path().join(of.unwrap_or("log")),
            owner: None,
        };
        let sources = [source(None), source(Some("worker 1")), source(Some("gone"))];
        fs::write(&sources[0].path, "a\n{\"b\":1}\n").unwrap();
        fs::write(&sources[1].path, b"c \xff\n").unwrap();
        assert_eq!(shown(&sources[..1], Form::Raw), "a\n{\"b\":1}\n");
        let json = shown(&sources, Form::Json);
        let lines: Vec<&str> = json.lines().collect();
        assert_eq!(lines[0], r#"{"line":"a","name":"a"}"#);
        assert_eq!(lines[1], r#"{"line":{"b":1},"name":"a"}"#);
        assert_eq!(lines[2], "{\"line\":\"c \u{fffd}\",\"name\":\"a\",\"of\":\"worker 1\"}");
        assert!(shown(&sources, Form::Visible).ends_with("\na worker 1 | c \\xff\n"));
        fs::write(&sources[1].path, "c").unwrap();
        let text = shown(&sources, Form::Raw);
        assert_eq!(text, "a          | a\na          | {\"b\":1}\na worker 1 | c\n");
        assert!(past(&sources[2..], 9, Form::Raw, &mut Vec::new()).is_err());
    }

    /// It ends when nobody reads any more.
    #[test]
    fn a_file_that_comes_later_is_followed_from_its_beginning() {
        struct Page(String);
        impl Write for Page {
            fn write(&mut self, part: &[u8]) -> io::Result<usize> {
                self.0 += &String::from_utf8_lossy(part);
                if self.0.contains("last") {
                    Err(io::ErrorKind::BrokenPipe.into())
                } else {
                    Ok(part.len())
                }
            }

            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let folder = tempfile::tempdir().unwrap();
        let source = |name: &str| Source {
            name: name.to_owned(),
            of: None,
            path: folder.path().join(name),
            owner: None,
        };
        fs::write(folder.path().join("old"), "a\nb\n").unwrap();
        let mut page = Page(String::new());
        let mut asked = 0;
        let sources = || {
            asked += 1;
            if asked < 2 {
                return vec![source("old")];
            }
            fs::write(folder.path().join("new"), "c\nd\nlast\n").unwrap();
            vec![source("new"), source("old")]
        };
        let ended = follow(sources, 1, Form::Raw, &mut page);
        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(page.0.starts_with("b\nnew | c\nnew | d\n"), "{}", page.0);
    }
}
