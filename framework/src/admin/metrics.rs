//! What is measured, and by which names.
//!
//! Each count of a worker has a family with the label `slot` (`evenkeel_worker_...`), and one for the sum
//! over all slots, so that a sum over one family never counts anything twice. Counters go on over reloads,
//! upgrades and the deaths of workers, and begin anew with a new master.
//!
//! A program that does not link evenkeel counts nothing, so that what only workers could say is left out.
//!
//! `evenkeel_skew_...` are over all connections since the master began. How uneven the last minutes were is
//! for the monitor to say, which alone knows since when it asks, and who else does:
//!
//! ```text
//! stddev(increase(evenkeel_worker_connections_accepted_total[5m]))
//!   / avg(increase(evenkeel_worker_connections_accepted_total[5m]))
//! ```
//!
//! with `by (instance)` where there are several. Chance alone makes the square root of (N-1)/n of it, with N
//! workers and n connections. The live page shows it for the last minute.

mod dispatcher;

use super::exposition::{Exposition, Format, Kind};
use super::process;
use super::skew::Skew;
use super::view::View;
use crate::board::{Deed, Doing, Phase, WorkerSnapshot, total};
use crate::ids::Place;

/// Bounds of the latencies' buckets: these powers of two, in microseconds (64 µs to 16.8 s).
const POWERS: std::ops::RangeInclusive<u32> = 6..=24;

/// Counters that each worker has: name, help, value.
type Count = (&'static str, &'static str, fn(&WorkerSnapshot) -> f64);

#[allow(clippy::cast_precision_loss, reason = "counts stay below 2^52 for ages")]
const COUNTS: [Count; 7] = [
    ("connections_accepted", "Connections accepted.", |worker| worker.accepted as f64),
    ("requests", "Requests that a handler answered.", |worker| worker.requests as f64),
    ("errors", "Requests that were refused, and handlers that panicked.", |worker| {
        worker.errors as f64
    }),
    ("received_bytes", "Bytes read from connections.", |worker| worker.bytes_in as f64),
    ("sent_bytes", "Bytes written to connections.", |worker| worker.bytes_out as f64),
    ("log_lines_dropped", "Lines of the access log that could not be written in time.", |worker| {
        worker.log_dropped as f64
    }),
    ("busy_seconds", "Time in which workers did not wait for events.", |worker| {
        worker.busy_ns as f64 / 1e9
    }),
];

/// The same by the master's word.
#[allow(clippy::cast_precision_loss, reason = "counts stay below 2^52 for ages")]
const BY_MASTER: [Count; 2] = [
    ("respawns", "Workers that were forked after the first of their slot.", |worker| {
        worker.respawns as f64
    }),
    ("hangs", "Workers that were ended because they hung.", |worker| worker.hangs as f64),
];

/// All metrics, at this moment.
pub(super) fn write(view: &View, format: Format) -> String {
    let mut all = Exposition::new(format);
    let workers = view.snapshot().workers;
    write_master(&mut all, view, &workers);
    write_deeds(&mut all, view);
    let counts = COUNTS.iter().filter(|_| !view.foreign);
    for &(name, help, value) in counts.chain(&BY_MASTER) {
        let sum: f64 = workers.iter().map(value).sum();
        all.family(&format!("evenkeel_{name}"), Kind::Counter, help).sample(&[], sum);
        let name = format!("evenkeel_worker_{name}");
        let mut family =
            all.family(&name, Kind::Counter, &format!("The same for each slot: {help}"));
        for worker in &workers {
            family.sample(&[("slot", &worker.slot)], value(worker));
        }
    }
    if !view.foreign {
        write_open(&mut all, &workers);
        write_latencies(&mut all, &workers);
        write_skew(&mut all, &workers);
    }
    write_gauges(&mut all, &workers);
    write_queues(&mut all, view);
    dispatcher::write(&mut all, view.board);
    all.finish()
}

#[allow(clippy::cast_precision_loss, reason = "milliseconds stay below 2^52 for ages")]
fn write_master(all: &mut Exposition, view: &View, workers: &[WorkerSnapshot]) {
    let board = view.board;
    let mut gauge =
        |name: &str, help: &str, labels: &[(&str, &dyn std::fmt::Display)], value: f64| {
            all.family(name, Kind::Gauge, help).sample(labels, value);
        };
    let version = env!("CARGO_PKG_VERSION");
    let labels: &[(&str, &dyn std::fmt::Display)] =
        &[("version", &version), ("policy", &view.policy), ("program", &view.name)];
    gauge("evenkeel_build_info", "What runs: always 1.", labels, 1.0);
    let began = board.began_ms() as f64 / 1000.0;
    gauge("process_start_time_seconds", "When the master began, since the Unix epoch.", &[], began);
    gauge("evenkeel_master_pid", "Process id of the master.", &[], view.master.into());
    let ready = f64::from(u8::from(view.why_not_ready().is_none()));
    gauge("evenkeel_ready", "Whether /readyz says that connections are welcome.", &[], ready);
    let wanted = board.workers_wanted() as f64;
    gauge("evenkeel_workers_wanted", "Workers that there are to be.", &[], wanted);
    let serving = workers.iter().filter(|worker| worker.phase == Phase::Ready).count() as f64;
    gauge("evenkeel_workers_ready", "Workers that serve.", &[], serving);
    let admin = board.row(Place::Admin).generation();
    gauge("evenkeel_admin_generation", "Admin processes so far.", &[], admin.into());
    let mut family = all.family(
        "evenkeel_doing",
        Kind::Gauge,
        "What the master is doing: 1 for that, 0 for the rest.",
    );
    for doing in Doing::ALL {
        family.sample(&[("doing", &doing)], u8::from(doing == board.doing()));
    }
}

fn write_deeds(all: &mut Exposition, view: &View) {
    let board = view.board;
    let mut family =
        all.family("evenkeel_restarts", Kind::Counter, "Workers that ended, by cause.");
    for (cause, count) in board.ends() {
        family.sample(&[("cause", &cause)], count);
    }
    for (name, help, done, failed) in [
        ("evenkeel_reloads", "Reloads, by outcome.", Deed::ReloadDone, Deed::ReloadFailed),
        ("evenkeel_upgrades", "Upgrades, by outcome.", Deed::UpgradeDone, Deed::UpgradeFailed),
    ] {
        let mut family = all.family(name, Kind::Counter, help);
        family.sample(&[("outcome", &"done")], board.counted(done));
        family.sample(&[("outcome", &"failed")], board.counted(failed));
    }
    for (name, help, deed) in [
        ("evenkeel_scalings", "Changes of the number of workers.", Deed::Scaled),
        ("evenkeel_respawn_pauses", "Pauses before a place was tried again.", Deed::Paused),
    ] {
        all.family(name, Kind::Counter, help).sample(&[], board.counted(deed));
    }
}

fn write_open(all: &mut Exposition, workers: &[WorkerSnapshot]) {
    let open = total(workers.iter().map(|worker| worker.open));
    all.family("evenkeel_connections_open", Kind::Gauge, "Connections open now.").sample(&[], open);
    let help = "The same for each slot: Connections open now.";
    let mut family = all.family("evenkeel_worker_connections_open", Kind::Gauge, help);
    for worker in workers {
        family.sample(&[("slot", &worker.slot)], worker.open);
    }
}

fn write_gauges(all: &mut Exposition, workers: &[WorkerSnapshot]) {
    let help = "Processes that have sat in the slot.";
    let mut family = all.family("evenkeel_worker_generation", Kind::Gauge, help);
    for worker in workers {
        family.sample(&[("slot", &worker.slot)], worker.generation);
    }
    let help = "What the slot is doing: 1 for that, 0 for the rest.";
    let mut family = all.family("evenkeel_worker_phase", Kind::Gauge, help);
    for worker in workers {
        for phase in Phase::ALL {
            let is = u8::from(worker.phase == phase);
            family.sample(&[("slot", &worker.slot), ("phase", &phase)], is);
        }
    }
    let living = || workers.iter().filter(|worker| worker.pid != 0);
    let help = "Memory that only the newest worker of the slot has.";
    let mut family = all.family("evenkeel_worker_memory_bytes", Kind::Gauge, help);
    for (worker, bytes) in living().filter_map(|it| Some((it, process::memory_bytes(it.pid)?))) {
        family.sample(&[("slot", &worker.slot)], bytes);
    }
    let help = "CPU time of the newest worker of the slot: it begins anew with each.";
    let mut family = all.family("evenkeel_worker_cpu_seconds", Kind::Gauge, help);
    for (worker, seconds) in living().filter_map(|it| Some((it, process::cpu_seconds(it.pid)?))) {
        family.sample(&[("slot", &worker.slot)], seconds);
    }
}

#[allow(
    clippy::cast_precision_loss,
    reason = "nanoseconds stay below 2^52 for months, and then round"
)]
fn write_latencies(all: &mut Exposition, workers: &[WorkerSnapshot]) {
    let bound = |power: u32| f64::from(1u32 << power) / 1e6;
    // A request that is counted meanwhile must not make a bucket larger than all.
    let rows: Vec<(Vec<u64>, u64, f64)> = workers
        .iter()
        .map(|worker| {
            let buckets = POWERS.map(|power| worker.faster_than(power)).collect();
            (buckets, worker.timed(), worker.answering_ns as f64 / 1e9)
        })
        .collect();
    let help = "Time from the last byte of a request to its answer.";
    let mut family = all.family("evenkeel_request_duration_seconds", Kind::Histogram, help);
    let sums = POWERS
        .enumerate()
        .map(|(at, power)| (bound(power), total(rows.iter().map(|(buckets, ..)| buckets[at]))));
    let count = total(rows.iter().map(|(_, count, _)| *count));
    family.histogram(&[], sums, count, rows.iter().map(|(.., sum)| sum).sum());
    let help = "The same for each slot: Time from the last byte of a request to its answer.";
    let mut family = all.family("evenkeel_worker_request_duration_seconds", Kind::Histogram, help);
    for (worker, (buckets, count, sum)) in workers.iter().zip(&rows) {
        let buckets = POWERS.zip(buckets).map(|(power, below)| (bound(power), *below));
        family.histogram(&[("slot", &worker.slot)], buckets, *count, *sum);
    }
}

fn write_queues(all: &mut Exposition, view: &View) {
    let queues = view.queues();
    for (name, help) in [
        ("evenkeel_queue_depth", "Connections that wait to be accepted."),
        ("evenkeel_queue_limit", "Connections that may wait to be accepted."),
    ] {
        let mut family = all.family(name, Kind::Gauge, help);
        for queue in &queues {
            let value = if name.ends_with("depth") { queue.depth } else { queue.limit };
            // Empty: all workers share it.
            let slot = queue.slot.map(|slot| slot.to_string()).unwrap_or_default();
            family.sample(&[("address", &queue.address), ("slot", &slot)], value);
        }
    }
}

fn write_skew(all: &mut Exposition, workers: &[WorkerSnapshot]) {
    let seated = workers.iter().filter(|worker| worker.phase != Phase::Vacant);
    let skew = Skew::of(&seated.map(|worker| worker.accepted).collect::<Vec<_>>());
    for (name, help, value) in [
        (
            "evenkeel_skew_cov",
            "How uneven the workers' connections since the start are: their standard deviation by their \
             mean. For the last minutes, take increase() of evenkeel_worker_connections_accepted_total.",
            skew.cov,
        ),
        (
            "evenkeel_skew_expected_cov",
            "The same as chance alone would make it.",
            skew.expected_cov,
        ),
        (
            "evenkeel_skew_max_share",
            "The largest share of the connections since the start, from 0 to 1.",
            skew.max_share,
        ),
    ] {
        all.family(name, Kind::Gauge, help).sample(&[], value);
    }
}
