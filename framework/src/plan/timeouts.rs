//! How long peers are waited for.

use std::time::Duration;

use crate::limits::TIME_MAX;

/// How long a worker waits for a peer. All are as coarse as a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a whole request head, from its first byte or, on a new connection, from the accept.
    pub head: Duration,
    /// For the next bytes of a request body.
    pub body: Duration,
    /// For the next request on a keep-alive connection.
    pub idle: Duration,
    /// For the peer to take any bytes of an answer.
    pub write: Duration,
    /// Bytes per second that a peer must send of a body, or take of an answer, on average and beyond the
    /// first [`Timeouts::body`] or [`Timeouts::write`]; 0: as slowly as it likes.
    pub rate_min: u32,
}

impl Timeouts {
    pub(super) fn bounded(self) -> Self {
        let [head, body, idle, write] =
            [self.head, self.body, self.idle, self.write].map(|time| time.min(TIME_MAX));
        Self { head, body, idle, write, ..self }
    }

    pub(crate) fn shortest(&self) -> Duration {
        self.head.min(self.body).min(self.idle).min(self.write)
    }

    /// The longest time that so many octets may take.
    pub(crate) fn at_least(&self, octets: u64) -> Duration {
        let seconds = octets.checked_div(self.rate_min.into());
        seconds.map_or(TIME_MAX, |seconds| Duration::from_secs(seconds).min(TIME_MAX))
    }
}
