//! What is told of each request when it is over.

use std::net::SocketAddr;

use super::head::Head;
use super::request::Version;

/// One request and its answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Served<'a> {
    pub(crate) status: u16,
    /// When the handler was called; `None` if the message was refused before.
    pub(crate) began_ns: Option<u64>,
    /// Octets of the answer's body that were handed to the kernel, or are about to be.
    pub(crate) body_bytes: u64,
    pub(crate) remote: Option<SocketAddr>,
    /// What the client said, if that is kept and could be read.
    pub(crate) line: Option<Line<'a>>,
}

/// What a log repeats of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) method: &'a str,
    pub(crate) target: &'a str,
    pub(crate) version: Version,
    pub(crate) referer: Option<&'a [u8]>,
    pub(crate) user_agent: Option<&'a [u8]>,
}

impl<'a> Line<'a> {
    pub(super) fn of(head: &Head<'_, 'a>) -> Self {
        Self {
            method: head.method,
            target: head.target,
            version: head.version,
            referer: head.values("referer").next(),
            user_agent: head.values("user-agent").next(),
        }
    }
}

/// The same, kept while the answer takes its time.
#[derive(Clone, Debug)]
pub(super) struct KeptLine {
    method: String,
    target: String,
    version: Version,
    referer: Option<Vec<u8>>,
    user_agent: Option<Vec<u8>>,
}

impl KeptLine {
    pub(super) fn of(head: &Head<'_, '_>) -> Self {
        let line = Line::of(head);
        Self {
            method: line.method.to_owned(),
            target: line.target.to_owned(),
            version: line.version,
            referer: line.referer.map(<[u8]>::to_vec),
            user_agent: line.user_agent.map(<[u8]>::to_vec),
        }
    }

    pub(super) fn line(&self) -> Line<'_> {
        Line {
            method: &self.method,
            target: &self.target,
            version: self.version,
            referer: self.referer.as_deref(),
            user_agent: self.user_agent.as_deref(),
        }
    }
}
