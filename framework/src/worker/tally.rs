//! Counting on the scoreboard what the protocol reports.

use std::io;

use crate::access_log::{AccessLogger, Record};
use crate::birth::Birth;
use crate::board::Seat;
use crate::http::{Meter, Served, Version};
use crate::ids::Place;
use crate::net::channel::Report;
use crate::sys::clock::monotonic_ns;

/// Counts a worker's requests.
pub(super) struct Tally {
    seat: &'static Seat,
    requests: u64,
    pub(super) log: Option<AccessLogger>,
    /// This worker's slot, for the log.
    worker: u16,
    /// The present second since the Unix epoch, for the log.
    pub(super) unix_seconds: u64,
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
        let worker = if let Place::Slot(slot) = birth.id.place { slot.0 } else { 0 };
        Ok(Self { seat, requests: 0, log: log.transpose()?, worker, unix_seconds: 0 })
    }

    /// Requests that this worker's handler was called for.
    pub(super) fn requests(&self) -> u64 {
        self.requests
    }
}

impl Tally {
    fn write_down(&mut self, served: &Served<'_>, duration_ns: u64) {
        let Some(log) = &mut self.log else { return };
        let line = served.line;
        log.record(&Record {
            remote: served.remote,
            method: line.map_or(b"", |line| line.method.as_bytes()),
            target: line.map_or(b"", |line| line.target.as_bytes()),
            version: match line.map(|line| line.version) {
                Some(Version::Http11) => "HTTP/1.1",
                Some(Version::Http10) => "HTTP/1.0",
                None => "",
            },
            status: served.status,
            body_bytes: served.body_bytes,
            duration_ns,
            referer: line.and_then(|line| line.referer),
            user_agent: line.and_then(|line| line.user_agent),
            worker: self.worker,
            unix_seconds: self.unix_seconds,
        });
    }
}

impl Meter for Tally {
    fn begin(&mut self) -> u64 {
        let began_ns = monotonic_ns();
        self.seat.progress(began_ns);
        began_ns
    }

    fn progress(&mut self) {
        self.seat.progress(monotonic_ns());
    }

    fn served(&mut self, served: &Served<'_>) {
        let mut duration_ns = 0;
        match served.began_ns {
            // The protocol refused it before a handler saw it.
            None => self.seat.count_error(),
            Some(began_ns) => {
                self.requests += 1;
                duration_ns = monotonic_ns().saturating_sub(began_ns);
                self.seat.count_request(duration_ns);
            }
        }
        self.write_down(served, duration_ns);
        tracing::trace!(status = served.status, "answered");
    }

    fn fault(&mut self, what: &str) {
        self.seat.count_error();
        tracing::error!("a handler failed: {what}");
    }

    fn keeps_lines(&self) -> bool {
        self.log.is_some()
    }
}
