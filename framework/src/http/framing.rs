//! Where a request ends, and whether another may follow on the connection.

use super::head::Head;
use super::refusal::{Refusal, bad, refuse};
use super::request::Version;

/// How the body is delimited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// Also a `Content-Length` of 0.
    None,
    Length(u64),
    Chunked,
}

impl Body {
    /// Its length, if that is known before.
    pub(super) fn length(self) -> Option<u64> {
        match self {
            Self::None => Some(0),
            Self::Length(length) => Some(length),
            Self::Chunked => None,
        }
    }
}

/// What the head says of the message around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Framing {
    pub(super) body: Body,
    pub(super) keep_alive: bool,
    /// The client waits for `100 Continue` before it sends the body.
    pub(super) expects_continue: bool,
}

impl Framing {
    pub(super) fn of(head: &Head<'_, '_>) -> Result<Self, Refusal> {
        Ok(Self {
            body: body(head)?,
            keep_alive: keep_alive(head),
            expects_continue: expects_continue(head)?,
        })
    }
}

/// RFC 9112 section 6.3. A request with both fields is an attempt at smuggling (section 6.1).
fn body(head: &Head<'_, '_>) -> Result<Body, Refusal> {
    let length = content_length(head)?;
    let chunked = is_chunked(head)?;
    match (length, chunked) {
        (Some(_), true) => Err(bad("both Content-Length and Transfer-Encoding")),
        (None, true) => Ok(Body::Chunked),
        (None | Some(0), false) => Ok(Body::None),
        (Some(length), false) => Ok(Body::Length(length)),
    }
}

/// RFC 9110 section 8.6: one number. A list of equal ones may be accepted or refused; refused.
fn content_length(head: &Head<'_, '_>) -> Result<Option<u64>, Refusal> {
    // Longer numbers cannot be lengths, and might not fit.
    const DIGITS_MAX: usize = 19;
    let mut values = head.values("content-length");
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(bad("more than one Content-Length field"));
    }
    if value.is_empty() || value.len() > DIGITS_MAX || !value.iter().all(u8::is_ascii_digit) {
        return Err(bad("a malformed Content-Length field"));
    }
    Ok(Some(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0'))))
}

/// RFC 9112 section 6.1: `chunked` once and last; it is the only coding that we undo. Empty elements,
/// which lists may have elsewhere, are refused: some programs take what is behind the last comma.
fn is_chunked(head: &Head<'_, '_>) -> Result<bool, Refusal> {
    let fields = || head.values("transfer-encoding");
    if fields().next().is_none() {
        return Ok(false);
    }
    if head.version == Version::Http10 {
        return Err(bad("Transfer-Encoding in HTTP/1.0"));
    }
    let codings = fields().flat_map(|value| value.split(|byte| *byte == b','));
    let (mut count, mut chunked, mut last_is_chunked) = (0, 0, false);
    for coding in codings.map(<[u8]>::trim_ascii) {
        last_is_chunked = coding.eq_ignore_ascii_case(b"chunked");
        chunked += usize::from(last_is_chunked);
        count += 1;
        if coding.is_empty() {
            return Err(bad("a malformed Transfer-Encoding field"));
        }
    }
    match (chunked, last_is_chunked) {
        (1, true) if count == 1 => Ok(true),
        (1, true) => Err(refuse(501, "transfer codings before chunked")),
        // Section 6.3: 400 and not 501, since nobody can tell where it ends.
        _ => Err(bad("chunked is not the one last transfer coding")),
    }
}

/// RFC 9112 section 9.3.
fn keep_alive(head: &Head<'_, '_>) -> bool {
    let has = |wanted: &[u8]| {
        let values = head.values("connection");
        let mut options = values.flat_map(|value| value.split(|byte| *byte == b','));
        options.any(|option| option.trim_ascii().eq_ignore_ascii_case(wanted))
    };
    match head.version {
        Version::Http11 => !has(b"close"),
        Version::Http10 => has(b"keep-alive") && !has(b"close"),
    }
}

/// RFC 9110 section 10.1.1. HTTP/1.0 clients do not wait.
fn expects_continue(head: &Head<'_, '_>) -> Result<bool, Refusal> {
    let mut expected = false;
    for value in head.values("expect") {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(refuse(417, "an expectation that is not 100-continue"));
        }
        expected = head.version == Version::Http11;
    }
    Ok(expected)
}

#[cfg(test)]
mod tests;
