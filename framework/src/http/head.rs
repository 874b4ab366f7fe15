//! The request line and the header fields.
//!
//! httparse finds the parts; it does not mind a bare LF, a missing or second `Host`, or odd targets.
//! The checks here do.

use std::mem::MaybeUninit;

use httparse::{Error as ParseError, Header, Request as Parsed};
use memchr::memchr;

use super::characters::{HOST, is_token};
use super::limits::{HEADERS_MAX, Limits};
use super::refusal::{Refusal, bad, refuse};
use super::request::Version;

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
///
/// RFC 9112 section 2.2: one empty line before the request line is let pass.
pub(super) fn find_end(
    bytes: &[u8],
    searched: usize,
    limits: &Limits,
) -> Result<Option<usize>, Refusal> {
    let start = leading_line(bytes);
    if matches!(bytes.get(start..), Some([b'\r', b'\n', ..] | [b'\n', ..])) {
        return Err(bad("empty lines before the request"));
    }
    let mut at = searched.max(start);
    while let Some(found) = memchr(b'\n', &bytes[at..]) {
        let feed = at + found;
        if feed == 0 || bytes[feed - 1] != b'\r' {
            return Err(bad("a line that ends without CR"));
        }
        if bytes[..feed - 1].ends_with(b"\r\n") && feed - 1 > start {
            let end = feed + 1;
            return if end > limits.head_bytes_max {
                Err(too_long(bytes, limits))
            } else {
                Ok(Some(end))
            };
        }
        at = feed + 1;
    }
    if bytes.len() >= limits.head_bytes_max {
        return Err(too_long(bytes, limits));
    }
    Ok(None)
}

/// Looks at a head that is not complete: what can become none is told so at once, and not when its time is
/// over. The method is looked at, and the version as soon as its line is complete.
pub(super) fn check_beginning(bytes: &[u8]) -> Result<(), Refusal> {
    let bytes = bytes.strip_prefix(b"\r\n").or(bytes.strip_prefix(b"\r")).unwrap_or(bytes);
    let line = bytes.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let method = line.split(|byte| *byte == b' ').next().unwrap_or_default();
    if !method.is_empty() && !is_token(method) || line.starts_with(b" ") {
        return Err(bad("a malformed request"));
    }
    let complete = bytes.len() > line.len() + 1;
    if complete && !line.is_empty() { speaks_http(line) } else { Ok(()) }
}

/// Reads a head that [`find_end`] found the end of.
pub(super) fn parse<'h, 'b>(
    bytes: &'b [u8],
    room: &'h mut Room<'b>,
) -> Result<Head<'h, 'b>, Refusal> {
    let mut parsed = Parsed::new(&mut []);
    let bytes = &bytes[leading_line(bytes)..];
    let status = parsed.parse_with_uninit_headers(bytes, room).map_err(|error| match error {
        ParseError::TooManyHeaders => refuse(431, "too many header fields"),
        ParseError::Version => refused_version(bytes),
        ParseError::HeaderName => bad("a malformed header name"),
        ParseError::HeaderValue => bad("a malformed header value"),
        _ => bad("a malformed request"),
    })?;
    let complete = status.is_complete();
    let (Some(method), Some(target), Some(minor), true) =
        (parsed.method, parsed.path, parsed.version, complete)
    else {
        return Err(bad("a malformed request"));
    };
    let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    let head = Head { method, target, version, headers: parsed.headers };
    check_target(method, target)?;
    check_host(&head)?;
    Ok(head)
}

impl<'b> Head<'_, 'b> {
    /// The values of all fields of this name, in order.
    pub(super) fn values(&self, name: &str) -> impl Iterator<Item = &'b [u8]> {
        let named =
            self.headers.iter().filter(move |header| header.name.eq_ignore_ascii_case(name));
        named.map(|header| header.value)
    }
}

/// RFC 9112 section 2.3: what is no version at all is malformed, and not one that is not spoken.
fn speaks_http(line: &[u8]) -> Result<(), Refusal> {
    match line.rsplit(|byte| *byte == b' ').next() {
        Some(b"HTTP/1.0" | b"HTTP/1.1") => Ok(()),
        Some([b'H', b'T', b'T', b'P', b'/', major, b'.', minor])
            if major.is_ascii_digit() && minor.is_ascii_digit() =>
        {
            Err(refuse(505, "only HTTP/1.0 and HTTP/1.1 are spoken here"))
        }
        _ => Err(bad("a malformed version")),
    }
}

fn refused_version(head: &[u8]) -> Refusal {
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    speaks_http(line).err().unwrap_or(bad("a malformed version"))
}

fn leading_line(bytes: &[u8]) -> usize {
    if bytes.starts_with(b"\r\n") { 2 } else { 0 }
}

fn too_long(bytes: &[u8], limits: &Limits) -> Refusal {
    let mut line = bytes[leading_line(bytes)..].iter().take(limits.head_bytes_max);
    if line.any(|byte| *byte == b'\n') {
        refuse(431, "the header fields are too long")
    } else {
        refuse(414, "the request line is too long")
    }
}

/// RFC 9112 section 3.2: the four forms of a target.
fn check_target(method: &str, target: &str) -> Result<(), Refusal> {
    if method == "CONNECT" {
        return Err(refuse(501, "CONNECT is for proxies"));
    }
    if !target.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(bad("a malformed target"));
    }
    let absolute = |scheme: &str| {
        let (before, after) = target.split_at_checked(scheme.len()).unwrap_or_default();
        let authority = after.split(['/', '?']).next().unwrap_or_default();
        before.eq_ignore_ascii_case(scheme) && is_authority(authority.as_bytes(), false)
    };
    let known = target.starts_with('/')
        || (target == "*" && method == "OPTIONS")
        || absolute("http://")
        || absolute("https://");
    if known { Ok(()) } else { Err(bad("a malformed target")) }
}

/// RFC 9112 section 3.2: HTTP/1.1 wants `Host` once; nobody may send it twice.
fn check_host(head: &Head<'_, '_>) -> Result<(), Refusal> {
    let mut hosts = head.values("host");
    match (hosts.next(), hosts.next()) {
        (None, _) if head.version == Version::Http10 => Ok(()),
        (None, _) => Err(bad("no Host field")),
        (Some(_), Some(_)) => Err(bad("more than one Host field")),
        (Some(host), None) if is_authority(host, true) => Ok(()),
        (Some(_), None) => Err(bad("a malformed Host field")),
    }
}

/// RFC 3986 section 3.2: a host and perhaps a port; user information has no place in HTTP.
fn is_authority(text: &[u8], may_be_empty: bool) -> bool {
    let (host, port) = match text.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !text[colon..].contains(&b']') => (&text[..colon], &text[colon + 1..]),
        _ => (text, &b""[..]),
    };
    let literal = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let host_is_valid = match literal {
        Some(literal) => {
            let in_literal = |byte: &u8| byte.is_ascii_hexdigit() || b":.".contains(byte);
            !literal.is_empty() && literal.iter().all(in_literal)
        }
        None => HOST.has_all(host),
    };
    let present = !host.is_empty() || (may_be_empty && text.is_empty());
    present && host_is_valid && port.len() <= 5 && port.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests;
