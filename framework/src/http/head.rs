//! The request line and the header fields.
//!
//! httparse finds the parts; it does not mind a bare LF, a missing or second `Host`, or odd targets.
//! The checks here do.

use std::mem::MaybeUninit;

use httparse::{Error as ParseError, Header, Request as Parsed};
use memchr::{memchr, memchr2};

use super::characters::is_token;
use super::limits::{HEADERS_MAX, Limits};
use super::refusal::{Refusal, bad, refuse};
use super::request::Version;
use super::request_target::{self, Emptiness, is_authority};

const BARE_FEED: Refusal = bad("a line that ends without CR");

/// A complete and valid head.
#[derive(Clone, Copy, Debug)]
pub(super) struct Head<'h, 'b> {
    pub(super) method: &'b str,
    pub(super) target: &'b str,
    pub(super) version: Version,
    pub(super) headers: &'h [Header<'b>],
}

/// Room for the parts of a head, on the caller's stack and not cleared.
pub(super) type Room<'b> = [MaybeUninit<Header<'b>>; HEADERS_MAX];

/// An empty room.
pub(super) const fn room<'b>() -> Room<'b> {
    [const { MaybeUninit::uninit() }; HEADERS_MAX]
}

/// Where the head ends that `bytes` begin with; `None` if more is needed. `searched` octets were
/// looked at by an earlier call, so that a head that comes octet by octet costs no more in the end.
/// What lies behind the limit is not looked at, so that it is refused alike however it comes.
///
/// RFC 9112 section 2.2: one empty line before the request line is let pass.
pub(super) fn find_end(
    bytes: &[u8],
    searched: usize,
    limits: &Limits,
) -> Result<Option<usize>, Refusal> {
    let bytes = &bytes[..bytes.len().min(limits.head_bytes_max)];
    let start = leading_line(bytes);
    if matches!(bytes.get(start..), Some([b'\r', b'\n', ..] | [b'\n', ..])) {
        return Err(bad("empty lines before the request"));
    }
    let mut at = searched.clamp(start, bytes.len());
    while let Some(found) = memchr(b'\n', &bytes[at..]) {
        let feed = at + found;
        if feed == 0 || bytes[feed - 1] != b'\r' {
            return Err(BARE_FEED);
        }
        if bytes[..feed - 1].ends_with(b"\r\n") && feed - 1 > start {
            return Ok(Some(feed + 1));
        }
        at = feed + 1;
    }
    if bytes.len() >= limits.head_bytes_max {
        return Err(too_long(&bytes[start..]));
    }
    Ok(None)
}

/// Looks at a head that is not complete: what can become none is told so at once, and not when its time is
/// over. The method is looked at, and the rest of the line as soon as it is complete. What this says of
/// some octets it says of all that begin with them.
pub(super) fn check_beginning(bytes: &[u8], limits: &Limits) -> Result<(), Refusal> {
    let bytes = &bytes[..bytes.len().min(limits.head_bytes_max)];
    check_line(&bytes[leading_line(bytes)..])
}

fn check_line(bytes: &[u8]) -> Result<(), Refusal> {
    let end = memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
    let line = &bytes[..end];
    let method = &line[..memchr(b' ', line).unwrap_or(end)];
    if !method.is_empty() && !is_token(method) || line.starts_with(b" ") {
        return Err(bad("a malformed request"));
    }
    match &bytes[end..] {
        [b'\n', ..] => Err(BARE_FEED),
        [_, _, ..] => check_version(line),
        _ => Ok(()),
    }
}

/// RFC 9110 section 15.6.6: 505 is for versions; what does not name one is no request line.
fn check_version(line: &[u8]) -> Result<(), Refusal> {
    let mut words = line.split(|byte| *byte == b' ').skip(2);
    match (words.next(), words.next()) {
        (Some(b"HTTP/1.0" | b"HTTP/1.1"), None) => Ok(()),
        (Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor]), None)
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"))
        }
        _ => Err(bad("a malformed request line")),
    }
}

/// Reads a head that [`find_end`] found the end of.
pub(super) fn parse<'h, 'b>(
    bytes: &'b [u8],
    room: &'h mut Room<'b>,
) -> Result<Head<'h, 'b>, Refusal> {
    let mut parsed = Parsed::new(&mut []);
    let bytes = &bytes[leading_line(bytes)..];
    let status = parsed
        .parse_with_uninit_headers(bytes, room)
        .map_err(|error| check_line(bytes).err().unwrap_or(fault(error)))?;
    let complete = status.is_complete();
    let (Some(method), Some(target), Some(minor), true) =
        (parsed.method, parsed.path, parsed.version, complete)
    else {
        return Err(bad("a malformed request"));
    };
    let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    let head = Head { method, target, version, headers: parsed.headers };
    request_target::check(method, target)?;
    check_host(&head)?;
    Ok(head)
}

/// A message that begins so asks for a head only. What it begins with need not be valid.
pub(super) fn asks_for_head(bytes: &[u8]) -> bool {
    bytes[leading_line(bytes)..].starts_with(b"HEAD ")
}

fn fault(error: ParseError) -> Refusal {
    match error {
        ParseError::TooManyHeaders => refuse(431, "too many header fields"),
        ParseError::HeaderName => bad("a malformed header name"),
        ParseError::HeaderValue => bad("a malformed header value"),
        _ => bad("a malformed request"),
    }
}

impl<'b> Head<'_, 'b> {
    /// The values of all fields of this name, in order.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        let named =
            self.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value)
    }
}

fn leading_line(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\r\n") { 2 } else { 0 }
}

fn too_long(bytes: &[u8]) -> Refusal {
    if bytes.contains(&b'\n') {
        refuse(431, "the header fields are too long")
    } else {
        refuse(414, "the request line is too long")
    }
}

/// RFC 9112 section 3.2: HTTP/1.1 wants `Host` once; nobody may send it twice.
fn check_host(head: &Head<'_, '_>) -> Result<(), Refusal> {
    let mut hosts = head.values("host");
    match (hosts.next(), hosts.next()) {
        (None, _) if head.version == Version::Http10 => Ok(()),
        (None, _) => Err(bad("no Host field")),
        (Some(_), Some(_)) => Err(bad("more than one Host field")),
        (Some(host), None) if is_authority(host, Emptiness::Allowed) => Ok(()),
        (Some(_), None) => Err(bad("a malformed Host field")),
    }
}

#[cfg(test)]
mod tests;
