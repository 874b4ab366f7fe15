//! A body that comes in portions.

use crate::http::chunked::Decoder;
use crate::http::framing::{Body, Framing};
use crate::http::limits::Limits;
use crate::http::refusal::Refusal;

/// A request whose body is not complete.
#[derive(Debug)]
pub(super) struct Receiving {
    pub(super) head: Vec<u8>,
    pub(super) framing: Framing,
    decoder: Decoder,
    pub(super) body: Vec<u8>,
}

impl Receiving {
    pub(super) fn new(head: &[u8], framing: Framing) -> Self {
        let (decoder, body) = (Decoder::default(), Vec::new());
        Self { head: head.to_vec(), framing, decoder, body }
    }

    /// Takes what belongs to the body: how many octets, and whether it is complete now.
    pub(super) fn take(&mut self, bytes: &[u8], limits: &Limits) -> Result<(usize, bool), Refusal> {
        let Body::Length(length) = self.framing.body else {
            let decoded = self.decoder.decode(bytes, &mut self.body, limits)?;
            return Ok((decoded.consumed, decoded.done));
        };
        let missing = usize::try_from(length).unwrap_or(usize::MAX) - self.body.len();
        let count = missing.min(bytes.len());
        self.body.extend_from_slice(&bytes[..count]);
        Ok((count, count == missing))
    }
}
