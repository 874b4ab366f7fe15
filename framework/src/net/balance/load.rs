//! What a worker tells the program of itself.

use std::time::Duration;

use super::table::{NEVER, Row, TAKES_NONE};
use crate::board::{self, Seat};

/// The worker's side of the table: which of its connections are gone, and whether it gets on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    row: &'static Row,
    board: &'static board::Row,
    seat: usize,
    /// What the clock here is ahead of the program's.
    clock_offset_ns: i64,
}

impl Load {
    pub(super) fn new(
        row: &'static Row,
        board: &'static board::Row,
        seat: usize,
        clock_offset_ns: i64,
    ) -> Self {
        Self { row, board, seat, clock_offset_ns }
    }

    /// The worker has something to do. It counts as stalled if that takes so long.
    pub(crate) fn works(&self, now_ns: u64, stall_after: Duration) {
        let time = u64::try_from(stall_after.as_nanos()).unwrap_or(NEVER);
        let now_ns = now_ns.saturating_add_signed(-self.clock_offset_ns);
        self.row.stalls_at(now_ns.saturating_add(time).min(NEVER));
    }

    /// The worker waits for events, and takes new connections.
    pub(crate) fn waits(&self) {
        self.row.stalls_at(NEVER);
    }

    /// The worker takes no new connections for now.
    pub(crate) fn takes_none(&self) {
        self.row.stalls_at(TAKES_NONE);
    }

    /// Some of the connections that were assigned to it are closed.
    pub(crate) fn closed_some(&self) {
        let mine = self.mine();
        self.row.all_finished(self.seat, mine.primary_accepted().wrapping_sub(mine.primary_open()));
    }

    /// What the program gave to the slot until now. To be asked before the accept queue is looked at.
    pub(crate) fn assigned(&self) -> u64 {
        self.row.assigned()
    }

    /// The accept queue was empty after the slot had been assigned so many connections: those that
    /// nobody accepted never came. What belongs to handshakes that are still under way is set right
    /// when they are accepted, or next time.
    pub(crate) fn queue_was_empty(&self, assigned: u64) {
        self.row.set_lost(assigned.wrapping_sub(self.accepted()));
    }

    /// The slot was assigned connections that are neither accepted nor known to be lost.
    pub(crate) fn in_doubt(&self) -> bool {
        self.row.assigned() != self.accepted().wrapping_add(self.row.lost())
    }

    /// By all who sit in the slot: during a reload two workers accept from its listener.
    fn accepted(&self) -> u64 {
        self.board.seats().iter().map(Seat::primary_accepted).fold(0, u64::wrapping_add)
    }

    fn mine(&self) -> &'static Seat {
        self.board.seat(self.seat)
    }
}
