//! What one worker counts.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use super::histogram::Histogram;

/// What one worker counts. Aligned to two cache lines, because the processor fetches lines in pairs.
#[repr(C, align(128))]
#[derive(Debug, Default)]
pub(crate) struct Seat {
    accepted: AtomicU64,
    open: AtomicU64,
    /// Those of the accepted, and of the open ones, that came to a further address.
    further_accepted: AtomicU64,
    further_open: AtomicU64,
    requests: AtomicU64,
    errors: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    log_dropped: AtomicU64,
    busy_since_ns: AtomicU64,
    progress_ns: AtomicU64,
    /// Time in which it was busy, and in which it answered requests.
    busy_ns: AtomicU64,
    answering_ns: AtomicU64,
    hung: AtomicBool,
    pub(super) latency: Histogram,
}

/// Each method but the readers is for the one worker that sits here.
impl Seat {
    pub(crate) fn count_accepted(&self) {
        add(&self.accepted, 1);
        add(&self.open, 1);
    }

    pub(crate) fn count_closed(&self) {
        subtract(&self.open);
    }

    /// The same for a connection to a further address.
    pub(crate) fn count_further_accepted(&self) {
        self.count_accepted();
        add(&self.further_accepted, 1);
        add(&self.further_open, 1);
    }

    pub(crate) fn count_further_closed(&self) {
        self.count_closed();
        subtract(&self.further_open);
    }

    pub(crate) fn count_request(&self, nanoseconds: u64) {
        add(&self.requests, 1);
        add(&self.answering_ns, nanoseconds);
        self.latency.record(nanoseconds / 1_000);
    }

    pub(crate) fn count_error(&self) {
        add(&self.errors, 1);
    }

    pub(crate) fn count_bytes_in(&self, bytes: usize) {
        add(&self.bytes_in, bytes as u64);
    }

    pub(crate) fn count_bytes_out(&self, bytes: usize) {
        add(&self.bytes_out, bytes as u64);
    }

    /// Lines of the access log that were not written. For all threads of the worker, unlike the rest:
    /// it is rare.
    pub(crate) fn count_log_dropped(&self, lines: u64) {
        self.log_dropped.fetch_add(lines, Relaxed);
    }

    /// Since when the worker has been away from its loop, in `CLOCK_MONOTONIC` nanoseconds; 0: it
    /// waits for events.
    pub(crate) fn busy_since(&self, now_ns: u64) {
        self.busy_since_ns.store(now_ns, Relaxed);
        self.progress(now_ns);
    }

    /// The worker goes back to wait for events.
    pub(crate) fn rests(&self, now_ns: u64) {
        // A loop of the user's own may rest before it has begun.
        let since = Some(self.busy_since_ns.load(Relaxed)).filter(|since| *since != 0);
        add(&self.busy_ns, now_ns.saturating_sub(since.unwrap_or(now_ns)));
        self.busy_since(0);
    }

    /// When the worker last got on: it began a turn, or a request; 0: it waits for events.
    pub(crate) fn progress(&self, now_ns: u64) {
        self.progress_ns.store(now_ns, Relaxed);
    }

    /// What a watchdog reads and writes: when the worker last got on, and whether it hung.
    pub(crate) fn watched(&'static self) -> (&'static AtomicU64, &'static AtomicBool) {
        (&self.progress_ns, &self.hung)
    }

    /// Whether it hung.
    pub(super) fn forget_gauges(&self) -> bool {
        self.open.store(0, Relaxed);
        self.further_open.store(0, Relaxed);
        self.busy_since(0);
        self.hung.swap(false, Relaxed)
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Relaxed)
    }

    pub(crate) fn open(&self) -> u64 {
        self.open.load(Relaxed)
    }

    /// Accepted at the primary address.
    pub(crate) fn primary_accepted(&self) -> u64 {
        self.accepted().wrapping_sub(self.further_accepted.load(Relaxed))
    }

    /// Accepted at the primary address, and open now.
    pub(crate) fn primary_open(&self) -> u64 {
        self.open().wrapping_sub(self.further_open.load(Relaxed))
    }

    pub(super) fn requests(&self) -> u64 {
        self.requests.load(Relaxed)
    }

    pub(crate) fn errors(&self) -> u64 {
        self.errors.load(Relaxed)
    }

    pub(super) fn bytes_in(&self) -> u64 {
        self.bytes_in.load(Relaxed)
    }

    pub(super) fn bytes_out(&self) -> u64 {
        self.bytes_out.load(Relaxed)
    }

    pub(crate) fn log_dropped(&self) -> u64 {
        self.log_dropped.load(Relaxed)
    }

    pub(crate) fn busy_ns(&self) -> u64 {
        self.busy_ns.load(Relaxed)
    }

    pub(super) fn answering_ns(&self) -> u64 {
        self.answering_ns.load(Relaxed)
    }

    pub(super) fn busy_since_ns(&self) -> u64 {
        self.busy_since_ns.load(Relaxed)
    }
}

/// One writer, so a load and a store do; `fetch_add` would lock the bus for nothing. Workers can write anything
/// there, so that no sum of it may end a process.
pub(super) fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed).wrapping_add(amount), Relaxed);
}

/// The sum of numbers of the scoreboard, which may be any.
pub fn total(numbers: impl IntoIterator<Item = u64>) -> u64 {
    numbers.into_iter().fold(0, u64::wrapping_add)
}

fn subtract(gauge: &AtomicU64) {
    gauge.store(gauge.load(Relaxed).saturating_sub(1), Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_rests_before_he_was_busy_has_not_been_so_since_the_machine_started() {
        let seat = Seat::default();
        seat.rests(1_000_000_007);
        assert_eq!(seat.busy_ns(), 0);
        seat.busy_since(1_000_000_010);
        seat.rests(1_000_000_030);
        seat.rests(1_000_000_050);
        assert_eq!(seat.busy_ns(), 20);
    }

    #[test]
    fn numbers_that_a_worker_made_up_end_nobody() {
        let seat = Seat::default();
        seat.bytes_in.store(u64::MAX, Relaxed);
        seat.count_bytes_in(2);
        assert_eq!(total([seat.bytes_in.load(Relaxed), u64::MAX, 3]), 3);
    }
}
