//! Counting on the scoreboard what the protocol reports.

use std::io;

use crate::access_log::AccessLogger;
use crate::birth::Birth;
use crate::board::Seat;
use crate::http::Meter;
use crate::net::channel::Report;
use crate::sys::clock::monotonic_ns;

/// Measures the requests of one turn.
pub(super) struct Tally {
    seat: &'static Seat,
    /// When the handler was called; 0 outside of a request.
    began_ns: u64,
    requests: u64,
    pub(super) log: Option<AccessLogger>,
}

impl Tally {
    /// Starts the access log, if there is to be one.
    pub(super) fn start(birth: &Birth) -> io::Result<Self> {
        let seat = birth.seat;
        let log = birth.plan.access_log.as_ref().map(|log| {
            let master = birth.channel.try_clone()?;
            AccessLogger::start(log, seat, move |number, failure| {
                // Without a master nobody waits for it.
                let _ = master.report(&Report::Reopened { number, failure });
            })
        });
        Ok(Self { seat, began_ns: 0, requests: 0, log: log.transpose()? })
    }

    /// Requests that this worker's handler was called for.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }
}

impl Meter for Tally {
    fn begin(&mut self) {
        self.began_ns = monotonic_ns();
        self.seat.progress(self.began_ns);
    }

    fn served(&mut self, status: u16) {
        match std::mem::take(&mut self.began_ns) {
            // The protocol refused it before a handler saw it.
            0 => self.seat.count_error(),
            began => {
                self.requests += 1;
                self.seat.count_request(monotonic_ns().saturating_sub(began));
            }
        }
        tracing::trace!(status, "answered");
    }

    fn fault(&mut self, what: &str) {
        self.seat.count_error();
        tracing::error!("a handler failed: {what}");
    }
}
