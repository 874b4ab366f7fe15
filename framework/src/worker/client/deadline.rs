//! How long a peer is waited for.

use std::time::{Duration, Instant};

use super::{Client, End, Fate};
use crate::http::Awaits;
use crate::limits::{DRAIN_SILENCE, LINGER_TIMEOUT, TIME_MAX};
use crate::plan::Timeouts;
use crate::worker::desk::Desk;

impl Client {
    pub(super) fn set_deadline<H>(&mut self, fate: Fate, desk: &Desk<H>) {
        let awaits = self.protocol.awaits();
        let timeouts = &desk.timeouts;
        self.deadline = match awaits {
            _ if fate == Fate::Waits => desk.now + TIME_MAX,
            _ if fate == Fate::Writes => {
                let Some(writing) = &self.writing else { return };
                writing.deadline(timeouts)
            }
            _ if self.end == End::Lingering => desk.now + LINGER_TIMEOUT.min(self.left(desk.now)),
            // Its time does not begin anew with each octet.
            Awaits::Head if self.awaited == Awaits::Head => return,
            Awaits::Head => desk.now + timeouts.head,
            Awaits::Body => {
                let (since, octets) = self.protocol.receives().unwrap_or_default();
                let silent = desk.now + timeouts.body;
                silent.min(desk.began + since + timeouts.body + timeouts.at_least(octets))
            }
            // It goes on as soon as the others had their turn.
            Awaits::Nothing => desk.now + timeouts.write,
            // A new connection is still in the time for its first head.
            Awaits::Idle if self.protocol.requests() == 0 => return,
            Awaits::Idle if desk.draining => desk.now + timeouts.idle.min(DRAIN_SILENCE),
            Awaits::Idle => desk.now + timeouts.idle,
        };
        self.awaited = awaits;
    }

    /// Since when a connection between two requests has been silent.
    pub(in crate::worker) fn silent_since(&self, timeouts: &Timeouts) -> Option<Instant> {
        let idle = self.protocol.awaits() == Awaits::Idle;
        if !idle || self.end != End::No || self.writing.is_some() || !self.enrolled {
            return None;
        }
        let unheard = self.protocol.requests() == 0;
        self.deadline.checked_sub(if unheard { timeouts.head } else { timeouts.idle })
    }

    fn left(&self, now: Instant) -> Duration {
        self.deadline.saturating_duration_since(now)
    }
}
