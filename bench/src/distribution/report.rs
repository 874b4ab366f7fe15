//! What is written down: `results.json`. A change of a field's meaning raises `SCHEMA`.

use std::fmt;
use std::time::Duration;

use anyhow::Result;
use hdrhistogram::Histogram;
use serde::Serialize;

use super::machine::Machine;
use super::settings::Settings;
use crate::load::{Class, Outcome};
use crate::stats::{Evenness, float, median, six_digits};

const SCHEMA: u32 = 1;

/// Everything that was measured, and what is needed to do it again.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Report {
    schema: u32,
    pub(super) command: String,
    pub(super) machine: Machine,
    pub(super) workers: u16,
    pub(super) connections: u64,
    pub(super) seconds: f64,
    pub(super) repetitions: u32,
    pub(super) seed: u64,
    /// Requests of the open-loop mix per second that 64 clients in a closed loop had answered.
    pub(super) capacity_per_second: Option<f64>,
    /// Arrivals per second in the open loop.
    pub(super) rate_per_second: Option<f64>,
    /// Why there are fewer runs than asked for.
    pub(super) cut_short: Option<String>,
    pub(super) skipped: Vec<Skip>,
    pub(super) runs: Vec<Run>,
}

/// What could not be measured here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Skip {
    pub(super) server: String,
    /// None: in all scenarios.
    pub(super) scenario: Option<&'static str>,
    pub(super) reason: String,
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = self.scenario.map_or(String::new(), |scenario| format!(" in {scenario}"));
        write!(f, "{}{what} ({})", self.server, self.reason)
    }
}

/// A person notices a tenth of a second (Nielsen, "Usability Engineering", 1993).
pub(super) const LATE: Duration = Duration::from_millis(100);

/// One run of one server in one scenario.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Run {
    pub(super) scenario: &'static str,
    pub(super) server: String,
    pub(super) repetition: u32,
    pub(super) seed: u64,
    /// Connections of which at least one request was answered, by worker.
    pub(super) connections: Vec<u64>,
    /// Requests answered, by worker.
    pub(super) requests: Vec<u64>,
    /// Answers other than 200, or none of HTTP.
    pub(super) errors: u64,
    /// Connections refused, reset, or closed before the answer.
    pub(super) resets: u64,
    /// Requests without an answer within the client's patience.
    pub(super) hangs: u64,
    /// Requests answered later than `LATE` after the intended start, or not at all.
    pub(super) late: u64,
    #[serde(serialize_with = "six_digits")]
    pub(super) seconds: f64,
    /// Figures of `connections`.
    pub(super) evenness: Option<Evenness>,
    pub(super) short: Option<Latency>,
    pub(super) long: Option<Latency>,
    /// CPU time per answered request of the workers, microseconds; NaN without any.
    #[serde(serialize_with = "six_digits")]
    pub(super) worker_cpu_us: f64,
    /// CPU time per answered request of the master and the dispatcher, microseconds.
    #[serde(serialize_with = "six_digits")]
    pub(super) other_cpu_us: f64,
    /// Requests by worker and by equal parts of the run's time, of the first repetition.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) strip: Option<Vec<Vec<u32>>>,
}

impl Run {
    /// Of all requests, 0 to 1; NaN without any.
    pub(super) fn late_share(&self) -> f64 {
        let failed = self.errors + self.resets + self.hangs;
        let all = self.requests.iter().sum::<u64>() + failed;
        float(self.late) / float(all)
    }
}

/// Shares of the answers that were at least so quick, for the curves.
pub(super) const SHARES: [f64; 15] =
    [0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.98, 0.99, 0.995, 0.998, 0.999, 0.9995, 0.9999, 1.0];

/// Latencies of the requests, microseconds from the intended start. One that hung counts with the
/// client's patience, which is less than it would have taken.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Latency {
    pub(super) count: u64,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
    pub(super) p999_us: u64,
    pub(super) max_us: u64,
    /// At `SHARES`.
    pub(super) curve_us: Vec<u64>,
}

impl Latency {
    /// `None` without any. Values are exact to three digits.
    pub(super) fn of(outcome: &Outcome, class: Class, patience: Duration) -> Option<Self> {
        let mut histogram = Histogram::<u64>::new(3).ok()?;
        let microseconds = |time: Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        for sample in outcome.samples.iter().filter(|sample| sample.class == class) {
            histogram.record(microseconds(sample.latency)).ok()?;
        }
        for _ in 0..outcome.hung(class) {
            histogram.record(microseconds(patience)).ok()?;
        }
        let at = |share| histogram.value_at_quantile(share);
        (!histogram.is_empty()).then(|| Self {
            count: histogram.len(),
            p50_us: at(0.5),
            p99_us: at(0.99),
            p999_us: at(0.999),
            max_us: histogram.max(),
            curve_us: SHARES.map(at).to_vec(),
        })
    }
}

impl Report {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            schema: SCHEMA,
            command: command(std::env::args().skip(1)),
            machine: Machine::this(),
            workers: settings.workers,
            connections: settings.connections,
            seconds: settings.seconds,
            repetitions: settings.repetitions,
            seed: settings.seed,
            capacity_per_second: settings.capacity,
            rate_per_second: settings.rate,
            cut_short: None,
            skipped: Vec::new(),
            runs: Vec::new(),
        }
    }

    pub(super) fn skip(&mut self, server: &str, scenario: Option<&'static str>, reason: &str) {
        let skip = Skip { server: server.to_owned(), scenario, reason: reason.to_owned() };
        if !self.skipped.contains(&skip) {
            self.skipped.push(skip);
        }
    }

    /// What a reader has to know before the figures.
    pub(super) fn remarks(&self) -> Vec<String> {
        let cut = self.cut_short.as_ref().map(|why| format!("Not complete: {why}."));
        let waits = (!self.machine.client_runs_first).then(|| {
            "Without the privilege for real-time priority the client waits for a CPU at times, which \
             counts as latency of the server."
                .to_owned()
        });
        cut.into_iter().chain(waits).collect()
    }

    /// One run a line, so that it can be read and compared.
    pub(super) fn json(&self) -> Result<String> {
        let mut head = self.clone();
        let runs: Result<Vec<String>, _> =
            std::mem::take(&mut head.runs).iter().map(serde_json::to_string).collect();
        let head = serde_json::to_string_pretty(&head)?;
        Ok(head.replace("\"runs\": []", &format!("\"runs\": [\n{}\n]", runs?.join(",\n"))) + "\n")
    }

    /// Servers with runs in a scenario, in the order of the measurement, each with its runs.
    pub(super) fn by_server(&self, scenario: &str) -> Vec<(&str, Vec<&Run>)> {
        let mut groups: Vec<(&str, Vec<&Run>)> = Vec::new();
        for run in self.runs.iter().filter(|run| run.scenario == scenario) {
            match groups.iter_mut().find(|(server, _)| *server == run.server) {
                Some((_, runs)) => runs.push(run),
                None => groups.push((&run.server, vec![run])),
            }
        }
        groups
    }
}

/// Without the paths of the program and of the folder: they say nothing to others.
fn command(arguments: impl Iterator<Item = String>) -> String {
    let mut shown = vec!["bench".to_owned()];
    for argument in arguments {
        let follows_out = shown.last().is_some_and(|last| last == "--out");
        shown.push(match argument {
            _ if follows_out => "FOLDER".to_owned(),
            out if out.starts_with("--out=") => "--out=FOLDER".to_owned(),
            other => other,
        });
    }
    shown.join(" ")
}

/// The median over runs that have this figure; NaN if none has.
pub(super) fn middle(runs: &[&Run], figure: impl Fn(&Run) -> Option<f64>) -> f64 {
    let values: Vec<f64> = runs.iter().filter_map(|run| figure(run)).collect();
    median(&values).unwrap_or(f64::NAN)
}

/// The run whose figure is in the middle: of a real run the counts can be shown.
pub(super) fn typical<'a>(runs: &[&'a Run]) -> Option<&'a Run> {
    let share = |run: &Run| run.evenness.map_or(0.0, |figures| figures.max_share);
    let mut sorted = runs.to_vec();
    sorted.sort_by(|a, b| share(a).total_cmp(&share(b)));
    sorted.get(sorted.len() / 2).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_can_be_said_again_and_names_no_folder() {
        for (given, shown) in [
            (
                "distribution --full --out /a/b --seed 2",
                "bench distribution --full --out FOLDER --seed 2",
            ),
            ("distribution --out=/a/b", "bench distribution --out=FOLDER"),
        ] {
            assert_eq!(command(given.split(' ').map(str::to_owned)), shown);
        }
    }
}
