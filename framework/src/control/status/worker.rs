//! How a worker is, as plain data.

use serde::{Deserialize, Serialize};

/// One slot at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(from = "Line", into = "Line")]
#[non_exhaustive]
pub struct WorkerStatus {
    /// The slot's number, from 0.
    pub slot: u16,
    /// Process id of the newest worker; 0 when it is gone.
    pub pid: u32,
    /// How many workers have sat in the slot.
    pub generation: u32,
    /// `vacant`, `starting`, `ready`, `draining` or `backing-off`.
    pub phase: String,
    /// Seconds since the newest worker was forked; 0 when it is gone.
    pub age_s: u64,
    /// Workers that were forked after the first.
    pub respawns: u64,
    /// Workers that were ended because they hung.
    pub hangs: u64,
    /// Whether the program counts what it does, as one does that links evenkeel. Else all that follows is 0, and
    /// `null` as JSON.
    pub counts: bool,
    /// Connections accepted.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
    /// Requests that a handler answered.
    pub requests: u64,
    /// Requests that were refused, and handlers that panicked.
    pub errors: u64,
    /// Lines of the access log that could not be written in time.
    pub log_dropped: u64,
    /// For how many milliseconds the worker has not come back to its loop; 0 when it waits.
    pub busy_ms: u64,
}

/// The same as JSON has it.
#[derive(Serialize, Deserialize)]
struct Line {
    slot: u16,
    pid: u32,
    generation: u32,
    phase: String,
    age_s: u64,
    respawns: u64,
    hangs: u64,
    accepted: Option<u64>,
    open: Option<u64>,
    requests: Option<u64>,
    errors: Option<u64>,
    log_dropped: Option<u64>,
    busy_ms: Option<u64>,
}

impl From<Line> for WorkerStatus {
    fn from(line: Line) -> Self {
        Self {
            slot: line.slot,
            pid: line.pid,
            generation: line.generation,
            phase: line.phase,
            age_s: line.age_s,
            respawns: line.respawns,
            hangs: line.hangs,
            counts: line.accepted.is_some(),
            accepted: line.accepted.unwrap_or(0),
            open: line.open.unwrap_or(0),
            requests: line.requests.unwrap_or(0),
            errors: line.errors.unwrap_or(0),
            log_dropped: line.log_dropped.unwrap_or(0),
            busy_ms: line.busy_ms.unwrap_or(0),
        }
    }
}

impl From<WorkerStatus> for Line {
    fn from(status: WorkerStatus) -> Self {
        let counted = |count: u64| status.counts.then_some(count);
        Self {
            slot: status.slot,
            pid: status.pid,
            generation: status.generation,
            age_s: status.age_s,
            respawns: status.respawns,
            hangs: status.hangs,
            accepted: counted(status.accepted),
            open: counted(status.open),
            requests: counted(status.requests),
            errors: counted(status.errors),
            log_dropped: counted(status.log_dropped),
            busy_ms: counted(status.busy_ms),
            phase: status.phase,
        }
    }
}
