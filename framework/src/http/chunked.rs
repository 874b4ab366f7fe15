//! The chunked transfer coding (RFC 9112 section 7.1), undone strictly and in any portions.

mod syntax;

use super::limits::{CHUNK_LINE_BYTES_MAX, HEADERS_MAX, Limits, TRAILER_BYTES_MAX};
use super::refusal::{Refusal, bad, refuse};

const LONG_CHUNK_LINE: Refusal = bad("a line before a chunk that is too long");

/// Where in the coding the decoder stands.
#[derive(Debug, Default)]
pub(super) struct Decoder {
    state: State,
    /// Octets of the present chunk line, or of all trailer lines.
    spent: usize,
    /// The extensions of a chunk, or a line of the trailer.
    line: Vec<u8>,
    trailers: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    /// In a chunk's size; no digit yet when `None`.
    Size(Option<u64>),
    /// Blanks, after which only an extension may come.
    Blank(u64),
    Extension(u64),
    SizeFeed(u64),
    Data(u64),
    DataReturn,
    DataFeed,
    Trailer,
    TrailerFeed,
    #[default]
    Start,
}

/// What a portion brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    /// Octets of the portion that belong to the body.
    pub(super) consumed: usize,
    /// The body is complete.
    pub(super) done: bool,
}

impl Decoder {
    /// Takes a portion and appends what it holds of the body to `body`.
    pub(super) fn decode(
        &mut self,
        input: &[u8],
        body: &mut Vec<u8>,
        limits: &Limits,
    ) -> Result<Decoded, Refusal> {
        let mut at = 0;
        while at < input.len() {
            if let State::Data(left) = self.state {
                let count = usize::try_from(left).unwrap_or(usize::MAX).min(input.len() - at);
                body.extend_from_slice(&input[at..at + count]);
                at += count;
                let left = left - count as u64;
                self.state = if left == 0 { State::DataReturn } else { State::Data(left) };
                continue;
            }
            let done = self.step(input[at], body.len() as u64, limits)?;
            at += 1;
            if done {
                return Ok(Decoded { consumed: at, done: true });
            }
        }
        Ok(Decoded { consumed: at, done: false })
    }

    /// Takes one octet that is not chunk data. True when it was the last.
    fn step(&mut self, byte: u8, body_bytes: u64, limits: &Limits) -> Result<bool, Refusal> {
        self.state = match (self.state, byte) {
            (State::Start, _) => {
                self.spent = 0;
                self.state = State::Size(None);
                return self.step(byte, body_bytes, limits);
            }
            (State::Size(size), _) if byte.is_ascii_hexdigit() => {
                self.spend(CHUNK_LINE_BYTES_MAX, LONG_CHUNK_LINE)?;
                State::Size(Some(grown(size.unwrap_or(0), byte, body_bytes, limits)?))
            }
            (State::Size(Some(size)), b'\r') => State::SizeFeed(size),
            (State::Extension(size), b'\r') => {
                syntax::check_extensions(&self.line)?;
                self.line.clear();
                State::SizeFeed(size)
            }
            (State::Size(Some(size)) | State::Blank(size), b';' | b' ' | b'\t') => {
                self.spend(CHUNK_LINE_BYTES_MAX, LONG_CHUNK_LINE)?;
                if byte == b';' { State::Extension(size) } else { State::Blank(size) }
            }
            (State::Size(_) | State::Blank(_), _) => return Err(bad("a malformed chunk size")),
            (State::Extension(size), _) if byte == b'\t' || byte >= b' ' && byte != 0x7f => {
                self.spend(CHUNK_LINE_BYTES_MAX, LONG_CHUNK_LINE)?;
                self.line.push(byte);
                State::Extension(size)
            }
            (State::Extension(_), _) => return Err(bad("a malformed chunk extension")),
            (State::SizeFeed(0), b'\n') => {
                self.spent = 0;
                State::Trailer
            }
            (State::SizeFeed(size), b'\n') => State::Data(size),
            (State::DataReturn, b'\r') => State::DataFeed,
            (State::DataFeed, b'\n') => State::Start,
            (State::Trailer, b'\r') => State::TrailerFeed,
            (State::Trailer, b'\n') => return Err(bad("a line that ends without CR")),
            (State::Trailer, _) => {
                self.spend(TRAILER_BYTES_MAX, refuse(431, "the trailer fields are too long"))?;
                self.line.push(byte);
                State::Trailer
            }
            (State::TrailerFeed, b'\n') if self.line.is_empty() => return Ok(true),
            (State::TrailerFeed, b'\n') => {
                syntax::check_trailer(&self.line)?;
                self.trailers += 1;
                if self.trailers > HEADERS_MAX {
                    return Err(refuse(431, "too many trailer fields"));
                }
                self.line.clear();
                State::Trailer
            }
            _ => return Err(bad("a chunk that does not end in CRLF")),
        };
        Ok(false)
    }

    fn spend(&mut self, most: usize, refusal: Refusal) -> Result<(), Refusal> {
        self.spent += 1;
        if self.spent > most { Err(refusal) } else { Ok(()) }
    }
}

/// One more digit of a size, as long as the body stays within its limit.
fn grown(size: u64, digit: u8, body_bytes: u64, limits: &Limits) -> Result<u64, Refusal> {
    let value = match digit {
        b'0'..=b'9' => digit - b'0',
        _ => (digit | 0x20) - b'a' + 10,
    };
    let size = size.checked_mul(16).and_then(|size| size.checked_add(u64::from(value)));
    size.filter(|size| size.saturating_add(body_bytes) <= limits.body_bytes_max)
        .ok_or(refuse(413, "the body is too long"))
}

#[cfg(test)]
mod tests;
