//! The sign of life that a service manager may want (`sd_watchdog_enabled(3)`).
//!
//! It comes from the turn of the master's own loop, and from nowhere else: a master that is stuck, or
//! stopped, gives none. A worker that hangs is no reason for the manager to end the service: the
//! worker's own switch ends it ([`crate::sys::watchdog`]), and the master replaces it.

use std::time::{Duration, Instant};

use super::notify;

/// When the next sign is due, if any is wanted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Heartbeat(Option<Beat>);

#[derive(Clone, Copy, Debug)]
struct Beat {
    interval: Duration,
    due: Instant,
}

impl Heartbeat {
    /// As the environment says; the first sign is due at once. It says the same to the next program in
    /// this process.
    pub(super) fn wanted() -> Self {
        let longest = sd_notify::watchdog_enabled().filter(|longest| !longest.is_zero());
        // One that comes late leaves time for another.
        Self(longest.map(|longest| Beat { interval: longest / 2, due: Instant::now() }))
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.0.map(|beat| beat.due)
    }

    /// The loop turns.
    pub(super) fn turn(&mut self, now: Instant) {
        if let Some(beat) = self.0.as_mut().filter(|beat| beat.due <= now) {
            beat.due = now + beat.interval;
            notify::alive();
        }
    }

    /// For what takes longer than a turn: the time of the next sign begins anew.
    pub(super) fn beat(&mut self) {
        if let Some(beat) = &mut self.0 {
            beat.due = Instant::now();
        }
        self.turn(Instant::now());
    }
}
