//! Version 1: one line of text (section 2.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::str::FromStr;

use super::super::limits::PROXY_LINE_BYTES_MAX;
use super::super::refusal::bad;
use super::{Proxied, Stop};

/// Reads the line.
pub(super) fn read(bytes: &[u8]) -> Result<Proxied, Stop> {
    let seen = &bytes[..bytes.len().min(PROXY_LINE_BYTES_MAX)];
    let end = seen.iter().position(|byte| *byte == b'\r');
    let line = &seen[..end.unwrap_or(seen.len())];
    if line.len() + 2 > PROXY_LINE_BYTES_MAX {
        return Err(bad("a PROXY line that is too long").into());
    }
    let source = Words { rest: Some(line), ended: end.is_some() }.line()?;
    match seen.get(line.len() + 1) {
        Some(b'\n') => Ok(Proxied { length: line.len() + 2, source }),
        Some(_) => Err(bad("a PROXY line that does not end in CRLF").into()),
        None => Err(Stop::More),
    }
}

/// The words of a line, with one space between them.
struct Words<'a> {
    /// `None` when the last one is taken.
    rest: Option<&'a [u8]>,
    /// The end of the line was seen; else the last word may go on.
    ended: bool,
}

impl<'a> Words<'a> {
    fn line(mut self) -> Result<Option<SocketAddr>, Stop> {
        self.keyword(&[b"PROXY"])?;
        match self.keyword(&[b"TCP4", b"TCP6", b"UNKNOWN"])? {
            0 => self.source::<Ipv4Addr>().map(Some),
            1 => self.source::<Ipv6Addr>().map(Some),
            _ => self.anything().map(|()| None),
        }
    }

    /// One of these, by its index.
    fn keyword(&mut self, words: &[&[u8]]) -> Result<usize, Stop> {
        let begins = |begun: &[u8]| words.iter().any(|word| word.starts_with(begun));
        let word = self.word(begins)?;
        let found = words.iter().position(|known| *known == word);
        found.ok_or(bad("a malformed PROXY line").into())
    }

    /// Addresses and ports of both ends: the client's.
    fn source<T: FromStr + Into<IpAddr>>(&mut self) -> Result<SocketAddr, Stop> {
        let source = self.address::<T>()?;
        self.address::<T>()?;
        let port = self.port()?;
        self.port()?;
        if self.rest.is_some() {
            return Err(bad("a PROXY line with too many words").into());
        }
        Ok(SocketAddr::new(source.into(), port))
    }

    fn address<T: FromStr>(&mut self) -> Result<T, Stop> {
        let word = self.word(may_become::<T>)?;
        parsed(word).ok_or(bad("a malformed address in a PROXY line").into())
    }

    fn port(&mut self) -> Result<u16, Stop> {
        let word = self.word(|begun| begun.is_empty() || port(begun).is_some())?;
        port(word).ok_or(bad("a malformed port in a PROXY line").into())
    }

    /// What follows `UNKNOWN` has no meaning; text it must be, as all of the line.
    fn anything(&mut self) -> Result<(), Stop> {
        let is_text = |byte: &u8| (b' '..=b'~').contains(byte);
        if !self.rest.take().unwrap_or_default().iter().all(is_text) {
            return Err(bad("a PROXY line that is not text").into());
        }
        if self.ended { Ok(()) } else { Err(Stop::More) }
    }

    /// The next word when it is complete. One that is not may have begun so.
    fn word(&mut self, may_begin_so: impl Fn(&[u8]) -> bool) -> Result<&'a [u8], Stop> {
        let rest = self.rest.ok_or(Stop::from(bad("a PROXY line with too few words")))?;
        if let Some(space) = rest.iter().position(|byte| *byte == b' ') {
            self.rest = Some(&rest[space + 1..]);
            return Ok(&rest[..space]);
        }
        self.rest = None;
        if self.ended {
            Ok(rest)
        } else if may_begin_so(rest) {
            Err(Stop::More)
        } else {
            Err(bad("a malformed PROXY line").into())
        }
    }
}

/// Whether an address can begin so: one of these would end it.
fn may_become<T: FromStr>(begun: &[u8]) -> bool {
    const ENDINGS: [&str; 10] =
        ["", "0", ":", "::", ".0", "0.0", ".0.0", "0.0.0", ".0.0.0", "0.0.0.0"];
    ENDINGS.iter().any(|ending| parsed::<T>(&[begun, ending.as_bytes()].concat()).is_some())
}

/// As the standard library has it: no leading zeros, one `::`, and an IPv4 address at the end of an
/// IPv6 address, as `inet_ntop(3)` writes mapped ones.
fn parsed<T: FromStr>(word: &[u8]) -> Option<T> {
    std::str::from_utf8(word).ok()?.parse().ok()
}

/// Decimal, without a leading zero or sign.
fn port(word: &[u8]) -> Option<u16> {
    let plain = word.iter().all(u8::is_ascii_digit) && (word == b"0" || !word.starts_with(b"0"));
    parsed(word).filter(|_| plain)
}

#[cfg(test)]
mod tests;
