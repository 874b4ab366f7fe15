//! What it costs to choose a worker. The choice is made where a connection comes in, so no process of the
//! server shows it: the kernel's own count of its programs stands beside the CPU time of the server.

mod cpu_time;
mod programs;
mod statistics;

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::interrupt;
use crate::load::{self, Load, Outcome, Pace};
use crate::procfs;
use crate::subject::{Kind, Subject};

/// What to measure, and how often.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Workers of each server whose program is timed, a row for each count
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "8,64",
        value_parser = clap::value_parser!(u16).range(1..=64)
    )]
    workers: Vec<u16>,
    /// Workers of each server whose CPU time is measured
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    balance_workers: u16,
    /// New connections of each run [default: 20000; for CPU time: 8000]
    #[arg(long, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    connections: Option<u64>,
    /// Runs of each server; the servers take turns [default: 5; for CPU time: 7]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: Option<u32>,
    /// Measures only the servers whose name begins so, and `evenkeel none/reuseport`, with which their
    /// CPU time is compared
    #[arg(long, default_value = "evenkeel")]
    only: String,
}

/// Connections at a time.
const CLIENTS: usize = 16;
/// An answer that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(5);
/// A run that takes longer is ended: its server does not answer.
const TIME_MAX: Duration = Duration::from_secs(120);

pub(crate) fn run(options: &Options) -> Result<()> {
    procfs::check()?;
    let kinds = Kind::named(&options.only)?;
    println!("{CLIENTS} new connections at a time, one request each; medians [min..max]");
    programs::run(&kinds, options)?;
    cpu_time::run(&kinds, options)
}

/// Makes so many new connections, and is content only with a run that was like the others.
fn connect(subject: &Subject, connections: u64) -> Result<Outcome> {
    let pace = Pace::NewConnections { clients: CLIENTS, requests: connections, time_max: TIME_MAX };
    let load = Load::of_greetings(subject.port, pace, PATIENCE);
    let outcome = load::run(&load, interrupt::flag())?;
    // It was cut short.
    interrupt::check()?;
    let name = subject.name();
    ensure!(subject.has_its_workers(), "{name}: a worker ended");
    ensure!(!outcome.cut, "{name}: not done in time; choose fewer --connections");
    ensure!(outcome.answered() > 0, "{name} answered nothing");
    Ok(outcome)
}
