//! What may stand in the lines of the coding.

use super::super::characters::{is_field_value, is_token};
use super::super::refusal::{Refusal, bad};

/// RFC 9112 section 7.1.1: what follows the first `;`. Their meaning is nobody's, but where they end is
/// read in two ways when their form is not kept.
pub(super) fn check_extensions(line: &[u8]) -> Result<(), Refusal> {
    let ends_in_blank = matches!(line.last(), Some(b' ' | b'\t'));
    let mut left = if ends_in_blank { None } else { Some(line) };
    while let Some(line) = left {
        match extension_end(line) {
            Some([]) => return Ok(()),
            Some([b';', next @ ..]) => left = Some(next),
            _ => left = None,
        }
    }
    Err(bad("a malformed chunk extension"))
}

/// What follows one extension and the blanks around it.
fn extension_end(line: &[u8]) -> Option<&[u8]> {
    let after = without_blanks(token_end(without_blanks(line))?);
    let Some(value) = after.strip_prefix(b"=") else { return Some(after) };
    let value = without_blanks(value);
    let end = if let Some(quoted) = value.strip_prefix(b"\"") {
        quoted_end(quoted)
    } else {
        token_end(value)
    };
    end.map(without_blanks)
}

/// What follows a token.
fn token_end(line: &[u8]) -> Option<&[u8]> {
    let length = line.iter().position(|byte| !is_token(&[*byte])).unwrap_or(line.len());
    (length > 0).then(|| &line[length..])
}

/// What follows a quoted string whose first quote is behind us (RFC 9110 section 5.6.4).
fn quoted_end(mut line: &[u8]) -> Option<&[u8]> {
    loop {
        line = match line {
            [b'"', after @ ..] => return Some(after),
            [b'\\'] | [] => return None,
            [b'\\', _, after @ ..] | [_, after @ ..] => after,
        }
    }
}

fn without_blanks(mut line: &[u8]) -> &[u8] {
    while let [b' ' | b'\t', after @ ..] = line {
        line = after;
    }
    line
}

/// RFC 9110 section 6.5.1: fields that frame, route or authorize the message, or say how it is to be
/// taken, have no place behind it. It leaves open which those are; these are those of RFC 7230 section
/// 4.1.2.
const FORBIDDEN: [&[u8]; 21] = [
    b"authorization",
    b"cache-control",
    b"connection",
    b"content-encoding",
    b"content-length",
    b"content-range",
    b"content-type",
    b"cookie",
    b"expect",
    b"host",
    b"keep-alive",
    b"max-forwards",
    b"pragma",
    b"proxy-authorization",
    b"proxy-connection",
    b"range",
    b"te",
    b"trailer",
    b"transfer-encoding",
    b"upgrade",
    b"set-cookie",
];

/// One line of the trailer, without its end.
pub(super) fn check_trailer(line: &[u8]) -> Result<(), Refusal> {
    let colon = line.iter().position(|byte| *byte == b':');
    let (name, value) = line.split_at(colon.ok_or(bad("a malformed trailer field"))?);
    if !is_token(name) || !is_field_value(value) {
        return Err(bad("a malformed trailer field"));
    }
    if FORBIDDEN.iter().any(|forbidden| name.eq_ignore_ascii_case(forbidden)) {
        return Err(bad("a trailer field that must not be one"));
    }
    Ok(())
}
