//! What the scoreboard said at one moment, as plain data.

use std::fmt;
use std::fs::File;
use std::io;

use super::histogram;
use super::layout::{Board, Row};
use super::seat::total;
use crate::sys::shared::View;

/// What a slot is doing. The words are the same in logs, listings and tests.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
#[repr(u32)]
pub enum Phase {
    /// No worker, and none under way.
    #[default]
    Vacant = 0,
    /// A worker was forked and has not said READY yet.
    Starting = 1,
    /// The worker accepts connections.
    Ready = 2,
    /// The worker takes no new connections, answers what it has, and exits.
    Draining = 3,
    /// The last worker died young; the next one is forked after a pause.
    BackingOff = 4,
}

impl Phase {
    pub(crate) const ALL: [Self; 5] =
        [Self::Vacant, Self::Starting, Self::Ready, Self::Draining, Self::BackingOff];

    pub(super) fn from_number(number: u32) -> Self {
        match number {
            1 => Self::Starting,
            2 => Self::Ready,
            3 => Self::Draining,
            4 => Self::BackingOff,
            _ => Self::Vacant,
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Vacant => "vacant",
            Self::Starting => "starting",
            Self::Ready => "ready",
            Self::Draining => "draining",
            Self::BackingOff => "backing-off",
        })
    }
}

/// The scoreboard at one moment: one entry for each slot that ever had a worker.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Snapshot {
    /// The slots in order.
    pub workers: Vec<WorkerSnapshot>,
    /// Workers that ended though neither a command nor a setting had them end.
    pub deaths: u64,
}

/// One slot at one moment. Counters are sums over all workers that sat in the slot.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct WorkerSnapshot {
    /// The slot's number, from 0.
    pub slot: u16,
    /// Process id of the newest worker; 0 when it is gone.
    pub pid: u32,
    /// How many processes have sat in the slot.
    pub generation: u32,
    /// What the slot is doing.
    pub phase: Phase,
    /// Workers that were forked after the first.
    pub respawns: u64,
    /// Workers that were ended because they hung.
    pub hangs: u64,
    /// Since when the newest worker is there, in `CLOCK_MONOTONIC` nanoseconds.
    pub since_ns: u64,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
    /// Requests that a handler answered.
    pub requests: u64,
    /// Requests that were refused (4xx and 5xx of the protocol), and handlers that panicked.
    pub errors: u64,
    /// Bytes read from connections.
    pub bytes_in: u64,
    /// Bytes written to connections.
    pub bytes_out: u64,
    /// Lines of the access log that could not be written in time.
    pub log_dropped: u64,
    /// Time, in nanoseconds, in which workers were busy and did not wait for events.
    pub busy_ns: u64,
    /// Time, in nanoseconds, from the requests' last bytes to their answers: the sum of the latencies.
    pub answering_ns: u64,
    /// Since when the worker has been busy, in `CLOCK_MONOTONIC` nanoseconds; 0 when it waits.
    pub busy_since_ns: u64,
    latency_counts: Vec<u64>,
}

impl Snapshot {
    /// Of the scoreboard of another process, which this file is.
    pub(crate) fn read(file: &File) -> io::Result<Self> {
        let view = View::<Board>::of(file)?;
        if !view.get().is_signed() {
            return Err(io::Error::other("it is laid out in another way"));
        }
        Ok(Self::of(view.get()))
    }

    pub(crate) fn of(board: &Board) -> Self {
        let rows = board.slots().iter().enumerate();
        let used = rows.filter(|(_, row)| row.generation() > 0);
        let workers = used.map(|(index, row)| WorkerSnapshot::of(index, row)).collect();
        let deaths = board.ends().filter(|(cause, _)| cause.is_death()).map(|(_, count)| count);
        Self { workers, deaths: total(deaths) }
    }
}

impl WorkerSnapshot {
    fn of(index: usize, row: &Row) -> Self {
        let mut snapshot = Self {
            slot: u16::try_from(index).unwrap_or(u16::MAX),
            pid: row.pid(),
            generation: row.generation(),
            phase: row.phase(),
            respawns: row.respawns(),
            hangs: row.hangs(),
            since_ns: row.since_ns(),
            ..Self::default()
        };
        for seat in row.seats() {
            snapshot.accepted = snapshot.accepted.wrapping_add(seat.accepted());
            snapshot.open = snapshot.open.wrapping_add(seat.open());
            snapshot.requests = snapshot.requests.wrapping_add(seat.requests());
            snapshot.errors = snapshot.errors.wrapping_add(seat.errors());
            snapshot.bytes_in = snapshot.bytes_in.wrapping_add(seat.bytes_in());
            snapshot.bytes_out = snapshot.bytes_out.wrapping_add(seat.bytes_out());
            snapshot.log_dropped = snapshot.log_dropped.wrapping_add(seat.log_dropped());
            snapshot.busy_ns = snapshot.busy_ns.wrapping_add(seat.busy_ns());
            snapshot.answering_ns = snapshot.answering_ns.wrapping_add(seat.answering_ns());
            snapshot.busy_since_ns = snapshot.busy_since_ns.max(seat.busy_since_ns());
            seat.latency.add_to(&mut snapshot.latency_counts);
        }
        snapshot
    }

    /// Requests whose latency was measured.
    pub(crate) fn timed(&self) -> u64 {
        total(self.latency_counts.iter().copied())
    }

    /// Requests that were answered in less than 2 to the power of `exponent` microseconds, up to 26.
    pub(crate) fn faster_than(&self, exponent: u32) -> u64 {
        histogram::below_power(&self.latency_counts, exponent)
    }

    /// Time from a request's last byte to its answer, in microseconds, at a quantile between 0 and
    /// 1; right to within 25%. `None` when no request was answered.
    pub fn latency_us(&self, quantile: f64) -> Option<u64> {
        histogram::quantile_us(&self.latency_counts, quantile)
    }

    /// The same of the requests that were answered after `earlier`, an older look at this slot.
    pub fn latency_us_since(&self, earlier: &Self, quantile: f64) -> Option<u64> {
        let then = earlier.latency_counts.iter().copied().chain(std::iter::repeat(0));
        let pairs = self.latency_counts.iter().zip(then);
        let counts: Vec<u64> = pairs.map(|(now, then)| now.saturating_sub(then)).collect();
        histogram::quantile_us(&counts, quantile)
    }

    /// How many requests fell into each bucket of latencies, without the empty ones at the end.
    pub(crate) fn latency_counts(&self) -> &[u64] {
        let used = self.latency_counts.iter().rposition(|count| *count > 0).map_or(0, |at| at + 1);
        &self.latency_counts[..used]
    }
}
