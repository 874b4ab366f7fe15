//! An answer, from the handler's call to its last octet.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::{Connection, Next, State};
use crate::error::panic_text;
use crate::http::encode::Persistence;
use crate::http::framing::Framing;
use crate::http::handler::{BodySink, Handler};
use crate::http::head::Head;
use crate::http::later::Answer;
use crate::http::outgoing::{Outgoing, Progress};
use crate::http::record::{KeptLine, Line, Served};
use crate::http::request::{Request, Version};
use crate::http::response::{Draft, Payload, Response};
use crate::http::turn::{Meter, Turn};

/// A client that went away before its answer, as nginx names it.
const GONE: u16 = 499;

/// An answer that is not complete.
#[derive(Debug)]
pub(super) struct Answering {
    pub(super) exchange: Exchange,
    pub(super) line: Option<KeptLine>,
    pub(super) stage: Stage,
}

/// What an answer needs to know of its request.
#[derive(Clone, Copy, Debug)]
pub(super) struct Exchange {
    pub(super) version: Version,
    pub(super) head_only: bool,
    pub(super) keep_alive: bool,
    pub(super) began_ns: u64,
}

#[derive(Debug)]
pub(super) enum Stage {
    /// It will come under this serial.
    Later(u64),
    Sending {
        status: u16,
        outgoing: Outgoing,
        persistence: Persistence,
        sent: u64,
    },
}

/// Who answers.
pub(super) enum By<'b> {
    /// The handler, with this body.
    Handler(&'b [u8]),
    Sink(Box<dyn BodySink>),
}

/// Where an answer has come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It stands in the output, and another request may follow.
    Kept,
    /// It stands in the output, and the connection ends with it.
    Last,
    /// There is more to come.
    Unfinished,
}

/// What the client said, where it can still be looked up.
pub(super) enum Said<'a> {
    Now(&'a Head<'a, 'a>),
    Before(Option<KeptLine>),
}

impl Connection {
    /// Lets the handler answer a complete request; `after` is what follows it.
    pub(super) fn answer<H: Handler, M: Meter>(
        &mut self,
        head: &Head<'_, '_>,
        framing: Framing,
        by: By<'_>,
        after: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Outcome {
        self.requests = self.requests.saturating_add(1);
        let exchange = Exchange {
            version: head.version,
            head_only: head.method == "HEAD",
            keep_alive: framing.keep_alive,
            began_ns: turn.meter.begin(),
        };
        let body = if let By::Handler(body) = &by { *body } else { &[] };
        let request = Request::new(*head, body, *turn.remote);
        let mut scratch = std::mem::take(turn.scratch);
        let mut response = Response::here(&mut scratch, head, turn.office, turn.client);
        let handler = &mut *turn.handler;
        let called = catch_unwind(AssertUnwindSafe(|| match by {
            By::Handler(_) => handler.answer(&request, &mut response),
            By::Sink(sink) => sink.finish(&request, &mut response),
        }));
        let mut draft = response.into_draft();
        if let Err(panic) = called {
            draft.fault = Some(panic_text(&*panic).to_owned().into());
        }
        let outcome = match draft {
            Draft { payload: Payload::Later(serial), fault: None, .. } => {
                let line = turn.meter.keeps_lines().then(|| KeptLine::of(head));
                let stage = Stage::Later(serial);
                self.state = State::Answering(Box::new(Answering { exchange, line, stage }));
                Outcome::Unfinished
            }
            _ => self.conclude(exchange, draft, &scratch, Said::Now(head), after, turn),
        };
        *turn.scratch = scratch;
        outcome
    }

    /// An answer has come that was to come later; `None` if nobody waits for it any more.
    pub(crate) fn answered<H: Handler, M: Meter>(
        &mut self,
        serial: u64,
        answer: Answer,
        turn: &mut Turn<'_, H, M>,
    ) -> Option<Next> {
        let exchange = match &self.state {
            State::Answering(answering) if answering.waits_for(serial) => answering.exchange,
            _ => return None,
        };
        let line = self.end_answering().and_then(|answering| answering.line);
        let after = std::mem::take(&mut self.leftover);
        let Answer { draft, scratch } = answer;
        let outcome = self.conclude(exchange, draft, &scratch, Said::Before(line), &after, turn);
        self.leftover = after;
        Some(match outcome {
            Outcome::Unfinished => self.go_on_answering(turn),
            outcome => self.answer_is_over(exchange, outcome == Outcome::Last),
        })
    }

    /// More of an answer, as much as the output takes.
    pub(super) fn go_on_answering<H, M: Meter>(&mut self, turn: &mut Turn<'_, H, M>) -> Next {
        let State::Answering(answering) = &mut self.state else { return Next::Read };
        let Stage::Sending { outgoing, persistence, sent, .. } = &mut answering.stage else {
            return Next::Wait;
        };
        turn.meter.progress();
        let portion = &mut turn.scratch.portion;
        let last = *persistence == Persistence::Close;
        let exchange = answering.exchange;
        match outgoing.go_on(turn.out, portion, turn.limits, sent) {
            Progress::Output => self.pause(),
            Progress::File => Next::File,
            Progress::Pending => Next::Wait,
            Progress::Done => {
                self.abandon(turn);
                self.answer_is_over(exchange, last)
            }
            Progress::Broken(why) => {
                turn.meter.fault(&why);
                self.abandon(turn);
                self.close(false);
                Next::Abort
            }
        }
    }

    /// The part of a file that is to be sent next: where it begins, and its length.
    pub(crate) fn slice(&self) -> Option<(&File, u64, u64)> {
        let State::Answering(answering) = &self.state else { return None };
        match &answering.stage {
            Stage::Sending { outgoing: Outgoing::File(parts), .. } => parts.slice(),
            _ => None,
        }
    }

    /// So many octets of it were sent.
    pub(crate) fn slice_sent(&mut self, count: u64) {
        let State::Answering(answering) = &mut self.state else { return };
        if let Stage::Sending { outgoing: Outgoing::File(parts), sent, .. } = &mut answering.stage {
            parts.sent(count);
            *sent += count;
        }
    }

    /// Nothing more will be sent of an answer, if one was under way.
    pub(crate) fn abandon<H, M: Meter>(&mut self, turn: &mut Turn<'_, H, M>) {
        let Some(answering) = self.end_answering() else { return };
        let (status, body_bytes) = match answering.stage {
            Stage::Later(_) => (GONE, 0),
            Stage::Sending { status, sent, .. } => (status, sent),
        };
        let began_ns = Some(answering.exchange.began_ns);
        let line = answering.line.as_ref().map(KeptLine::line);
        turn.meter.served(&Served { status, began_ns, body_bytes, remote: *turn.remote, line });
    }

    fn end_answering(&mut self) -> Option<Box<Answering>> {
        match std::mem::take(&mut self.state) {
            State::Answering(answering) => Some(answering),
            state => {
                self.state = state;
                None
            }
        }
    }

    fn answer_is_over(&mut self, exchange: Exchange, last: bool) -> Next {
        match (last, self.leftover.is_empty()) {
            (true, silent) => self.close(exchange.keep_alive || !silent),
            (false, true) => Next::Read,
            (false, false) => self.pause(),
        }
    }
}

impl Answering {
    fn waits_for(&self, serial: u64) -> bool {
        matches!(self.stage, Stage::Later(ours) if ours == serial)
    }
}

impl Said<'_> {
    pub(super) fn line(&self) -> Option<Line<'_>> {
        match self {
            Self::Now(head) => Some(Line::of(head)),
            Self::Before(kept) => kept.as_ref().map(KeptLine::line),
        }
    }

    pub(super) fn keep(self, wanted: bool) -> Option<KeptLine> {
        match self {
            Self::Now(head) => wanted.then(|| KeptLine::of(head)),
            Self::Before(kept) => kept,
        }
    }
}
