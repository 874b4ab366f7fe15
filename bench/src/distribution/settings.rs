//! What to measure, how often, how long.

use std::path::PathBuf;

use clap::Args;

/// The command line.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Under a minute: one repetition of short runs
    #[arg(long, conflicts_with = "full")]
    quick: bool,
    /// About half an hour: ten repetitions
    #[arg(long)]
    full: bool,
    /// Workers of each server
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=64))]
    workers: u16,
    /// New connections of each run, or requests on keep-alive connections [default: 8000; quick: 800]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    connections: Option<u64>,
    /// Length of each run with open-loop arrivals; with stalls, rounded up to whole
    /// periods of 2 s [default: 4; quick: 0.7]
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    seconds: Option<f64>,
    /// Runs of each server and scenario; the servers take turns [default: 3; quick: 1; full: 10]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: Option<u32>,
    /// Open-loop arrivals, as a share of the capacity for the mixed requests that is measured first; the
    /// default is about what the slowest peer can bear (Node's cluster with policy rr)
    #[arg(long, default_value_t = 0.3, value_parser = share)]
    pub(super) share: f64,
    /// Open-loop arrivals per second, to repeat a measurement, instead of a share of the capacity
    #[arg(long, conflicts_with = "share", value_parser = rate)]
    pub(super) rate: Option<f64>,
    /// Arrivals and their mix follow from it
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Measures only the servers whose name begins so, such as `evenkeel`
    #[arg(long, default_value = "")]
    pub(super) only: String,
    /// Measures only this scenario; may be given more than once
    #[arg(long)]
    pub(super) scenario: Vec<String>,
    /// Writes results.json, results.csv, report.html and its pictures into this folder
    #[arg(long, value_name = "FOLDER")]
    pub(super) out: Option<PathBuf>,
}

/// The options, with what follows from them.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub(super) workers: u16,
    pub(super) connections: u64,
    pub(super) seconds: f64,
    pub(super) repetitions: u32,
    pub(super) seed: u64,
    /// Requests of the open-loop mix per second, in a closed loop on this machine.
    pub(super) capacity: Option<f64>,
    /// Open-loop arrivals per second.
    pub(super) rate: Option<f64>,
}

impl Settings {
    pub(super) fn of(options: &Options) -> Self {
        let pick = |quick, full, normal| match (options.quick, options.full) {
            (true, _) => quick,
            (_, true) => full,
            _ => normal,
        };
        Self {
            workers: options.workers,
            connections: options.connections.unwrap_or(if options.quick { 800 } else { 8000 }),
            seconds: options.seconds.unwrap_or(if options.quick { 0.7 } else { 4.0 }),
            repetitions: options.repetitions.unwrap_or(pick(1, 10, 3)),
            seed: options.seed,
            capacity: None,
            rate: options.rate,
        }
    }
}

fn rate(text: &str) -> Result<f64, String> {
    let rate = text.parse().ok().filter(|rate| (1.0..=1e6).contains(rate));
    rate.ok_or_else(|| "choose 1 to 1,000,000 arrivals per second".into())
}

fn share(text: &str) -> Result<f64, String> {
    let share = text.parse().ok().filter(|share| *share > 0.0 && *share <= 2.0);
    share.ok_or_else(|| "choose a share above 0, up to 2".into())
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds = text.parse().ok().filter(|seconds| (0.1..=600.0).contains(seconds));
    seconds.ok_or_else(|| "choose 0.1 to 600 seconds".into())
}
