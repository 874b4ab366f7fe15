//! How a master and its workers are, as plain data.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::plan::Address;

/// A master at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Status {
    /// The master's process id.
    pub pid: u32,
    /// The primary address at which connections are accepted.
    pub address: Address,
    /// All of them, the primary one first.
    #[serde(default)]
    pub addresses: Vec<Address>,
    /// How connections come to workers: the policy, or `none/inherited`. For `auto` what it chose.
    pub policy: String,
    /// Why `auto` chose that, or that an upgrade kept it; absent with any other policy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy_why: Option<String>,
    /// `running`, `reloading`, `upgrading`, `closing` (a stop is announced) or `stopping`.
    pub doing: String,
    /// Workers that there are to be.
    pub workers_wanted: u16,
    /// Workers that serve.
    pub workers_ready: u16,
    /// How often all workers were replaced.
    pub rollouts: u32,
    /// The process that hands connections out, with policy `rr`.
    pub dispatcher: Option<DispatcherStatus>,
    /// The slots in order.
    pub workers: Vec<WorkerStatus>,
    /// Where the output of workers is, if it has files: one for `all`, or one each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputFile>,
}

/// A file that keeps what workers write.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutputFile {
    /// Whose it is: `all`, `worker 0` or `dispatcher`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
}

/// The dispatcher at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct DispatcherStatus {
    /// Its process id; 0 when it is gone.
    pub pid: u32,
    /// How many there have been.
    pub generation: u32,
    /// What it is doing, by the same words as a worker.
    pub phase: String,
}

/// One slot at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// Connections accepted.
    pub accepted: u64,
    /// Connections open now.
    pub open: u64,
    /// Requests that a handler answered.
    pub requests: u64,
    /// Requests that were refused, and handlers that panicked.
    pub errors: u64,
    /// Lines of the access log that could not be written in time.
    #[serde(default)]
    pub log_dropped: u64,
    /// For how many milliseconds the worker has not come back to its loop; 0 when it waits.
    pub busy_ms: u64,
}
