//! One peer's messages, in order.

mod answering;
mod concluding;
mod reading;
mod receiving;

use std::time::Duration;

use super::encode;
use super::handler::Handler;
use super::head;
use super::limits::REQUESTS_PER_TURN;
use super::record::Served;
use super::refusal::{Refusal, refuse};
use super::turn::{Meter, Turn};
use answering::Answering;
use receiving::Receiving;

/// The state of one connection. It owns memory only while a message is incomplete or its answer is.
#[derive(Debug, Default)]
pub(crate) struct Connection {
    /// The beginning of a message, or, while answers are sent, whole ones.
    leftover: Vec<u8>,
    state: State,
    /// How far the leftover has been searched for the end of a head.
    searched: usize,
    requests: u32,
    /// A body was not looked at, so that nobody knows where the next request begins.
    unread: bool,
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
    /// Write what stands in the output, then resume when the other connections had their turn.
    Again,
    /// Write what stands in the output. Read nothing until the answer comes, or resume when there is
    /// more of it.
    Wait,
    /// Cut the connection, so that the peer can see that the answer is not complete.
    Abort,
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

/// Why no more octets are looked at.
enum Stop {
    /// There are none, or they begin something.
    Incomplete,
    /// The output is to be written first.
    Full,
    /// The others come first.
    Enough,
    /// An answer is to be completed first.
    Answering,
    Close {
        linger: bool,
    },
    /// With the answer to HEAD, or another one.
    Refused(Refusal, bool),
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
        let stop = if self.leftover.is_empty() {
            let (used, stop) = self.process(input, turn);
            self.leftover.extend_from_slice(&input[used..]);
            stop
        } else {
            let mut bytes = std::mem::take(&mut self.leftover);
            bytes.extend_from_slice(input);
            let (used, stop) = self.process(&bytes, turn);
            if used < bytes.len() {
                bytes.drain(..used);
                self.leftover = bytes;
            }
            stop
        };
        match stop {
            Stop::Incomplete => Next::Read,
            Stop::Full => self.pause(),
            Stop::Enough => {
                self.paused = true;
                Next::Again
            }
            Stop::Answering => self.go_on_answering(turn),
            Stop::Close { linger } => self.close(linger),
            Stop::Refused(refusal, head_only) => self.refuse(refusal, head_only, turn),
        }
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
        // In an answer nothing can be said any more.
        if matches!(self.awaits(), Awaits::Idle | Awaits::Nothing) {
            return self.close(false);
        }
        let head_only = match &self.state {
            State::Receiving(receiving) => head::asks_for_head(&receiving.head),
            _ => head::asks_for_head(&self.leftover),
        };
        self.refuse(refuse(408, "the request took too long"), head_only, turn)
    }

    pub(crate) fn awaits(&self) -> Awaits {
        match (&self.state, self.leftover.as_slice()) {
            (State::Receiving(_), _) => Awaits::Body,
            (State::Answering(_), _) => Awaits::Nothing,
            // An empty line after a body is a habit of old clients, and begins nothing.
            (State::Preface, b"") | (State::Between | State::Closed, b"" | b"\r" | b"\r\n") => {
                Awaits::Idle
            }
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

    /// Goes through whole messages; how many octets were used up, and why it stops there.
    fn process<H: Handler, M: Meter>(
        &mut self,
        bytes: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> (usize, Stop) {
        let mut at = 0;
        let most = self.requests.saturating_add(REQUESTS_PER_TURN);
        while at < bytes.len() {
            if self.requests >= most {
                return (at, Stop::Enough);
            }
            if turn.out.len() >= turn.limits.output_high_water_bytes.max(1) {
                return (at, Stop::Full);
            }
            let rest = &bytes[at..];
            let mut in_body = None;
            let step = match std::mem::take(&mut self.state) {
                State::Between => self.begin(rest, turn),
                State::Receiving(receiving) => {
                    in_body = Some(head::asks_for_head(&receiving.head));
                    self.receive(receiving, rest, turn)
                }
                State::Preface => self.preface(rest, turn),
                answering @ State::Answering(_) => {
                    self.state = answering;
                    Ok(Step::Answering(0))
                }
                State::Closed => Ok(Step::Close { linger: true }),
            };
            match step {
                Ok(Step::Used(count)) => at += count,
                Ok(Step::Incomplete(count)) => return (at + count, Stop::Incomplete),
                Ok(Step::Answering(count)) => return (at + count, Stop::Answering),
                Ok(Step::Close { linger }) => return (at, Stop::Close { linger }),
                Err(refusal) => {
                    let head_only = in_body.unwrap_or_else(|| head::asks_for_head(rest));
                    return (at, Stop::Refused(refusal, head_only));
                }
            }
        }
        (at, Stop::Incomplete)
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

#[cfg(test)]
mod tests;
