//! What all connections of a worker share.

use std::net::SocketAddr;
use std::time::Instant;

use super::pool::Pool;
use super::tally::Tally;
use crate::board::Seat;
use crate::http::{DateLine, Limits, Scratch, Turn};
use crate::limits::KEPT_BUFFER_BYTES;
use crate::plan::Timeouts;

/// Buffers, limits and the handler, lent to one of them for a while.
pub(super) struct Desk<H> {
    pub(super) handler: H,
    pub(super) seat: &'static Seat,
    pub(super) tally: Tally,
    pub(super) input: Box<[u8]>,
    pub(super) output: Vec<u8>,
    pub(super) scratch: Scratch,
    pub(super) limits: Limits,
    pub(super) timeouts: Timeouts,
    pub(super) pool: Pool,
    pub(super) date: DateLine,
    pub(super) began: Instant,
    pub(super) now: Instant,
    pub(super) draining: bool,
}

impl<H> Desk<H> {
    pub(super) fn turn<'a>(
        &'a mut self,
        remote: &'a mut Option<SocketAddr>,
        client: usize,
    ) -> Turn<'a, H, Tally> {
        self.input_and_turn(0, remote, client).1
    }

    pub(super) fn input_and_turn<'a>(
        &'a mut self,
        count: usize,
        remote: &'a mut Option<SocketAddr>,
        client: usize,
    ) -> (&'a [u8], Turn<'a, H, Tally>) {
        let turn = Turn {
            handler: &mut self.handler,
            meter: &mut self.tally,
            out: &mut self.output,
            scratch: &mut self.scratch,
            limits: &self.limits,
            date: &self.date,
            now: self.now - self.began,
            remote,
            office: &self.pool,
            client,
            draining: self.draining,
        };
        (&self.input[..count], turn)
    }

    /// One large answer must not hold memory for ever.
    pub(super) fn clear_output(&mut self) {
        self.output.clear();
        if self.output.capacity() > KEPT_BUFFER_BYTES {
            self.output = Vec::new();
        }
        self.scratch.give_back(KEPT_BUFFER_BYTES);
    }
}
