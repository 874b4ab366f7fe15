//! How long a killed worker is missed.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use clap::Args;
use nix::sys::signal::{Signal, kill};

use crate::client::whoami;
use crate::interrupt;
use crate::subject::{Kind, Start, Subject, pid};

/// What to measure, and how often.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Workers of each server
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Kills of each server in a round
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    kills: u32,
    /// Rounds; the servers take turns in each
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    rounds: u32,
    /// Measures only the servers whose name begins so, such as `evenkeel`
    #[arg(long, default_value = "")]
    only: String,
}

/// No successor takes this long.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(options: &Options) -> Result<()> {
    let mut times: Vec<(Kind, Vec<Duration>)> = Vec::new();
    for kind in Kind::named(&options.only)? {
        if !kind.meets_every_worker() {
            println!("left out: {} (its idle workers are never met)", kind.name);
            continue;
        }
        match kind.start(options.workers)? {
            Start::Running(_) => times.push((kind, Vec::new())),
            Start::Skipped(why) => println!("skipped: {} ({why})", kind.name),
        }
    }
    let result = measure_all(options, &mut times);
    println!(
        "SIGKILL of a worker to the first answer of its successor, {} workers, ms",
        options.workers
    );
    println!(
        "{:<34} {:>6} {:>8} {:>8} {:>8} {:>8}",
        "server", "kills", "min", "median", "p90", "max"
    );
    for (kind, times) in times.iter_mut().filter(|(_, times)| !times.is_empty()) {
        times.sort_unstable();
        let at = |share: usize| milliseconds(times[(times.len() - 1) * share / 100]);
        let (name, kills) = (&kind.name, times.len());
        println!("{name:<34} {kills:>6} {} {} {} {}", at(0), at(50), at(90), at(100));
    }
    result
}

fn measure_all(options: &Options, times: &mut [(Kind, Vec<Duration>)]) -> Result<()> {
    ensure!(!times.is_empty(), "none of these servers can be measured here");
    for _ in 0..options.rounds {
        for (kind, times) in &mut *times {
            let Start::Running(subject) = kind.start(options.workers)? else {
                bail!("{}: it could be started before", kind.name)
            };
            let mut known = subject.workers().to_vec();
            for kill in 0..options.kills as usize {
                times.push(respawn(&subject, &mut known, kill % usize::from(options.workers))?);
            }
        }
    }
    Ok(())
}

/// Kills this worker, and asks until a process answers that was not there before. Each question is a
/// new connection, and about one in as many as there are workers meets the right one; those that were
/// in the victim's hands fail, which is expected here and not counted.
fn respawn(subject: &Subject, known: &mut [u32], victim: usize) -> Result<Duration> {
    let start = Instant::now();
    kill(pid(known[victim]), Signal::SIGKILL)?;
    while start.elapsed() < PATIENCE {
        interrupt::check()?;
        match whoami(subject.port) {
            Ok(answers) if !known.contains(&answers) => {
                known[victim] = answers;
                return Ok(start.elapsed());
            }
            Ok(_) | Err(_) => {}
        }
    }
    bail!("{}: nobody answers in the worker's place", subject.name())
}

fn milliseconds(time: Duration) -> String {
    format!("{:>8.2}", time.as_secs_f64() * 1000.0)
}
