//! The file behind the path: opened so that nothing waits, and written in whole lines.

use std::fs::{self, File};
use std::io::{self, Stderr, Stdout};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{AT_FDCWD, AtFlags};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::stat::fstat;
use nix::unistd::{AccessFlags, faccessat, write};

use crate::error::Error;
use crate::limits::{LOG_LINE_BYTES_MAX, LOG_PIPE_WAIT, ROTATION_CHECK_INTERVAL};
use crate::plan::{AccessLog, Rotation, Target};
use crate::rotation;

/// Makes sure, before there are workers, that they can write: `as_worker` tries it as one of them would. A
/// pipe need not have a reader yet.
pub(crate) fn check(
    log: &AccessLog,
    as_worker: impl FnOnce(&dyn Fn() -> io::Result<()>) -> io::Result<()>,
) -> Result<(), Error> {
    let Target::File(path) = &log.target else { return Ok(()) };
    as_worker(&|| may_write(path, log.rotation.is_some()))
        .map_err(|error| Error::access_log(path, error))
}

fn may_write(path: &Path, rotates: bool) -> io::Result<()> {
    let kind = fs::metadata(path).map(|found| found.file_type());
    match kind {
        Ok(kind) if kind.is_fifo() || kind.is_char_device() => {
            Ok(faccessat(AT_FDCWD, path, AccessFlags::W_OK, AtFlags::AT_EACCESS)?)
        }
        _ if rotates => open(path).and_then(|_| rotation::may_move(path)),
        _ => open(path).map(drop),
    }
}

/// Where the lines go.
#[derive(Debug)]
pub(super) struct Outlet {
    target: Target,
    rotation: Option<Rotation>,
    open: Option<Opened>,
}

#[derive(Debug)]
struct Opened {
    sink: Sink,
    at: Instant,
    /// When it was last looked at for its size.
    looked: Instant,
}

/// What takes the lines. Standard output and standard error can become other files at any time
/// ([`crate::output`]).
#[derive(Debug)]
enum Sink {
    File(File),
    Stdout(Stdout),
    Stderr(Stderr),
}

impl Outlet {
    /// Not open yet.
    pub(super) fn new(target: Target, rotation: Option<Rotation>) -> Self {
        Self { target, rotation, open: None }
    }

    pub(super) fn name(&self) -> &Path {
        self.target.name()
    }

    pub(super) fn is_open(&self) -> bool {
        self.open.is_some()
    }

    /// Opens what stands at the path now. When that fails, what was open stays open.
    pub(super) fn open(&mut self) -> io::Result<()> {
        let sink = match &self.target {
            Target::File(path) => Sink::File(open(path)?),
            Target::Stdout => Sink::Stdout(io::stdout()),
            Target::Stderr => Sink::Stderr(io::stderr()),
        };
        let now = Instant::now();
        self.open = Some(Opened { sink, at: now, looked: now });
        Ok(())
    }

    /// Once in a while: moves the file away if it is too large. Whether another file stands at the path
    /// now, which is to be opened.
    pub(super) fn rotate(&mut self) -> io::Result<bool> {
        let (Some(rotation), Some(open)) = (self.rotation, &mut self.open) else {
            return Ok(false);
        };
        let (Target::File(path), Sink::File(file)) = (&self.target, &open.sink) else {
            return Ok(false);
        };
        if open.looked.elapsed() < ROTATION_CHECK_INTERVAL || !file.metadata()?.is_file() {
            return Ok(false);
        }
        open.looked = Instant::now();
        if rotation::stands_at(path, file) {
            rotation::rotate_if_due(path, file, open.at, rotation)?;
        }
        Ok(!rotation::stands_at(path, file))
    }

    /// Writes the first of these lines, in one piece, and says how many octets were taken.
    /// `WouldBlock`: a pipe was full for [`LOG_PIPE_WAIT`]. A pipe whose reader is gone is closed.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<usize> {
        let Some(open) = &self.open else { return Err(io::ErrorKind::NotConnected.into()) };
        let written = open.write(lines);
        let broken = written.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::BrokenPipe);
        // Standard output would be the same when it is opened again.
        if broken && matches!(self.target, Target::File(_)) {
            self.open = None;
        }
        written
    }
}

impl Opened {
    fn write(&self, lines: &[u8]) -> io::Result<usize> {
        let sink = self.sink.as_fd();
        // It takes any number of lines in one piece, and others cannot write in between.
        let regular = fstat(sink).is_ok_and(|found| found.st_mode & libc::S_IFMT == libc::S_IFREG);
        if regular {
            return Ok(write(sink, lines)?);
        }
        // Standard output is shared with others, who need not expect that it does not block: it is
        // only written to when there is room.
        let timeout = PollTimeout::try_from(LOG_PIPE_WAIT).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(sink, PollFlags::POLLOUT)], timeout) {
            Ok(0) => Err(io::ErrorKind::WouldBlock.into()),
            Ok(_) => Ok(write(sink, &lines[..whole_lines(lines)])?),
            Err(errno) => Err(errno.into()),
        }
    }
}

impl AsFd for Sink {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::File(file) => file.as_fd(),
            Self::Stdout(stdout) => stdout.as_fd(),
            Self::Stderr(stderr) => stderr.as_fd(),
        }
    }
}

/// How many octets of these lines a pipe takes in one piece; at least one line.
fn whole_lines(lines: &[u8]) -> usize {
    let is_end = |octet: &u8| *octet == b'\n';
    let most = &lines[..lines.len().min(LOG_LINE_BYTES_MAX)];
    let last = most.iter().rposition(is_end).or_else(|| lines.iter().position(is_end));
    last.map_or(lines.len(), |at| at + 1)
}

/// With `O_NONBLOCK` a FIFO that nobody reads is an error (fifo(7), `ENXIO`), and does not wait.
fn open(path: &Path) -> io::Result<File> {
    rotation::open(path).map_err(|error| match error.raw_os_error().map(Errno::from_raw) {
        Some(Errno::ENXIO) => io::Error::new(io::ErrorKind::NotConnected, "nobody reads it"),
        _ => error,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_gets_whole_lines_that_it_takes_in_one_piece() {
        let line = [&[b'x'; 999][..], b"\n"].concat();
        assert_eq!(whole_lines(&line.repeat(9)), 4000);
        assert_eq!(whole_lines(&line), 1000);
        let long = [&[b'x'; 5000][..], b"\n", &line].concat();
        assert_eq!(whole_lines(&long), 5001);
        assert_eq!(whole_lines(b"no end"), 6);
    }

    #[test]
    fn a_path_that_cannot_be_written_is_refused_with_the_reason() {
        let folder = std::env::temp_dir();
        let refused = |path: &Path| check(&AccessLog::new(path), |look| look()).unwrap_err();
        assert!(refused(&folder).is_config());
        let error = refused(&folder.join("not-there").join("log"));
        assert!(error.is_config() && error.to_string().contains("its folder must be there"));
        assert!(refused(Path::new("")).is_config());
        for fine in ["-", "/dev/stderr", "/dev/full"] {
            assert!(check(&AccessLog::new(fine), |look| look()).is_ok(), "{fine}");
        }
    }
}
