//! A second reader of HTTP/1.1 requests, written from RFC 9112 in the plainest way: all of the input is
//! there, lines are split, nothing is fast, and no code is shared with the server.
//!
//! It makes the server's choices where the RFC leaves one: what may be refused is refused.

mod agreement;
mod answers;
mod body;
mod head;
mod syntax;

pub(crate) use agreement::agree;
pub(crate) use answers::answers;

/// What the octets of one connection mean.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) messages: Vec<Message>,
    pub(crate) end: End,
}

/// One request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    pub(crate) method: String,
    pub(crate) target: String,
    /// The digit behind `1.`.
    pub(crate) minor: u8,
    pub(crate) fields: Vec<(String, Vec<u8>)>,
    pub(crate) body: Vec<u8>,
    /// Where it ends in the input.
    pub(crate) end: usize,
    persists: bool,
}

/// What comes behind the last message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing: another message may follow.
    Silence,
    /// The beginning of a message.
    Incomplete,
    /// The last message was said to be the last.
    Closed,
    /// No message.
    Refused(&'static str),
}

/// How much of a message may be said.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) head_bytes: usize,
    pub(crate) fields: usize,
    pub(crate) body_bytes: u64,
    pub(crate) chunk_line_bytes: usize,
    pub(crate) trailer_bytes: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            head_bytes: 16 * 1024,
            fields: 100,
            body_bytes: 1024 * 1024,
            chunk_line_bytes: 256,
            trailer_bytes: 4 * 1024,
        }
    }
}

/// Why there is no message.
enum No {
    /// More could make one.
    More,
    Refused(&'static str),
}

/// Reads all messages of a connection.
pub(crate) fn read(input: &[u8], bounds: &Bounds) -> Reading {
    let mut messages: Vec<Message> = Vec::new();
    loop {
        let at = messages.last().map_or(0, |message| message.end);
        let end = match message(input, at, bounds) {
            _ if messages.last().is_some_and(|last| !last.persists) => End::Closed,
            _ if matches!(&input[at..], b"" | b"\r" | b"\r\n") => End::Silence,
            Ok(message) => {
                messages.push(message);
                continue;
            }
            Err(No::More) => End::Incomplete,
            Err(No::Refused(why)) => End::Refused(why),
        };
        return Reading { messages, end };
    }
}

fn message(input: &[u8], at: usize, bounds: &Bounds) -> Result<Message, No> {
    let (head, begin) = head::read(&input[at..], bounds)?;
    let begin = at + begin;
    let (body, length) = match head.framing()? {
        body::Framing::Length(length) => body::counted(&input[begin..], length, bounds)?,
        body::Framing::Chunked => body::chunked(&input[begin..], bounds)?,
    };
    Ok(Message {
        persists: head.persists(),
        method: head.method,
        target: head.target,
        minor: head.minor,
        fields: head.fields,
        body,
        end: begin + length,
    })
}

fn refused<T>(why: &'static str) -> Result<T, No> {
    Err(No::Refused(why))
}

/// Where `what` begins in `text`.
fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}
