//! Requests that a reload costs.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use clap::Args;

use crate::columns;
use crate::interrupt;
use crate::load::{self, Load, Outcome, Pace};
use crate::procfs;
use crate::stats::float;
use crate::subject::{Kind, Start, Subject};

/// What to measure, and how often.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Workers of each server
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Clients that ask all the time
    #[arg(long, default_value_t = 32, value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// Reloads of each server under each load
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    reloads: u32,
    /// Measures only the servers whose name begins so, such as `evenkeel`
    #[arg(long, default_value = "")]
    only: String,
}

/// A server whose old workers are still there after this did not reload.
const PATIENCE: Duration = Duration::from_secs(5);
/// Load before, between and after the reloads.
const PAUSE: Duration = Duration::from_millis(300);
const TICK: Duration = Duration::from_millis(10);

pub(crate) fn run(options: &Options) -> Result<()> {
    let heads = ["", "load", "reloads", "requests", "errors", "resets", "hangs", "failed/reload"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    let result = measure_all(options, &mut lines);
    println!(
        "SIGHUP to the master {} times under the load of {} clients, {} workers",
        options.reloads, options.clients, options.workers
    );
    print!("{}", columns::align(&lines));
    println!("\nA reload counts when none of the old workers is left within {PATIENCE:?}.");
    result
}

fn measure_all(options: &Options, lines: &mut Vec<Vec<String>>) -> Result<()> {
    for kind in Kind::named(&options.only)? {
        for keep_alive in [true, false] {
            match kind.start(options.workers)? {
                Start::Running(subject) => lines.push(measure(&subject, keep_alive, options)?),
                Start::Skipped(why) if keep_alive => println!("skipped: {} ({why})", kind.name),
                Start::Skipped(_) => {}
            }
        }
    }
    Ok(())
}

fn measure(subject: &Subject, keep_alive: bool, options: &Options) -> Result<Vec<String>> {
    let clients = usize::from(options.clients);
    let pace = if keep_alive {
        Pace::KeepAlive { clients, requests_each: u64::MAX, pipelined: 1, time_max: Duration::MAX }
    } else {
        Pace::NewConnections { clients, requests: u64::MAX, time_max: Duration::MAX }
    };
    let load = Load::of_greetings(subject.port, pace, PATIENCE);
    let done = AtomicBool::new(false);
    let (outcome, reloads) = std::thread::scope(|scope| {
        let client = scope.spawn(|| load::run(&load, &done));
        let reloads = reload(subject, options.reloads);
        done.store(true, Relaxed);
        let outcome = client.join().map_err(|_| anyhow!("the client panicked"))??;
        anyhow::Ok((outcome, reloads?))
    })?;
    Ok(row(subject, keep_alive, &outcome, reloads))
}

/// Reloads that were asked for, and those that replaced all workers.
#[derive(Clone, Copy, Default)]
struct Reloads {
    tried: u32,
    done: u32,
}

/// Gives up after the first that did not replace all.
fn reload(subject: &Subject, reloads: u32) -> Result<Reloads> {
    let mut count = Reloads::default();
    // A dispatcher is no worker, and may stay.
    let children = || procfs::children(subject.master());
    let others: Vec<u32> =
        children().into_iter().filter(|pid| !subject.workers().contains(pid)).collect();
    std::thread::sleep(PAUSE);
    while count.tried < reloads {
        let old: Vec<u32> = children().into_iter().filter(|pid| !others.contains(pid)).collect();
        subject.reload()?;
        count.tried += 1;
        let deadline = Instant::now() + PATIENCE;
        while children().iter().any(|pid| old.contains(pid)) {
            interrupt::check()?;
            if Instant::now() > deadline {
                return Ok(count);
            }
            std::thread::sleep(TICK);
        }
        count.done += 1;
        std::thread::sleep(PAUSE);
    }
    Ok(count)
}

fn row(subject: &Subject, keep_alive: bool, outcome: &Outcome, reloads: Reloads) -> Vec<String> {
    let per_reload = match reloads.done {
        0 => "did not reload".to_owned(),
        _ => format!("{:.2}", float(outcome.failed()) / f64::from(reloads.tried)),
    };
    vec![
        subject.name().to_owned(),
        if keep_alive { "keep-alive" } else { "new connections" }.to_owned(),
        format!("{}/{}", reloads.done, reloads.tried),
        outcome.answered().to_string(),
        outcome.errors.to_string(),
        outcome.resets.to_string(),
        outcome.hangs().to_string(),
        per_reload,
    ]
}
