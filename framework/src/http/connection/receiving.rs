//! A body that comes in portions.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::error::panic_text;
use crate::http::chunked::Decoder;
use crate::http::framing::{Body, Framing};
use crate::http::handler::{BodyPlan, BodySink, Handler};
use crate::http::head::Head;
use crate::http::limits::Limits;
use crate::http::refusal::{Refusal, refuse};
use crate::http::request::Request;
use crate::http::turn::{Meter, Turn};

/// A request whose body is not complete.
pub(super) struct Receiving {
    pub(super) head: Vec<u8>,
    pub(super) framing: Framing,
    decoder: Decoder,
    /// What is kept of it.
    pub(super) body: Vec<u8>,
    pub(super) sink: Option<Box<dyn BodySink>>,
    bytes_max: u64,
    /// What the sink has taken.
    given: u64,
    pub(super) since: Duration,
    /// What has come, with the coding.
    pub(super) octets: u64,
}

/// How a body is taken.
pub(super) struct Intake {
    pub(super) sink: Option<Box<dyn BodySink>>,
    bytes_max: u64,
}

/// What a portion brought: octets of it that belong to the body.
pub(super) enum Taken {
    Incomplete(usize),
    Complete(usize),
}

/// Asks the handler what is to become of the body; `None` if nobody looks at it.
pub(super) fn plan<H: Handler, M: Meter>(
    head: &Head<'_, '_>,
    framing: Framing,
    turn: &mut Turn<'_, H, M>,
) -> Result<Option<Intake>, Refusal> {
    let request = Request::new(*head, &[], *turn.remote);
    let handler = &mut *turn.handler;
    let plan = guarded(turn.meter, || handler.body(&request))?;
    let (sink, bytes_max) = match plan {
        BodyPlan::Whole => (None, turn.limits.body_bytes_max),
        BodyPlan::UpTo(bytes_max) => (None, bytes_max),
        BodyPlan::Stream { sink, bytes_max } => (Some(sink), bytes_max),
        BodyPlan::Unread => return Ok(None),
        BodyPlan::Refuse(status) => return Err(unwanted(status)),
    };
    match framing.body {
        Body::Length(length) if length > bytes_max => Err(refuse(413, "the body is too long")),
        _ => Ok(Some(Intake { sink, bytes_max })),
    }
}

impl Receiving {
    pub(super) fn new(head: &[u8], framing: Framing, intake: Intake, now: Duration) -> Self {
        Self {
            head: head.to_vec(),
            framing,
            decoder: Decoder::default(),
            body: Vec::new(),
            sink: intake.sink,
            bytes_max: intake.bytes_max,
            given: 0,
            since: now,
            octets: 0,
        }
    }

    /// Takes what belongs to the body.
    pub(super) fn take<H, M: Meter>(
        &mut self,
        bytes: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Result<Taken, Refusal> {
        let (consumed, done) = if let Some(length) = self.framing.body.length() {
            let missing = length - self.given - self.body.len() as u64;
            let count = usize::try_from(missing).unwrap_or(usize::MAX).min(bytes.len());
            self.body.extend_from_slice(&bytes[..count]);
            (count, count as u64 == missing)
        } else {
            let body_bytes_max = self.bytes_max.saturating_sub(self.given);
            let limits = Limits { body_bytes_max, ..*turn.limits };
            let decoded = self.decoder.decode(bytes, &mut self.body, &limits)?;
            (decoded.consumed, decoded.done)
        };
        self.octets += consumed as u64;
        if let Some(sink) = self.sink.as_mut().filter(|_| !self.body.is_empty()) {
            let body = &self.body;
            let flow = guarded(turn.meter, || sink.take(body))?;
            self.given += self.body.len() as u64;
            self.body.clear();
            if let ControlFlow::Break(status) = flow {
                return Err(unwanted(status));
            }
        }
        Ok(if done { Taken::Complete(consumed) } else { Taken::Incomplete(consumed) })
    }
}

impl fmt::Debug for Receiving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Receiving").field("octets", &self.octets).finish_non_exhaustive()
    }
}

/// Runs the user's code, which may panic.
fn guarded<T>(meter: &mut impl Meter, call: impl FnOnce() -> T) -> Result<T, Refusal> {
    meter.progress();
    catch_unwind(AssertUnwindSafe(call)).map_err(|panic| {
        meter.fault(panic_text(&*panic));
        refuse(500, "the server failed")
    })
}

fn unwanted(status: u16) -> Refusal {
    match status {
        400..=599 => refuse(status, "the body is not wanted"),
        _ => refuse(500, "the server failed"),
    }
}
