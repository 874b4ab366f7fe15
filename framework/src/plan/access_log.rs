//! What the user says of the access log.

use std::path::{Path, PathBuf};

use super::Rotation;
use crate::error::Error;

/// A file that gets a line for each request.
///
/// Each worker has a thread that writes, so that no request waits for a disk or for whoever reads a
/// pipe. What cannot be written in time is dropped in whole lines, counted
/// ([`WorkerSnapshot::log_dropped`](crate::WorkerSnapshot::log_dropped)) and told of in the log; so are
/// the lines of the last moment of a worker that is killed. Lines of several workers never mix. A line
/// is at most 4,096 bytes long: what is too long in it ends with `...`.
///
/// SIGUSR1 to the master, or `evenkeel reopen`, opens the path anew. So a program that rotates logs
/// moves the file away first, and then says so.
///
/// ```no_run
/// use evenkeel::{AccessLog, LogFormat, Server};
///
/// let log = AccessLog::new("/var/log/shop/access.log").format(LogFormat::Json);
/// Server::bind("0.0.0.0:8080").access_log(log).serve(|_req, res| res.body("hello\n"))?;
/// # Ok::<(), evenkeel::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "a log is written when Server::access_log is given it"]
pub struct AccessLog {
    pub(crate) target: Target,
    pub(crate) format: LogFormat,
    pub(crate) rotation: Option<Rotation>,
}

/// Where the lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    File(PathBuf),
    Stdout,
    Stderr,
}

/// How a line of the access log is written. Times are in UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum LogFormat {
    /// The Common Log Format: client, time, request line, status and bytes of the body.
    ///
    /// `192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326`
    ///
    /// Quotes, backslashes and all that is no printable ASCII are written as `\xHH`.
    Common,
    /// The same, and `"Referer" "User-Agent"`; what is missing is `-`. This is nginx's default.
    #[default]
    Combined,
    /// An object of JSON in each line: `time` (RFC 3339), `remote`, `port`, `method`, `target`,
    /// `version`, `status`, `bytes` (of the body), `duration_us`, `referer`, `user_agent` and `worker`;
    /// what is missing is `null`. What is no UTF-8 becomes U+FFFD.
    Json,
}

named!(
    LogFormat,
    "format of an access log",
    Common = "common",
    Combined = "combined",
    Json = "json"
);

impl AccessLog {
    /// At this path, in the format [`LogFormat::Combined`]. The file is made if it is not there, with
    /// mode 0640; its folder must be there. A FIFO will do, also one that nobody reads yet. `-` and
    /// `/dev/stdout` are standard output, `/dev/stderr` is standard error.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let target = match path.to_str() {
            Some("-" | "/dev/stdout") => Target::Stdout,
            Some("/dev/stderr") => Target::Stderr,
            _ => Target::File(path),
        };
        Self { target, format: LogFormat::default(), rotation: None }
    }

    /// How its lines are written.
    pub fn format(mut self, format: LogFormat) -> Self {
        self.format = format;
        self
    }

    /// Moves the file away when it has at least `max_bytes`, as [`Output::rotate`](crate::Output::rotate) does,
    /// and keeps so many. What is no regular file grows on.
    pub fn rotate(mut self, max_bytes: u64, keep: u32) -> Self {
        self.rotation = Some(Rotation { max_bytes, keep });
        self
    }

    pub(super) fn plan(self) -> Result<Self, Error> {
        let rotation = self.rotation.map(|it| it.plan("the access log")).transpose()?;
        if rotation.is_some() && !matches!(self.target, Target::File(_)) {
            return Err(Error::config(format!(
                "rotation of the access log: {} is not moved away: name a file, or leave it out",
                self.target.name().display()
            )));
        }
        let target = match self.target {
            // It is opened anew from wherever a worker has gone.
            Target::File(path) => Target::File(std::path::absolute(&path).unwrap_or(path)),
            other => other,
        };
        Ok(Self { target, rotation, ..self })
    }
}

impl Target {
    /// What it is called in texts.
    pub(crate) fn name(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Stdout => Path::new("/dev/stdout"),
            Self::Stderr => Path::new("/dev/stderr"),
        }
    }
}
