//! What a handler made, put into octets.

use super::answering::{Answering, Exchange, Outcome, Said, Stage};
use super::{Connection, State};
use crate::http::encode::{self, Delimiter, Persistence};
use crate::http::head;
use crate::http::outgoing::{Coding, Outgoing};
use crate::http::record::Served;
use crate::http::refusal::refuse;
use crate::http::request::Version;
use crate::http::response::{Draft, Fault, Payload, Scratch};
use crate::http::turn::{Meter, Turn};

impl Connection {
    /// Encodes what was made, as far as it is there.
    pub(super) fn conclude<H, M: Meter>(
        &mut self,
        exchange: Exchange,
        draft: Draft,
        scratch: &Scratch,
        said: Said<'_>,
        after: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Outcome {
        let persistence = self.persistence(exchange, draft.close, after, turn);
        let body = if draft.status == 205 { &[][..] } else { &scratch.body };
        let planned = draft
            .fault
            .map_or_else(|| plan(exchange.version, draft.status, draft.payload, body.len()), Err);
        let (delimiter, outgoing) = match planned {
            Ok(planned) => planned,
            Err(fault) => {
                turn.meter.fault(&fault);
                let failure = refuse(500, "the server failed");
                let sent = encode::refusal(turn.out, failure, turn.date, exchange.head_only);
                tell(turn, exchange, 500, sent, &said);
                return Outcome::Last;
            }
        };
        let persistence = match delimiter {
            Delimiter::Close => Persistence::Close,
            _ => persistence,
        };
        encode::head(turn.out, draft.status, delimiter, persistence, &scratch.headers, turn.date);
        let bodiless = exchange.head_only || delimiter == Delimiter::Nothing;
        if let Some(outgoing) = outgoing.filter(|_| !bodiless) {
            let line = said.keep(turn.meter.keeps_lines());
            let stage = Stage::Sending { status: draft.status, outgoing, persistence, sent: 0 };
            self.state = State::Answering(Box::new(Answering { exchange, line, stage }));
            return Outcome::Unfinished;
        }
        let body = if bodiless { &[][..] } else { body };
        turn.out.extend_from_slice(body);
        tell(turn, exchange, draft.status, body.len() as u64, &said);
        if persistence == Persistence::Close { Outcome::Last } else { Outcome::Kept }
    }

    fn persistence<H, M>(
        &self,
        exchange: Exchange,
        close: bool,
        after: &[u8],
        turn: &Turn<'_, H, M>,
    ) -> Persistence {
        let last = self.requests >= turn.limits.requests_max
            || turn.draining && !matches!(head::find_end(after, 0, turn.limits), Ok(Some(_)));
        match exchange.version {
            _ if last || close || self.unread || !exchange.keep_alive => Persistence::Close,
            Version::Http10 => Persistence::KeepAndSay,
            Version::Http11 => Persistence::Keep,
        }
    }
}

/// How the body is delimited, and what sends it if it is not there whole.
fn plan(
    version: Version,
    status: u16,
    payload: Payload,
    length: usize,
) -> Result<(Delimiter, Option<Outgoing>), Fault> {
    let streamed = |producer, coding| Some(Outgoing::Stream(producer, coding));
    let (delimiter, outgoing) = match payload {
        Payload::Whole => (Delimiter::Length(length as u64), None),
        Payload::File(parts) => (Delimiter::Length(parts.length), Some(Outgoing::File(parts))),
        Payload::Stream(producer, Some(bytes)) => {
            (Delimiter::Length(bytes), streamed(producer, Coding::Counted(bytes)))
        }
        Payload::Stream(producer, None) => match version {
            Version::Http11 => (Delimiter::Chunked, streamed(producer, Coding::Chunked)),
            Version::Http10 => (Delimiter::Close, streamed(producer, Coding::UntilClose)),
        },
        Payload::Later(_) => return Err("an answer that was put off twice".into()),
    };
    Ok(match status {
        204 | 304 => (Delimiter::Nothing, None),
        // RFC 9110 section 15.3.6: it has an empty body.
        205 => (Delimiter::Length(0), None),
        _ => (delimiter, outgoing),
    })
}

fn tell<H, M: Meter>(
    turn: &mut Turn<'_, H, M>,
    exchange: Exchange,
    status: u16,
    body_bytes: u64,
    said: &Said<'_>,
) {
    let line = if turn.meter.keeps_lines() { said.line() } else { None };
    let (began_ns, remote) = (Some(exchange.began_ns), *turn.remote);
    turn.meter.served(&Served { status, began_ns, body_bytes, remote, line });
}
