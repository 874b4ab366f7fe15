//! Counting on the scoreboard what the protocol reports.

use crate::board::Seat;
use crate::http::{Meter, Served};
use crate::sys::clock::monotonic_ns;

/// Counts a worker's requests.
pub(super) struct Tally {
    seat: &'static Seat,
    requests: u64,
}

impl Tally {
    pub(super) fn new(seat: &'static Seat) -> Self {
        Self { seat, requests: 0 }
    }

    /// Requests that this worker's handler was called for.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }
}

impl Meter for Tally {
    fn begin(&mut self) -> u64 {
        let began_ns = monotonic_ns();
        self.seat.progress(began_ns);
        began_ns
    }

    fn served(&mut self, served: &Served<'_>) {
        match served.began_ns {
            // The protocol refused it before a handler saw it.
            None => self.seat.count_error(),
            Some(began_ns) => {
                self.requests += 1;
                self.seat.count_request(monotonic_ns().saturating_sub(began_ns));
            }
        }
        tracing::trace!(status = served.status, "answered");
    }

    fn fault(&mut self, what: &str) {
        self.seat.count_error();
        tracing::error!("a handler failed: {what}");
    }

    fn keeps_lines(&self) -> bool {
        false
    }
}
