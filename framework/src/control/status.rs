//! How a master and its workers are, as plain data.

mod worker;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::apps::OutputFile;
use crate::board::Happening;
use crate::ids::Place;
use crate::plan::Address;
pub use worker::WorkerStatus;

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
    /// The process that shows how all is, if there is to be one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub admin: Option<AdminStatus>,
    /// The slots in order.
    pub workers: Vec<WorkerStatus>,
    /// Where the output of workers is, if it has files: one for `all`, or one each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outputs: Vec<OutputFile>,
    /// Workers that ended, for each cause: `signal`, `exit-code`, `hang`, `failed-start`, `overdue`,
    /// `memory`, `age`, `requests`, `reload`, `upgrade`, `scale`, `terminated`, `unreachable`, `done`.
    #[serde(default)]
    pub restarts: BTreeMap<String, u64>,
    /// What happened last, the oldest first; no more than the last 64.
    #[serde(default)]
    pub events: Vec<EventStatus>,
}

/// The admin process at one moment.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AdminStatus {
    /// Where it is to be reached.
    pub address: Address,
    /// Its process id; 0 when it is gone.
    pub pid: u32,
    /// How many there have been.
    pub generation: u32,
    /// What it is doing, by the same words as a worker.
    pub phase: String,
}

/// One thing that happened.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EventStatus {
    /// Milliseconds since the Unix epoch.
    pub at_ms: u64,
    /// One word for it: `started`, `ready`, `ended`, `exited`, `signalled`, `hung`, `not-forked`, `paused`,
    /// `wants-successor`, `reload-began`, `reload-done`, `reload-failed`, `upgrade-began`, `upgrade-done`,
    /// `upgrade-failed`, `scaled`, `closing`, `stopping`.
    pub kind: String,
    /// For people.
    pub text: String,
    /// Whom it concerns: `worker`, `dispatcher` or `admin`; absent when it is all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// The worker's slot.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slot: Option<u16>,
    /// Which process of its place it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u32>,
    /// Its process id; 0: it never had one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pid: Option<u32>,
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

impl From<&Happening> for EventStatus {
    fn from(happening: &Happening) -> Self {
        let who = happening.who;
        let place = who.map(|(id, _)| match id.place {
            Place::Admin => "admin",
            Place::Dispatcher => "dispatcher",
            Place::Slot(_) => "worker",
        });
        Self {
            at_ms: happening.at_ms,
            kind: happening.what.word().to_owned(),
            text: happening.to_string(),
            place: place.map(str::to_owned),
            slot: who.and_then(|(id, _)| id.place.slot()).map(|slot| slot.0),
            generation: who.map(|(id, _)| id.generation.0),
            pid: who.map(|(_, pid)| pid),
        }
    }
}
