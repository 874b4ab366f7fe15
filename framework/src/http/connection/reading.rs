//! A message, from its first octet to the handler's call.

use super::answering::{By, Outcome};
use super::receiving::{self, Receiving, Taken};
use super::{Connection, State, Step};
use crate::http::encode;
use crate::http::framing::{Body, Framing};
use crate::http::handler::Handler;
use crate::http::head::{self, Head};
use crate::http::proxy;
use crate::http::refusal::Refusal;
use crate::http::turn::{Meter, Turn};

impl Connection {
    pub(super) fn preface<H, M>(
        &mut self,
        bytes: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Result<Step, Refusal> {
        let Some(proxied) = proxy::read(bytes)? else {
            self.state = State::Preface;
            return Ok(Step::Incomplete(0));
        };
        // A proxy that speaks for itself names nobody.
        *turn.remote = proxied.source.or(*turn.remote);
        Ok(Step::Used(proxied.length))
    }

    /// A message from its first octet on.
    pub(super) fn begin<H: Handler, M: Meter>(
        &mut self,
        bytes: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Result<Step, Refusal> {
        let end = match head::find_end(bytes, self.searched.min(bytes.len()), turn.limits) {
            Ok(Some(end)) => end,
            other => {
                head::check_beginning(bytes, turn.limits)?;
                self.searched = bytes.len();
                return other.map(|_| Step::Incomplete(0));
            }
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
        let Some(intake) = receiving::plan(&head, framing, turn)? else {
            return Ok(self.answer_unread(&head, framing, end, body, turn));
        };
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

    /// Answers a request whose body nobody looks at, and with it the connection ends.
    fn answer_unread<H: Handler, M: Meter>(
        &mut self,
        head: &Head<'_, '_>,
        framing: Framing,
        end: usize,
        body: &[u8],
        turn: &mut Turn<'_, H, M>,
    ) -> Step {
        self.unread = true;
        // The peer may still be sending, whatever it says of the connection.
        let framing = Framing { keep_alive: true, ..framing };
        let outcome = self.answer(head, framing, By::Handler(&[]), body, turn);
        outcome.step(framing, end, body)
    }

    /// More of a body.
    pub(super) fn receive<H: Handler, M: Meter>(
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
