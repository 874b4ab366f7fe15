//! RFC 9112 sections 6 and 7: the body.

use super::syntax::{is_token, is_value, trimmed};
use super::{Bounds, No, find, refused};

/// How a body is delimited.
pub(super) enum Framing {
    Length(u64),
    Chunked,
}

/// RFC 7230 section 4.1.2 names them; RFC 9110 section 6.5.1 speaks of their kinds only.
const NOT_IN_TRAILERS: &str = "transfer-encoding content-length host connection keep-alive te trailer \
    upgrade proxy-connection cache-control expect max-forwards pragma range authorization \
    proxy-authorization cookie set-cookie content-encoding content-type content-range";

/// A body of this length, and the octets that it takes.
pub(super) fn counted(text: &[u8], length: u64, bounds: &Bounds) -> Result<(Vec<u8>, usize), No> {
    if length > bounds.body_bytes {
        return refused("too long a body");
    }
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    let body = text.get(..length).ok_or(No::More)?;
    Ok((body.to_vec(), length))
}

/// A body in chunks, and the octets that it takes.
pub(super) fn chunked(text: &[u8], bounds: &Bounds) -> Result<(Vec<u8>, usize), No> {
    let (mut body, mut at) = (Vec::new(), 0);
    loop {
        let line = line(&text[at..])?;
        at += line.len() + 2;
        if line.len() > bounds.chunk_line_bytes {
            return refused("too long a line");
        }
        let size = chunk_size(line)?;
        if size > bounds.body_bytes - body.len() as u64 {
            return refused("too long a body");
        }
        if size == 0 {
            let trailer = trailer(&text[at..], bounds)?;
            return Ok((body, at + trailer));
        }
        let end = at + usize::try_from(size).unwrap_or(usize::MAX);
        if end + 2 > text.len() {
            return Err(No::More);
        }
        if &text[end..end + 2] != b"\r\n" {
            return refused("a chunk that is not as long as it says");
        }
        body.extend_from_slice(&text[at..end]);
        at = end + 2;
    }
}

/// Up to the next CRLF.
fn line(text: &[u8]) -> Result<&[u8], No> {
    let line = &text[..find(text, b"\r\n").ok_or(No::More)?];
    if line.iter().any(|octet| matches!(octet, b'\r' | b'\n')) {
        return refused("a bare CR or LF");
    }
    Ok(line)
}

fn chunk_size(line: &[u8]) -> Result<u64, No> {
    let end = line.iter().position(|octet| !octet.is_ascii_hexdigit()).unwrap_or(line.len());
    let (digits, extensions) = line.split_at(end);
    if digits.is_empty() || !are_extensions(extensions) {
        return refused("a chunk line");
    }
    let digits = String::from_utf8_lossy(digits);
    let digits = digits.trim_start_matches('0');
    match u64::from_str_radix(digits, 16) {
        Ok(size) => Ok(size),
        Err(_) if digits.is_empty() => Ok(0),
        Err(_) => refused("too long a body"),
    }
}

/// `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`, from the end on: what is left when
/// the last extension is taken away must be extensions again.
fn are_extensions(text: &[u8]) -> bool {
    if text.is_empty() {
        return true;
    }
    // A semicolon may stand in a quoted string, so each could be the one that begins the last.
    let semicolons = (0..text.len()).filter(|at| text[*at] == b';');
    semicolons.into_iter().any(|at| {
        is_extension(&text[at + 1..]) && {
            let before = &text[..at];
            are_extensions(trimmed_end(before))
        }
    })
}

fn is_extension(text: &[u8]) -> bool {
    let text = trimmed_start(text);
    match text.iter().position(|octet| *octet == b'=') {
        None => is_token(text),
        Some(equals) => {
            let value = trimmed_start(&text[equals + 1..]);
            is_token(trimmed_end(&text[..equals])) && (is_token(value) || is_quoted(value))
        }
    }
}

fn is_quoted(text: &[u8]) -> bool {
    let inner = text.strip_prefix(b"\"").and_then(|text| text.strip_suffix(b"\""));
    let Some(inner) = inner else { return false };
    let mut escaped = false;
    for octet in inner {
        match (escaped, octet) {
            (false, b'\\') => escaped = true,
            (false, b'"') => return false,
            _ if !is_value(&[*octet]) => return false,
            _ => escaped = false,
        }
    }
    !escaped
}

fn trimmed_start(text: &[u8]) -> &[u8] {
    let begin = text.iter().position(|octet| !matches!(octet, b' ' | b'\t'));
    &text[begin.unwrap_or(text.len())..]
}

fn trimmed_end(text: &[u8]) -> &[u8] {
    let end = text.iter().rposition(|octet| !matches!(octet, b' ' | b'\t'));
    &text[..end.map_or(0, |end| end + 1)]
}

/// The octets that the trailer takes.
fn trailer(text: &[u8], bounds: &Bounds) -> Result<usize, No> {
    let (mut at, mut sum, mut count) = (0, 0, 0);
    loop {
        let line = line(&text[at..])?;
        at += line.len() + 2;
        sum += line.len();
        if line.is_empty() {
            return Ok(at);
        }
        count += 1;
        let Some(colon) = line.iter().position(|octet| *octet == b':') else {
            return refused("a trailer field without a colon");
        };
        let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
        let forbidden = NOT_IN_TRAILERS.split(' ').any(|word| word == name);
        let valid = is_token(&line[..colon]) && is_value(trimmed(&line[colon + 1..]));
        if !valid || forbidden || sum > bounds.trailer_bytes || count > bounds.fields {
            return refused("a trailer field");
        }
    }
}
