//! One look at an application, and what changed since the one before.

use std::time::Instant;

use evenkeel::apps::{App, Record};
use evenkeel::{Snapshot, WorkerSnapshot};
use serde_json::{Value, json};

use crate::figures::{age, memory, microseconds, private_memory, processor_time, since};
use crate::table::{Column, numbers, table, words};
use crate::{answer, visible};

const COLUMNS: [Column; 11] = [
    numbers("worker", 0),
    numbers("pid", 0),
    words("phase", 0),
    numbers("cpu", 2),
    numbers("memory", 4),
    numbers("open", 3),
    numbers("conn/s", 5),
    numbers("req/s", 1),
    numbers("p50", 6),
    numbers("p99", 4),
    numbers("replaced", 7),
];

/// One look at an application.
#[derive(Clone, Debug)]
pub(super) struct Sample {
    record: Record,
    now: Snapshot,
    /// Processor time of each worker, in seconds.
    times: Vec<f64>,
    at: Instant,
}

/// What one worker did between two looks.
#[derive(Default)]
struct Rates {
    cpu_percent: f64,
    connections: f64,
    requests: f64,
    p50_us: Option<u64>,
    p99_us: Option<u64>,
}

impl Sample {
    pub(super) fn of(app: &App) -> Option<Self> {
        let now = app.snapshot()?;
        let times = now.workers.iter().map(|worker| processor_time(worker.pid)).collect();
        Some(Self { record: app.record.clone(), now, times, at: Instant::now() })
    }

    /// Both are of one process.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        let process = |sample: &Self| (sample.record.pid, sample.record.started);
        process(self) == process(other)
    }

    pub(super) fn text(&self, before: Option<&Self>, width: Option<u16>) -> String {
        let Record { name, pid, policy, addresses, started, .. } = &self.record;
        let up = age(since(*started));
        let head =
            format!("{name}: process {pid}, {}, policy {policy}, up {up}", addresses.join(", "));
        let head: String =
            visible::text(&head).chars().take(width.map_or(usize::MAX, usize::from)).collect();
        let workers = self.now.workers.iter().enumerate();
        let rows: Vec<Vec<String>> =
            workers.map(|(at, worker)| self.row(at, worker, before)).collect();
        format!("{head}\n{}", table(&COLUMNS, &rows, width))
    }

    fn row(&self, at: usize, worker: &WorkerSnapshot, before: Option<&Self>) -> Vec<String> {
        let rates = self.rates(at, worker, before);
        // A program that is not ours counts nothing.
        let counted = |text: String| if self.record.foreign { "-".to_owned() } else { text };
        vec![
            worker.slot.to_string(),
            if worker.pid == 0 { "-".to_owned() } else { worker.pid.to_string() },
            worker.phase.to_string(),
            format!("{:.0}%", rates.cpu_percent),
            memory(private_memory(worker.pid)),
            counted(worker.open.to_string()),
            counted(format!("{:.0}", rates.connections)),
            counted(format!("{:.0}", rates.requests)),
            microseconds(rates.p50_us),
            microseconds(rates.p99_us),
            worker.respawns.to_string(),
        ]
    }

    pub(super) fn json(&self, before: Option<&Self>) -> Value {
        let one = |(at, worker): (usize, &WorkerSnapshot)| {
            let rates = self.rates(at, worker, before);
            let counted = |count: u64| (!self.record.foreign).then_some(count);
            let rate = |rate: f64| (!self.record.foreign).then_some(rate);
            json!({
                "worker": worker.slot,
                "pid": worker.pid,
                "phase": worker.phase.to_string(),
                "cpu_percent": rates.cpu_percent,
                "memory_bytes": private_memory(worker.pid),
                "open": counted(worker.open),
                "accepted": counted(worker.accepted),
                "requests": counted(worker.requests),
                "connections_per_s": rate(rates.connections),
                "requests_per_s": rate(rates.requests),
                "p50_us": rates.p50_us,
                "p99_us": rates.p99_us,
                "respawns": worker.respawns,
            })
        };
        let workers: Vec<Value> = self.now.workers.iter().enumerate().map(one).collect();
        let mut value = answer::value(Some(&self.record.name), None);
        value["workers"] = workers.into();
        value
    }

    fn rates(&self, at: usize, worker: &WorkerSnapshot, before: Option<&Self>) -> Rates {
        let none = Rates::default();
        let Some(before) = before else { return none };
        let seconds = (self.at - before.at).as_secs_f64();
        let Some(old) = before.now.workers.get(at).filter(|_| seconds > 0.0) else { return none };
        let per_second = |now: u64, then: u64| {
            f64::from(u32::try_from(now.saturating_sub(then)).unwrap_or(u32::MAX)) / seconds
        };
        let same = old.pid == worker.pid;
        let spent = if same { self.times[at] - before.times[at] } else { 0.0 };
        Rates {
            cpu_percent: spent.max(0.0) / seconds * 100.0,
            connections: per_second(worker.accepted, old.accepted),
            requests: per_second(worker.requests, old.requests),
            p50_us: worker.latency_us_since(old, 0.5),
            p99_us: worker.latency_us_since(old, 0.99),
        }
    }
}
