//! What lies where in the shared mapping.

use std::sync::atomic::{
    AtomicBool, AtomicU32, AtomicU64,
    Ordering::{Relaxed, SeqCst},
};
use std::time::Duration;

use super::histogram::Histogram;
use super::snapshot::Phase;
use crate::ids::{Generation, Place};
use crate::limits::SLOTS_MAX;
use crate::sys::clock::monotonic_ns;
use crate::sys::shared::Shareable;

/// Workers of one slot that may live at a time: one, and the one that it replaces.
pub(crate) const SEATS: usize = 2;

/// Changes when anything below does, so that the program of an upgrade knows what it gets.
pub(crate) const LAYOUT: u64 = 5 << 48 | size_of::<Board>() as u64;

/// The whole mapping. Pages that no slot uses are never touched and cost nothing.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Board {
    head: Head,
    slots: [Row; SLOTS_MAX as usize],
    dispatcher: Row,
}

/// What concerns all.
#[repr(C, align(128))]
#[derive(Debug)]
struct Head {
    layout: AtomicU64,
    /// A stop was announced or has begun.
    closing: AtomicBool,
    /// Since when listeners let in connections that hear nothing before they are told to; 0: they do not.
    muted_ns: AtomicU64,
}

/// One place: what the master says of it, and the seats of its processes.
#[repr(C, align(128))]
#[derive(Debug)]
pub(crate) struct Row {
    phase: AtomicU32,
    pid: AtomicU32,
    generation: AtomicU32,
    respawns: AtomicU64,
    hangs: AtomicU64,
    since_ns: AtomicU64,
    seats: [Seat; SEATS],
}

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
    hung: AtomicBool,
    pub(super) latency: Histogram,
}

// SAFETY: atomics only, through and through, for which all zeroes are valid.
#[allow(unsafe_code, reason = "the promise stands beside the fields that it is about")]
unsafe impl Shareable for Board {}

impl Board {
    /// Notes how this program lays it out.
    pub(super) fn sign(&self) {
        self.head.layout.store(LAYOUT, Relaxed);
    }

    /// This program lays it out in the same way as the one that made it.
    pub(super) fn is_signed(&self) -> bool {
        self.head.layout.load(Relaxed) == LAYOUT
    }

    /// A stop was announced.
    pub(crate) fn close(&self) {
        self.head.closing.store(true, Relaxed);
    }

    /// A stop was announced or has begun.
    pub(crate) fn closing(&self) -> bool {
        self.head.closing.load(Relaxed)
    }

    /// From now on listeners let in connections that hear nothing before they are told to. To be said
    /// before it is so.
    pub(crate) fn mute(&self) {
        // Who came first counts.
        let _ = self.head.muted_ns.compare_exchange(0, monotonic_ns(), SeqCst, SeqCst);
    }

    /// For how long it has been so.
    pub(crate) fn muted_for(&self) -> Option<Duration> {
        let since = self.head.muted_ns.load(SeqCst);
        (since != 0).then(|| Duration::from_nanos(monotonic_ns().saturating_sub(since)))
    }

    pub(crate) fn row(&self, place: Place) -> &Row {
        match place {
            Place::Dispatcher => &self.dispatcher,
            Place::Slot(slot) => &self.slots[slot.index()],
        }
    }

    pub(super) fn slots(&self) -> &[Row] {
        &self.slots
    }
}

impl Row {
    /// One of the seats; no two workers that live at a time have the same one.
    pub(crate) fn seat(&self, number: usize) -> &Seat {
        &self.seats[number % SEATS]
    }

    pub(crate) fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// Notes that a process was put here. For the master.
    pub(crate) fn occupied(&self, generation: Generation, pid: u32) {
        self.pid.store(pid, Relaxed);
        self.generation.store(generation.0, Relaxed);
        self.respawns.store(u64::from(generation.0.saturating_sub(1)), Relaxed);
        self.since_ns.store(monotonic_ns(), Relaxed);
    }

    /// Notes that the process of this generation, and with this seat, is gone; whether it hung. For
    /// the master.
    pub(crate) fn left(&self, generation: Generation, seat: usize) -> bool {
        let hung = self.seat(seat).forget_gauges();
        if hung {
            add(&self.hangs, 1);
        }
        if self.generation.load(Relaxed) == generation.0 {
            self.pid.store(0, Relaxed);
        }
        hung
    }

    /// Notes the place's phase. For the master.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.store(phase as u32, Relaxed);
    }

    pub(crate) fn phase(&self) -> Phase {
        Phase::from_number(self.phase.load(Relaxed))
    }

    pub(crate) fn pid(&self) -> u32 {
        self.pid.load(Relaxed)
    }

    pub(crate) fn generation(&self) -> u32 {
        self.generation.load(Relaxed)
    }

    pub(super) fn respawns(&self) -> u64 {
        self.respawns.load(Relaxed)
    }

    pub(super) fn hangs(&self) -> u64 {
        self.hangs.load(Relaxed)
    }

    /// When the newest process was forked.
    pub(super) fn since_ns(&self) -> u64 {
        self.since_ns.load(Relaxed)
    }
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

    /// When the worker last got on: it began a turn, or a request; 0: it waits for events.
    pub(crate) fn progress(&self, now_ns: u64) {
        self.progress_ns.store(now_ns, Relaxed);
    }

    /// What a watchdog reads and writes: when the worker last got on, and whether it hung.
    pub(crate) fn watched(&'static self) -> (&'static AtomicU64, &'static AtomicBool) {
        (&self.progress_ns, &self.hung)
    }

    /// Whether it hung.
    fn forget_gauges(&self) -> bool {
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

    pub(super) fn errors(&self) -> u64 {
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

    pub(super) fn busy_since_ns(&self) -> u64 {
        self.busy_since_ns.load(Relaxed)
    }
}

/// One writer, so a load and a store do; `fetch_add` would lock the bus for nothing.
fn add(counter: &AtomicU64, amount: u64) {
    counter.store(counter.load(Relaxed) + amount, Relaxed);
}

fn subtract(gauge: &AtomicU64) {
    gauge.store(gauge.load(Relaxed).saturating_sub(1), Relaxed);
}
