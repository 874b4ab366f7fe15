//! Where a request ends, and whether another may follow on the connection.

use httparse::Header;

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

/// The fields that frame a message, found in one pass.
#[derive(Default)]
struct Fields<'b> {
    content_length: Option<&'b [u8]>,
    /// It was there twice.
    repeated: bool,
    /// How many of them.
    transfer_encodings: usize,
    close: bool,
    keep_alive: bool,
    expects: Option<&'b [u8]>,
}

impl Framing {
    pub(super) fn of(head: &Head<'_, '_>) -> Result<Self, Refusal> {
        let fields = Fields::of(head);
        Ok(Self {
            body: body(&fields, head)?,
            keep_alive: fields.keeps_alive(head.version),
            expects_continue: expects_continue(&fields, head.version)?,
        })
    }
}

impl<'b> Fields<'b> {
    fn of(head: &Head<'_, 'b>) -> Self {
        let mut this = Self::default();
        for Header { name, value } in head.headers {
            let is = |wanted: &str| name.eq_ignore_ascii_case(wanted);
            match name.len() {
                6 if is("expect") => this.expect(value),
                10 if is("connection") => this.connection(value),
                14 if is("content-length") => {
                    this.repeated |= this.content_length.replace(value).is_some();
                }
                17 => this.transfer_encodings += usize::from(is("transfer-encoding")),
                _ => {}
            }
        }
        this
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// Of several expectations one that cannot be met.
    fn expect(&mut self, value: &'b [u8]) {
        if self.expects.is_none_or(is_continue) {
            self.expects = Some(value);
        }
    }

    /// RFC 9112 section 9.3.
    fn keeps_alive(&self, version: Version) -> bool {
        match version {
            Version::Http11 => !self.close,
            Version::Http10 => self.keep_alive && !self.close,
        }
    }
}

/// RFC 9112 section 6.3. A request with both fields is an attempt at smuggling (section 6.1).
fn body(fields: &Fields<'_>, head: &Head<'_, '_>) -> Result<Body, Refusal> {
    match (fields.content_length, fields.transfer_encodings > 0) {
        (None, false) => Ok(Body::None),
        (Some(_), true) => Err(bad("both Content-Length and Transfer-Encoding")),
        (Some(value), false) => match content_length(value)? {
            _ if fields.repeated => Err(bad("more than one Content-Length field")),
            0 => Ok(Body::None),
            length => Ok(Body::Length(length)),
        },
        (None, true) if head.version == Version::Http10 => {
            Err(bad("Transfer-Encoding in HTTP/1.0"))
        }
        (None, true) => chunked(head),
    }
}

/// RFC 9110 section 8.6: one number. A list of equal ones may be accepted or refused; refused.
fn content_length(value: &[u8]) -> Result<u64, Refusal> {
    // Longer numbers cannot be lengths, and might not fit.
    const DIGITS_MAX: usize = 19;
    if value.is_empty() || value.len() > DIGITS_MAX || !value.iter().all(u8::is_ascii_digit) {
        return Err(bad("a malformed Content-Length field"));
    }
    Ok(value.iter().fold(0, |sum, digit| sum * 10 + u64::from(digit - b'0')))
}

/// RFC 9112 section 6.1: `chunked` once and last; it is the only coding that we undo. Empty elements,
/// which lists may have elsewhere, are refused: some programs take what is behind the last comma.
fn chunked(head: &Head<'_, '_>) -> Result<Body, Refusal> {
    let fields = head.values("transfer-encoding");
    let codings = fields.flat_map(|value| value.split(|byte| *byte == b','));
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
        (1, true) if count == 1 => Ok(Body::Chunked),
        (1, true) => Err(refuse(501, "transfer codings before chunked")),
        // Section 6.3: 400 and not 501, since nobody can tell where it ends.
        _ => Err(bad("chunked is not the one last transfer coding")),
    }
}

fn is_continue(value: &[u8]) -> bool {
    value.eq_ignore_ascii_case(b"100-continue")
}

/// RFC 9110 section 10.1.1. HTTP/1.0 clients do not wait.
fn expects_continue(fields: &Fields<'_>, version: Version) -> Result<bool, Refusal> {
    match fields.expects {
        None => Ok(false),
        Some(value) if is_continue(value) => Ok(version == Version::Http11),
        Some(_) => Err(refuse(417, "an expectation that is not 100-continue")),
    }
}

#[cfg(test)]
mod tests;
