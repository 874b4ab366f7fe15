//! What a request is for: its target, and the authority in it or in `Host`.

use std::net::Ipv6Addr;

use memchr::memchr;

use super::characters::{HOST, PATH, QUERY};
use super::refusal::{Refusal, bad, refuse};

/// RFC 9112 section 3.2: the four forms of a target.
pub(super) fn check(method: &str, target: &str) -> Result<(), Refusal> {
    if method == "CONNECT" {
        return Err(refuse(501, "CONNECT is for proxies"));
    }
    let octets = target.as_bytes();
    let known = match octets {
        [b'/', ..] => is_path_and_query(octets),
        b"*" => method == "OPTIONS",
        _ => is_absolute(octets),
    };
    if known { Ok(()) } else { Err(bad("a malformed target")) }
}

/// RFC 9110 section 4.2: the two schemes of HTTP. A proxy before us may have ended TLS.
fn is_absolute(octets: &[u8]) -> bool {
    let after = |scheme: &[u8]| {
        let (before, after) = octets.split_at_checked(scheme.len())?;
        before.eq_ignore_ascii_case(scheme).then_some(after)
    };
    let Some(after) = after(b"http://").or_else(|| after(b"https://")) else { return false };
    let end = after.iter().position(|byte| matches!(byte, b'/' | b'?')).unwrap_or(after.len());
    let (authority, rest) = after.split_at(end);
    is_authority(authority, Emptiness::Refused) && is_path_and_query(rest)
}

fn is_path_and_query(octets: &[u8]) -> bool {
    let end = memchr(b'?', octets).unwrap_or(octets.len());
    let (path, query) = octets.split_at(end);
    // A lone `%` in a query is the habit of many; it is the handler's to decode, or not.
    PATH.has_all(path) && is_encoded(path) && QUERY.has_all(query)
}

/// RFC 3986 section 2.1: two digits behind each `%`.
fn is_encoded(octets: &[u8]) -> bool {
    let mut rest = octets;
    while let Some(at) = memchr(b'%', rest) {
        match &rest[at + 1..] {
            [high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                rest = after;
            }
            _ => return false,
        }
    }
    true
}

/// Whether an authority may say nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Emptiness {
    /// In `Host`, of a target that has no authority.
    Allowed,
    Refused,
}

/// RFC 3986 section 3.2: a host and perhaps a port; user information has no place in HTTP.
pub(super) fn is_authority(text: &[u8], emptiness: Emptiness) -> bool {
    if text.is_empty() {
        return emptiness == Emptiness::Allowed;
    }
    let (host, port) = match text.iter().rposition(|byte| *byte == b':') {
        Some(colon) if !text[colon..].contains(&b']') => (&text[..colon], &text[colon + 1..]),
        _ => (text, &b""[..]),
    };
    let literal = host.strip_prefix(b"[").and_then(|rest| rest.strip_suffix(b"]"));
    let host_is_valid = match literal {
        Some(literal) => std::str::from_utf8(literal).is_ok_and(|literal| {
            // A zone means something on the client's machine only (RFC 6874 section 4), a future form
            // nothing yet.
            literal.parse::<Ipv6Addr>().is_ok()
        }),
        None => !host.is_empty() && HOST.has_all(host),
    };
    host_is_valid && is_port(port)
}

/// RFC 3986 section 3.2.3, and one that TCP has. It may be empty.
fn is_port(digits: &[u8]) -> bool {
    let value = digits.iter().take(6).fold(0, |sum, digit| sum * 10 + u32::from(digit & 15));
    digits.len() <= 5 && digits.iter().all(u8::is_ascii_digit) && value <= u16::MAX.into()
}

#[cfg(test)]
mod tests;
