//! One peer's messages, in order.

mod answering;
mod receiving;

use std::time::Duration;

use super::encode;
use super::framing::{Body, Framing};
use super::handler::Handler;
use super::head;
use super::proxy;
use super::record::Served;
use super::refusal::{Refusal, refuse};
use super::turn::{Meter, Turn};
use answering::{Answering, By, Outcome};
use receiving::{Receiving, Taken};

/// The state of one connection. It owns memory only while a message is incomplete or its answer is.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// The beginning of a message, or, while answers are sent, whole ones.
    leftover: Vec<u8>,
    state: State,
    /// How far the leftover has been searched for the end of a head.
    searched: usize,
    requests: u32,
    /// There is more to be done without more input.
    paused: bool,
}

#[derive(Debug, Default)]
enum State {
    /// A message begins next.
    #[default]
    Between,
    /// The PROXY protocol's header comes before anything else.
    Preface,
    /// In a body.
    Receiving(Box<Receiving>),
    /// An answer is not complete; what the peer sends meanwhile waits.
    Answering(Box<Answering>),
    Closed,
}

/// What the connection needs next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Write what stands in the output, then read more.
    Read,
    /// Write all that stands in the output, then call [`Connection::resume`].
    Flush,
    /// Write all that stands in the output, then what [`Connection::slice`] says, and resume.
    File,
    /// Write what stands in the output. Read nothing until the answer comes, or resume when there is
    /// more of it.
    Wait,
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
    /// Nothing: an answer is being made.
    Nothing,
}

/// How far one message went.
enum Step {
    /// So many octets were used up; look at what follows.
    Used(usize),
    /// So many were used up; the message is incomplete.
    Incomplete(usize),
    /// So many were used up; the answer is not complete.
    Answering(usize),
    /// The connection ends; with `linger` the peer may still be sending.
    Close { linger: bool },
}

impl Connection {
    /// With `preface` the connection begins with the PROXY protocol's header.
    pub(crate) fn new(preface: bool) -> Self {
        let state = if preface { State::Preface } else { State::Between };
        Self { state, ..Self::default() }
    }

    /// Takes what was read from the peer, and answers all requests that it completes.
    pub(crate) fn feed<H: Handler, M: Meter>(
        &mut self,
        input: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Next {
        if self.leftover.is_empty() {
            return self.process(input, turn);
        }
        let mut bytes = std::mem::take(&mut self.leftover);
        bytes.extend_from_slice(input);
        self.process(&bytes, turn)
    }

    /// Goes on after a flush, a part of a file, or when there is more of an answer.
    pub(crate) fn resume<H: Handler, M: Meter>(&mut self, turn: &mut Turn<'_, H, M>) -> Next {
        self.paused = false;
        match self.state {
            State::Answering(_) => self.go_on_answering(turn),
            _ => self.feed(&[], turn),
        }
    }

    /// Something can be done without more input.
    pub(crate) fn can_resume(&self) -> bool {
        self.paused || matches!(self.state, State::Answering(_))
    }

    /// The peer sends nothing more. Whatever was complete has been answered.
    pub(crate) fn end_of_input(&mut self) -> Next {
        self.close(false)
    }

    /// The peer took too long: silence ends an idle connection, a 408 one with half a request.
    pub(crate) fn timed_out<H, M: Meter>(&mut self, turn: &mut Turn<'_, H, M>) -> Next {
        if self.awaits() == Awaits::Idle {
            return self.close(false);
        }
        let head_only = self.asks_for_head(&self.leftover);
        self.refuse(refuse(408, "the request took too long"), head_only, turn)
    }

    pub(crate) fn awaits(&self) -> Awaits {
        match (&self.state, self.leftover.as_slice()) {
            (State::Receiving(_), _) => Awaits::Body,
            (State::Answering(_), _) => Awaits::Nothing,
            // An empty line after a body is a habit of old clients, and begins nothing.
            (State::Between | State::Closed, b"" | b"\r" | b"\r\n") => Awaits::Idle,
            (State::Between | State::Closed | State::Preface, _) => Awaits::Head,
        }
    }

    /// Since when a body is being received, and how many octets of it have come.
    pub(crate) fn receives(&self) -> Option<(Duration, u64)> {
        match &self.state {
            State::Receiving(receiving) => Some((receiving.since, receiving.octets)),
            _ => None,
        }
    }

    /// Requests that were answered by a handler.
    pub(crate) fn requests(&self) -> u32 {
        self.requests
    }

    fn process<H: Handler, M: Meter>(&mut self, bytes: &[u8], turn: &mut Turn<'_, H, M>) -> Next {
        let mut at = 0;
        while at < bytes.len() {
            let rest = &bytes[at..];
            if turn.out.len() >= turn.limits.output_high_water_bytes {
                self.leftover.extend_from_slice(rest);
                return self.pause();
            }
            let head_only = self.asks_for_head(rest);
            let step = match std::mem::take(&mut self.state) {
                State::Preface => self.preface(rest, turn),
                State::Between => self.begin(rest, turn),
                State::Receiving(receiving) => self.receive(receiving, rest, turn),
                answering @ State::Answering(_) => {
                    self.state = answering;
                    Ok(Step::Answering(0))
                }
                State::Closed => Ok(Step::Close { linger: true }),
            };
            match step {
                Ok(Step::Used(count)) => at += count,
                Ok(Step::Incomplete(count)) => {
                    self.leftover.extend_from_slice(&rest[count..]);
                    return Next::Read;
                }
                Ok(Step::Answering(count)) => {
                    self.leftover.extend_from_slice(&rest[count..]);
                    return self.go_on_answering(turn);
                }
                Ok(Step::Close { linger }) => return self.close(linger),
                Err(refusal) => return self.refuse(refusal, head_only, turn),
            }
        }
        Next::Read
    }

    fn preface<H, M>(&mut self, bytes: &[u8], turn: &mut Turn<'_, H, M>) -> Result<Step, Refusal> {
        let Some(proxied) = proxy::read(bytes)? else {
            self.state = State::Preface;
            return Ok(Step::Incomplete(0));
        };
        // A proxy that speaks for itself names nobody.
        *turn.remote = proxied.source.or(*turn.remote);
        Ok(Step::Used(proxied.length))
    }

    /// A message from its first octet on.
    fn begin<H: Handler, M: Meter>(
        &mut self,
        bytes: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Result<Step, Refusal> {
        let Some(end) = head::find_end(bytes, self.searched.min(bytes.len()), turn.limits)? else {
            self.searched = bytes.len();
            return Ok(Step::Incomplete(0));
        };
        self.searched = 0;
        let mut room = head::room();
        let head = head::parse(&bytes[..end], &mut room)?;
        let framing = Framing::of(&head)?;
        let body = &bytes[end..];
        if framing.body == Body::None {
            let outcome = self.answer(&head, framing, By::Handler(&[]), body, turn);
            return Ok(outcome.step(framing, end, body));
        }
        let intake = receiving::plan(&head, framing, turn)?;
        let whole = framing.body.length().filter(|length| *length <= body.len() as u64);
        if let (Some(length), None) = (whole, &intake.sink) {
            // It fits into memory, where it is.
            let (body, after) = body.split_at(usize::try_from(length).unwrap_or(body.len()));
            let outcome = self.answer(&head, framing, By::Handler(body), after, turn);
            return Ok(outcome.step(framing, end + body.len(), after));
        }
        if framing.expects_continue && body.is_empty() {
            turn.out.extend_from_slice(encode::CONTINUE);
        }
        let receiving = Receiving::new(&bytes[..end], framing, intake, turn.now);
        self.state = State::Receiving(Box::new(receiving));
        Ok(if body.is_empty() { Step::Incomplete(end) } else { Step::Used(end) })
    }

    /// More of a body.
    fn receive<H: Handler, M: Meter>(
        &mut self,
        mut receiving: Box<Receiving>,
        bytes: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Result<Step, Refusal> {
        let consumed = match receiving.take(bytes, turn)? {
            Taken::Incomplete(consumed) => {
                self.state = State::Receiving(receiving);
                return Ok(Step::Incomplete(consumed));
            }
            Taken::Complete(consumed) => consumed,
        };
        let after = &bytes[consumed..];
        let mut room = head::room();
        let head = head::parse(&receiving.head, &mut room)?;
        let framing = receiving.framing;
        let by = receiving.sink.take().map_or(By::Handler(&receiving.body), By::Sink);
        let outcome = self.answer(&head, framing, by, after, turn);
        Ok(outcome.step(framing, consumed, after))
    }

    /// The message at hand, of which `bytes` come next, wants no body in its answer.
    fn asks_for_head(&self, bytes: &[u8]) -> bool {
        match &self.state {
            State::Between => head::asks_for_head(bytes),
            State::Receiving(receiving) => head::asks_for_head(&receiving.head),
            State::Preface | State::Answering(_) | State::Closed => false,
        }
    }

    fn refuse<H, M: Meter>(
        &mut self,
        refusal: Refusal,
        head_only: bool,
        turn: &mut Turn<'_, H, M>,
    ) -> Next {
        let body_bytes = encode::refusal(turn.out, refusal, turn.date, head_only);
        let (status, remote) = (refusal.status, *turn.remote);
        turn.meter.served(&Served { status, began_ns: None, body_bytes, remote, line: None });
        self.close(true)
    }

    /// The output is to be written before anything else is done.
    fn pause(&mut self) -> Next {
        self.paused = true;
        Next::Flush
    }

    /// Whatever else the peer sends is not looked at.
    fn close(&mut self, linger: bool) -> Next {
        self.state = State::Closed;
        self.leftover = Vec::new();
        self.paused = false;
        Next::Close { linger }
    }
}

impl Outcome {
    fn step(self, framing: Framing, used: usize, after: &[u8]) -> Step {
        match self {
            Self::Kept => Step::Used(used),
            Self::Unfinished => Step::Answering(used),
            // A client that asked for the end, and sent nothing behind its request, sends nothing more.
            Self::Last => Step::Close { linger: framing.keep_alive || !after.is_empty() },
        }
    }
}

#[cfg(test)]
mod tests;
