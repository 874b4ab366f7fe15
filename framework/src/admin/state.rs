//! The state as JSON, for the page and for programs.
//!
//! `GET /api/state` answers with one object, [`State`]. Fields are only ever added. Times are in the unit
//! that ends their name; what cannot be known is `null`, as what a program that does not link evenkeel would
//! have to count.

use std::collections::BTreeMap;
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Serialize;

use super::process;
use super::queues::Waiting;
use super::skew::Skew;
use super::view::View;
use crate::board::{Phase, WorkerSnapshot, total};
use crate::control::EventStatus;
use crate::ids::Place;
use crate::plan::Address;
use crate::sys::clock::monotonic_ns;

/// Everything. For example, shortened:
///
/// ```json
/// {"name":"shop","version":"0.1.0","pid":812,"doing":"running","ready":true,"policy":"none",
///  "addresses":["0.0.0.0:8080","unix:/run/shop.sock"],"workers_wanted":2,"workers_ready":2,
///  "now_ms":1790000000000,"uptime_s":3600,
///  "skew":{"cov":0.01,"max_share":0.51,"expected_cov":0.02,"expected_low":0.48,"expected_high":0.52},
///  "queues":[{"address":"0.0.0.0:8080","slot":0,"depth":0,"limit":4096},
///            {"address":"unix:/run/shop.sock","depth":0,"limit":4096}],
///  "workers":[{"slot":0,"pid":813,"generation":1,"phase":"ready","age_s":3600,"accepted":1200,"open":3,
///              "requests":5000,"errors":0,"bytes_in":400000,"bytes_out":700000,"busy_ms":0,
///              "busy_total_s":12.5,"memory_bytes":1400000,"cpu_s":12.9,"p50_us":90,"p99_us":400,
///              "latency_counts":[0,0,3,17],
///              "share":0.51,"respawns":0,"hangs":0,"log_dropped":0}],
///  "dispatcher":null,"admin":{"pid":815,"generation":1,"phase":"ready"},
///  "restarts":{"signal":0,"reload":2},
///  "events":[{"at_ms":1790000000000,"kind":"ready","text":"worker 0 (generation 1) is ready",
///             "place":"worker","slot":0,"generation":1,"pid":813}]}
/// ```
#[derive(Debug, Serialize)]
pub(super) struct State {
    /// What the server is called; without a name, the program as it was called, without its folder.
    name: String,
    /// The version of evenkeel.
    version: &'static str,
    /// The master's process id.
    pid: u32,
    /// `running`, `reloading`, `upgrading`, `closing` (a stop is announced) or `stopping`.
    doing: String,
    /// What `/readyz` says.
    ready: bool,
    /// How connections come to workers: the policy, or `none/inherited`.
    policy: String,
    /// Where connections are accepted, the primary address first: `HOST:PORT` or `unix:/PATH`.
    addresses: Vec<Address>,
    workers_wanted: u64,
    workers_ready: usize,
    /// When this was looked at, since the Unix epoch.
    now_ms: u64,
    /// Since the master began; an upgrade is no new beginning.
    uptime_s: u64,
    /// Of all connections since the start, over the slots that are not vacant.
    skew: Option<Skew>,
    /// The accept queues: of each slot, where each has one of its own (then with `slot`), and of each
    /// address that all workers share.
    queues: Vec<Waiting>,
    /// One for each slot that ever had a worker, in order.
    workers: Vec<Worker>,
    /// With policy `rr`.
    dispatcher: Option<Child>,
    admin: Child,
    /// Workers that ended, for each cause: see [`Status::restarts`](crate::control::Status::restarts).
    restarts: BTreeMap<&'static str, u64>,
    /// What happened last, the oldest first: see [`EventStatus`].
    events: Vec<EventStatus>,
}

/// One slot. Counts are sums over all workers that sat in it.
#[derive(Debug, Serialize)]
struct Worker {
    slot: u16,
    /// Of the newest worker; 0 when it is gone.
    pid: u32,
    /// How many have sat in the slot.
    generation: u32,
    /// `vacant`, `starting`, `ready`, `draining` or `backing-off`.
    phase: String,
    /// Since the newest worker was forked; 0 when it is gone.
    age_s: u64,
    accepted: Option<u64>,
    open: Option<u64>,
    requests: Option<u64>,
    errors: Option<u64>,
    bytes_in: Option<u64>,
    bytes_out: Option<u64>,
    /// For how long the worker has not come back to its loop; 0 when it waits.
    busy_ms: Option<u64>,
    /// All the time in which it was busy.
    busy_total_s: Option<f64>,
    /// What only the newest worker has.
    memory_bytes: Option<u64>,
    /// CPU time of the newest worker.
    cpu_s: Option<f64>,
    /// The latency that half of all requests since the start stayed below, within 25%.
    p50_us: Option<u64>,
    p99_us: Option<u64>,
    /// How many of them took 0, 1, 2 and 3 µs, and then how many fell into each quarter of each doubling from
    /// 4 µs on (4, 5, 6, 7, 8 to 9, 10 to 11 ...). Empty ones at the end are left out. The difference of two
    /// looks is what came between them.
    latency_counts: Option<Vec<u64>>,
    /// Of the connections of all slots that are not vacant, from 0 to 1; `null` for a vacant one, and
    /// before the first connection.
    share: Option<f64>,
    respawns: u64,
    hangs: u64,
    log_dropped: Option<u64>,
}

/// A process that is no worker.
#[derive(Debug, Serialize)]
struct Child {
    /// 0 when it is gone.
    pid: u32,
    generation: u32,
    phase: String,
}

impl State {
    pub(super) fn of(view: &View) -> Self {
        let board = view.board;
        let workers = view.snapshot().workers;
        let seated = || workers.iter().filter(|worker| worker.phase != Phase::Vacant);
        let counts: Vec<u64> = seated().map(|worker| worker.accepted).collect();
        let accepted = total(counts.iter().copied());
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
        let child = |place| {
            let row = board.row(place);
            let (pid, generation, phase) = (row.pid(), row.generation(), row.phase().to_string());
            Child { pid, generation, phase }
        };
        let ends = board.ends().map(|(cause, count)| (cause.name(), count));
        Self {
            name: view.name.clone(),
            version: env!("CARGO_PKG_VERSION"),
            pid: view.master,
            doing: board.doing().to_string(),
            ready: view.why_not_ready().is_none(),
            policy: view.policy.clone(),
            addresses: view.addresses.clone(),
            workers_wanted: board.workers_wanted(),
            workers_ready: seated().filter(|worker| worker.phase == Phase::Ready).count(),
            now_ms,
            uptime_s: now_ms.saturating_sub(board.began_ms()) / 1000,
            skew: (!view.foreign).then(|| Skew::of(&counts)),
            queues: view.queues(),
            workers: workers.iter().map(|it| Worker::of(it, accepted, view.foreign)).collect(),
            dispatcher: Some(child(Place::Dispatcher)).filter(|it| it.generation > 0),
            admin: child(Place::Admin),
            restarts: ends.collect(),
            events: board.happenings().iter().map(EventStatus::from).collect(),
        }
    }
}

impl Worker {
    #[allow(clippy::cast_precision_loss, reason = "shares and seconds need no more than 52 bits")]
    fn of(worker: &WorkerSnapshot, accepted: u64, foreign: bool) -> Self {
        let since = |then: u64| if then == 0 { 0 } else { monotonic_ns().saturating_sub(then) };
        let pid = Some(worker.pid).filter(|pid| *pid != 0);
        let counted = |count: u64| (!foreign).then_some(count);
        let counts = worker.phase != Phase::Vacant && accepted > 0;
        Self {
            slot: worker.slot,
            pid: worker.pid,
            generation: worker.generation,
            phase: worker.phase.to_string(),
            age_s: pid.map_or(0, |_| since(worker.since_ns) / 1_000_000_000),
            accepted: counted(worker.accepted),
            open: counted(worker.open),
            requests: counted(worker.requests),
            errors: counted(worker.errors),
            bytes_in: counted(worker.bytes_in),
            bytes_out: counted(worker.bytes_out),
            busy_ms: counted(since(worker.busy_since_ns) / 1_000_000),
            busy_total_s: counted(worker.busy_ns).map(|busy_ns| busy_ns as f64 / 1e9),
            memory_bytes: pid.and_then(process::memory_bytes),
            cpu_s: pid.and_then(process::cpu_seconds),
            p50_us: worker.latency_us(0.5),
            p99_us: worker.latency_us(0.99),
            latency_counts: (!foreign).then(|| worker.latency_counts().to_vec()),
            share: counts.then(|| worker.accepted as f64 / accepted as f64),
            respawns: worker.respawns,
            hangs: worker.hangs,
            log_dropped: counted(worker.log_dropped),
        }
    }
}
