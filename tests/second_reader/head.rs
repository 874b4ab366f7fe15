//! RFC 9112 sections 2 to 6: the head, and what it says of the body.

use super::body::Framing;
use super::syntax::{elements, is_host_field, is_target, is_token, is_value, trimmed};
use super::{Bounds, No, find, refused};

pub(super) struct Head {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) minor: u8,
    pub(super) fields: Vec<(String, Vec<u8>)>,
}

/// The head that `text` begins with, and its length.
pub(super) fn read(text: &[u8], bounds: &Bounds) -> Result<(Head, usize), No> {
    let blank = if text.starts_with(b"\r\n") { 2 } else { 0 };
    let seen = &text[..text.len().min(bounds.head_bytes)];
    if seen[blank..].starts_with(b"\r\n") {
        return refused("a second empty line");
    }
    let Some(length) = find(&seen[blank..], b"\r\n\r\n") else {
        let has_bare_feed =
            (0..seen.len()).any(|at| seen[at] == b'\n' && (at == 0 || seen[at - 1] != b'\r'));
        return match has_bare_feed {
            true => refused("a bare line feed"),
            false if seen.len() == bounds.head_bytes => refused("too long"),
            false => Err(No::More),
        };
    };
    let mut lines = lines(&seen[blank..blank + length]);
    if lines.iter().any(|line| line.iter().any(|octet| matches!(octet, b'\r' | b'\n'))) {
        return refused("a bare CR or LF");
    }
    let request_line = lines.remove(0);
    if lines.len() > bounds.fields {
        return refused("too many fields");
    }
    let words: Vec<&[u8]> = request_line.split(|octet| *octet == b' ').collect();
    let [method, target, version] = words[..] else { return refused("not three words") };
    let minor = match version {
        b"HTTP/1.1" => 1,
        b"HTTP/1.0" => 0,
        _ => return refused("not a version that is spoken"),
    };
    if !is_token(method) || method == b"CONNECT" || !is_target(method, target) {
        return refused("a method or target");
    }
    let fields: Option<Vec<_>> = lines.into_iter().map(field).collect();
    let Some(fields) = fields else { return refused("a field") };
    let text = |octets: &[u8]| String::from_utf8_lossy(octets).into_owned();
    let head = Head { method: text(method), target: text(target), minor, fields };
    head.check()?;
    Ok((head, blank + length + 4))
}

/// Split at each CRLF.
fn lines(mut text: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::new();
    while let Some(end) = find(text, b"\r\n") {
        lines.push(&text[..end]);
        text = &text[end + 2..];
    }
    lines.push(text);
    lines
}

fn field(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let colon = line.iter().position(|octet| *octet == b':')?;
    let (name, value) = (&line[..colon], trimmed(&line[colon + 1..]));
    let valid = is_token(name) && is_value(value);
    valid.then(|| (String::from_utf8_lossy(name).into_owned(), value.to_vec()))
}

impl Head {
    fn values(&self, name: &str) -> Vec<&[u8]> {
        let named = self.fields.iter().filter(|field| field.0.eq_ignore_ascii_case(name));
        named.map(|field| &field.1[..]).collect()
    }

    /// All elements of all fields of this name, in small letters.
    fn list(&self, name: &str) -> Vec<Vec<u8>> {
        self.values(name).into_iter().flat_map(elements).collect()
    }

    fn check(&self) -> Result<(), No> {
        match self.values("host")[..] {
            [] if self.minor == 0 => {}
            [host] if is_host_field(host) => {}
            _ => return refused("Host"),
        }
        let expectations = self.values("expect");
        if expectations.iter().any(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
            return refused("an expectation");
        }
        Ok(())
    }

    pub(super) fn framing(&self) -> Result<Framing, No> {
        let codings = self.list("transfer-encoding");
        match (&self.values("content-length")[..], codings.is_empty()) {
            ([], true) => Ok(Framing::Length(0)),
            ([], false) if self.minor == 1 && codings == [b"chunked"] => Ok(Framing::Chunked),
            ([length], true) => {
                let digits = std::str::from_utf8(length).unwrap_or_default();
                let only_digits = digits.chars().all(|digit| digit.is_ascii_digit());
                match digits.parse() {
                    Ok(length) if only_digits => Ok(Framing::Length(length)),
                    _ => refused("Content-Length"),
                }
            }
            _ => refused("framing"),
        }
    }

    pub(super) fn persists(&self) -> bool {
        let options = self.list("connection");
        let says = |option: &[u8]| options.iter().any(|said| said == option);
        !says(b"close") && (self.minor == 1 || says(b"keep-alive"))
    }
}
