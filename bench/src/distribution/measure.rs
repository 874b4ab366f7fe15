//! One run of one server.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

use anyhow::{Context, Result, ensure};

use super::disturb::{self, Stopped};
use super::report::{LATE, Latency, Run};
use super::scenario::{self, Disturbance, Scenario};
use super::settings::Settings;
use crate::interrupt;
use crate::load::{self, Class, Load, Outcome};
use crate::priority;
use crate::procfs;
use crate::stats::{Evenness, float};
use crate::subject::{Kind, Subject};

/// Columns of the heat strips.
const STRIP_BINS: u16 = 48;
/// Long enough for a few dozen of the long requests.
const CALIBRATION: Duration = Duration::from_millis(1500);

/// Requests of the open-loop mix that the machine answers per second, client included.
pub(super) fn capacity(settings: &Settings) -> Result<f64> {
    let subject = Kind::start_reference(settings.workers)?;
    let load = scenario::capacity(subject.port, settings.seed, CALIBRATION);
    let outcome = load::run(&load, interrupt::flag())?;
    interrupt::check()?;
    Ok(float(outcome.answered()) / outcome.elapsed.as_secs_f64())
}

pub(super) fn run(
    subject: &Subject,
    scenario: &Scenario,
    settings: &Settings,
    repetition: u32,
) -> Result<Run> {
    // The same arrivals for each server.
    let seed = settings.seed.wrapping_mul(1000) + u64::from(repetition);
    let load = scenario.load(subject.port, settings, seed);
    let stops = scenario.disturbance == Disturbance::Stop;
    let stopped = stops.then(|| Stopped::one_of(subject)).transpose()?;
    let before = procfs::spent(subject.master());
    let outcome = with_stalls(subject, scenario, &load)
        .with_context(|| format!("{}, {}", subject.name(), scenario.name))?;
    let (worker_ns, other_ns) = procfs::spent_since(&before, subject.master(), subject.workers());
    drop(stopped);
    check(subject, scenario, &outcome)?;
    subject.settle();
    let per_request = |ns: u64| match outcome.answered() {
        0 => f64::NAN,
        answered => float(ns) / 1000.0 / float(answered),
    };
    let (connections, requests) = counts(subject, &outcome)?;
    let latency = |class| Latency::of(&outcome, class, load.patience);
    Ok(Run {
        scenario: scenario.name,
        server: subject.name().to_owned(),
        repetition,
        seed,
        evenness: Evenness::of(&connections),
        connections,
        requests,
        errors: outcome.errors,
        resets: outcome.resets,
        hangs: outcome.hangs(),
        late: late(&outcome),
        seconds: outcome.elapsed.as_secs_f64(),
        short: latency(Class::Short),
        long: latency(Class::Long),
        worker_cpu_us: per_request(worker_ns),
        other_cpu_us: per_request(other_ns),
        strip: (repetition == 1 && scenario.is_open()).then(|| strip(subject, &outcome)),
    })
}

/// Counts by worker and their CPU time are true only of workers that were there all the time.
fn check(subject: &Subject, scenario: &Scenario, outcome: &Outcome) -> Result<()> {
    // What was interrupted was cut short.
    interrupt::check()?;
    let (server, name) = (subject.name(), scenario.name);
    ensure!(subject.has_its_workers(), "{server}, {name}: a worker ended");
    ensure!(!outcome.cut, "{server}, {name}: not done in time; choose fewer --connections");
    Ok(())
}

fn with_stalls(subject: &Subject, scenario: &Scenario, load: &Load) -> Result<Outcome> {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let stalls = scenario.disturbance == Disturbance::Stall;
        let stall = stalls.then(|| scope.spawn(|| disturb::stall(subject.port, &done)));
        // A thread of its own, so that no server inherits its priority.
        let client = scope.spawn(|| {
            if scenario.is_open() {
                priority::run_before_others();
            }
            load::run(load, interrupt::flag())
        });
        let outcome = client.join();
        done.store(true, Relaxed);
        let panicked = |_| anyhow::anyhow!("a thread of the client panicked");
        if let Some(stall) = stall {
            stall.join().map_err(panicked)??;
        }
        outcome.map_err(panicked)?
    })
}

/// Connections and requests answered, by worker.
fn counts(subject: &Subject, outcome: &Outcome) -> Result<(Vec<u64>, Vec<u64>)> {
    let workers = subject.workers().len();
    let (mut connections, mut requests) = (vec![0; workers], vec![0; workers]);
    for sample in &outcome.samples {
        let name = sample.worker.with_context(|| format!("{}: no X-Worker", subject.name()))?;
        let column = subject.column(name);
        let column = column.with_context(|| format!("{}: no worker {name}", subject.name()))?;
        requests[column] += u64::from(sample.requests);
        connections[column] += u64::from(sample.first);
    }
    Ok((connections, requests))
}

/// A request that failed is late, however soon it failed.
fn late(outcome: &Outcome) -> u64 {
    let late = outcome.samples.iter().filter(|sample| sample.latency > LATE);
    late.map(|sample| u64::from(sample.requests)).sum::<u64>() + outcome.failed()
}

/// Requests by worker and time of arrival.
fn strip(subject: &Subject, outcome: &Outcome) -> Vec<Vec<u32>> {
    let mut strip = vec![vec![0; usize::from(STRIP_BINS)]; subject.workers().len()];
    let last = outcome.samples.iter().map(|sample| sample.at).max().unwrap_or_default();
    for sample in &outcome.samples {
        let share = sample.at.as_secs_f64() / (last.as_secs_f64() + 1e-9);
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to bins")]
        let bin = (share * f64::from(STRIP_BINS)) as usize;
        if let Some(column) = sample.worker.and_then(|worker| subject.column(worker)) {
            strip[column][bin.min(usize::from(STRIP_BINS) - 1)] += 1;
        }
    }
    strip
}
