//! One peer's messages, in order.

mod receiving;

use std::panic::{AssertUnwindSafe, catch_unwind};

use super::encode::{self, Persistence};
use super::framing::{Body, Framing};
use super::head::{self, Head};
use super::refusal::{Refusal, refuse};
use super::request::{Request, Version};
use super::response::Response;
use super::turn::{Meter, Turn};
use crate::error::panic_text;
use receiving::Receiving;

/// The state of one connection. It owns memory only while a message is incomplete.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// The beginning of a message, or, after a flush, whole ones.
    leftover: Vec<u8>,
    /// How far the leftover has been searched for the end of a head.
    searched: usize,
    receiving: Option<Box<Receiving>>,
    requests: u32,
    closed: bool,
}

/// What the connection needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Write what stands in the output, then read more.
    Read,
    /// The output is over its high-water mark: write it all, then call [`Connection::resume`].
    Flush,
    /// Write what stands in the output, then close. With `linger` the peer may still be sending:
    /// close for writing, and read to the end first.
    Close { linger: bool },
}

/// What the peer owes us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Awaits {
    /// A request, when it likes.
    Idle,
    /// The rest of a head.
    Head,
    /// The rest of a body.
    Body,
}

/// How far one message went.
enum Step {
    /// So many octets were used up; look at what follows.
    Used(usize),
    /// All octets were used up or kept; the message is incomplete.
    Incomplete(usize),
    /// The connection ends; with `linger` the peer may still be sending.
    Close { linger: bool },
}

impl Connection {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Takes what was read from the peer, and answers all requests that it completes.
    pub(crate) fn feed<H, M>(&mut self, input: &[u8], turn: &mut Turn<'_, H, M>) -> Next
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
        M: Meter,
    {
        if self.leftover.is_empty() {
            return self.process(input, turn);
        }
        let mut bytes = std::mem::take(&mut self.leftover);
        bytes.extend_from_slice(input);
        self.process(&bytes, turn)
    }

    /// Goes on after a flush.
    pub(crate) fn resume<H, M>(&mut self, turn: &mut Turn<'_, H, M>) -> Next
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
        M: Meter,
    {
        self.feed(&[], turn)
    }

    /// The peer sends nothing more. Whatever was complete has been answered.
    pub(crate) fn end_of_input<H, M>(&mut self, _turn: &mut Turn<'_, H, M>) -> Next {
        self.close(false)
    }

    /// The peer took too long: silence ends an idle connection, a 408 one with half a request.
    pub(crate) fn timed_out<H, M: Meter>(&mut self, turn: &mut Turn<'_, H, M>) -> Next {
        if self.awaits() == Awaits::Idle {
            return self.close(false);
        }
        let head_only = self.leftover.starts_with(b"HEAD ");
        self.refuse(refuse(408, "the request took too long"), head_only, turn)
    }

    pub(crate) fn awaits(&self) -> Awaits {
        match (&self.receiving, self.leftover.as_slice()) {
            (Some(_), _) => Awaits::Body,
            // An empty line after a body is a habit of old clients, and begins nothing.
            (None, b"" | b"\r" | b"\r\n") => Awaits::Idle,
            (None, _) => Awaits::Head,
        }
    }

    /// Requests that were answered by a handler.
    pub(crate) fn requests(&self) -> u32 {
        self.requests
    }

    fn process<H, M>(&mut self, bytes: &[u8], turn: &mut Turn<'_, H, M>) -> Next
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
        M: Meter,
    {
        let mut at = 0;
        while at < bytes.len() && !self.closed {
            if turn.out.len() >= turn.limits.output_high_water_bytes {
                self.leftover.extend_from_slice(&bytes[at..]);
                return Next::Flush;
            }
            let rest = &bytes[at..];
            let step = match self.receiving.take() {
                Some(receiving) => self.receive(receiving, rest, turn),
                None => self.begin(rest, turn),
            };
            match step {
                Ok(Step::Used(count)) => at += count,
                Ok(Step::Incomplete(count)) => {
                    self.leftover.extend_from_slice(&rest[count..]);
                    return Next::Read;
                }
                Ok(Step::Close { linger }) => return self.close(linger),
                Err(refusal) => {
                    let head_only = rest.starts_with(b"HEAD ");
                    return self.refuse(refusal, head_only, turn);
                }
            }
        }
        if self.closed { Next::Close { linger: true } } else { Next::Read }
    }

    /// A message from its first octet on.
    fn begin<H, M>(&mut self, bytes: &[u8], turn: &mut Turn<'_, H, M>) -> Result<Step, Refusal>
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
        M: Meter,
    {
        let Some(end) = head::find_end(bytes, self.searched.min(bytes.len()), turn.limits)? else {
            self.searched = bytes.len();
            return Ok(Step::Incomplete(0));
        };
        self.searched = 0;
        let mut room = head::room();
        let head = head::parse(&bytes[..end], &mut room)?;
        let framing = Framing::of(&head, turn.limits)?;
        let body = &bytes[end..];
        let complete = match framing.body {
            Body::None => Some(0),
            Body::Length(length) => usize::try_from(length).ok().filter(|n| *n <= body.len()),
            Body::Chunked => None,
        };
        if let Some(length) = complete {
            let after = &body[length..];
            let persistence = self.answer(head, framing, &body[..length], after, turn);
            return Ok(Step::after(persistence, framing, end + length, after));
        }
        if framing.expects_continue && body.is_empty() {
            turn.out.extend_from_slice(encode::CONTINUE);
        }
        self.receiving = Some(Box::new(Receiving::new(&bytes[..end], framing)));
        Ok(if body.is_empty() { Step::Incomplete(end) } else { Step::Used(end) })
    }

    /// More of a body.
    fn receive<H, M>(
        &mut self,
        mut receiving: Box<Receiving>,
        bytes: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Result<Step, Refusal>
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
        M: Meter,
    {
        let (consumed, done) = receiving.take(bytes, turn.limits)?;
        if !done {
            self.receiving = Some(receiving);
            return Ok(Step::Incomplete(consumed));
        }
        let mut room = head::room();
        let head = head::parse(&receiving.head, &mut room)?;
        let after = &bytes[consumed..];
        let framing = receiving.framing;
        let persistence = self.answer(head, framing, &receiving.body, after, turn);
        Ok(Step::after(persistence, framing, consumed, after))
    }

    /// Lets the handler answer a complete request; `after` is what follows it.
    fn answer<H, M>(
        &mut self,
        head: Head<'_, '_>,
        framing: Framing,
        body: &[u8],
        after: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Persistence
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
        M: Meter,
    {
        self.requests = self.requests.saturating_add(1);
        let head_only = head.method == "HEAD";
        let version = head.version;
        let request = Request::new(head, body, turn.remote);
        let mut response = Response::new(turn.scratch);
        turn.meter.begin();
        let handler = &mut *turn.handler;
        let called = catch_unwind(AssertUnwindSafe(|| handler(&request, &mut response)));
        let panic = called.err();
        let panic = panic.as_ref().map(|panic| panic_text(&**panic));
        if let Some(fault) = panic.or(response.fault) {
            turn.meter.fault(fault);
            encode::refusal(turn.out, refuse(500, "the server failed"), turn.date, head_only);
            turn.meter.served(500);
            return Persistence::Close;
        }
        let last = self.requests >= turn.limits.requests_max
            || turn.draining && !matches!(head::find_end(after, 0, turn.limits), Ok(Some(_)));
        let persistence = match version {
            _ if last || response.close || !framing.keep_alive => Persistence::Close,
            Version::Http10 => Persistence::KeepAndSay,
            Version::Http11 => Persistence::Keep,
        };
        encode::response(turn.out, &response, turn.date, persistence, head_only);
        turn.meter.served(response.status);
        persistence
    }

    fn refuse<H, M: Meter>(
        &mut self,
        refusal: Refusal,
        head_only: bool,
        turn: &mut Turn<'_, H, M>,
    ) -> Next {
        encode::refusal(turn.out, refusal, turn.date, head_only);
        turn.meter.served(refusal.status);
        self.close(true)
    }

    /// Whatever else the peer sends is not looked at.
    fn close(&mut self, linger: bool) -> Next {
        self.closed = true;
        self.leftover = Vec::new();
        self.receiving = None;
        Next::Close { linger }
    }
}

impl Step {
    /// A client that asked for the end, and sent nothing behind its request, sends nothing more.
    fn after(persistence: Persistence, framing: Framing, used: usize, after: &[u8]) -> Self {
        match persistence {
            Persistence::Close => Self::Close { linger: framing.keep_alive || !after.is_empty() },
            Persistence::Keep | Persistence::KeepAndSay => Self::Used(used),
        }
    }
}

#[cfg(test)]
mod tests;
