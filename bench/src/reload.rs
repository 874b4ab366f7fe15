//! Requests that a reload costs.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow};
use clap::Args;

use crate::columns;
use crate::interrupt;
use crate::load::{self, Load, Outcome, Pace};
use crate::procfs;
use crate::subject::{Kind, Subject};

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
    for kind in Kind::named(&options.only)? {
        for keep_alive in [true, false] {
            match kind.start(options.workers)? {
                Some(subject) => lines.push(measure(&subject, keep_alive, options)?),
                None if keep_alive => println!("skipped: {} (not installed)", kind.name),
                None => {}
            }
        }
    }
    println!(
        "SIGHUP to the master {} times under the load of {} clients, {} workers",
        options.reloads, options.clients, options.workers
    );
    print!("{}", columns::align(&lines));
    println!("\nA reload counts when none of the old workers is left within {PATIENCE:?}.");
    Ok(())
}

fn measure(subject: &Subject, keep_alive: bool, options: &Options) -> Result<Vec<String>> {
    let clients = usize::from(options.clients);
    let pace = if keep_alive {
        Pace::KeepAlive { clients, requests_each: u64::MAX, pipelined: 1, time_max: Duration::MAX }
    } else {
        Pace::NewConnections { clients, requests: u64::MAX, time_max: Duration::MAX }
    };
    let load = Load {
        port: subject.port,
        pace,
        short: "/",
        long: "/",
        long_share: 0.0,
        seed: 1,
        patience: PATIENCE,
    };
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

/// How many reloads replaced all workers; it gives up after the first that did not.
fn reload(subject: &Subject, reloads: u32) -> Result<u32> {
    let mut done = 0;
    std::thread::sleep(PAUSE);
    while done < reloads {
        let old = procfs::children(subject.master());
        subject.reload()?;
        let deadline = Instant::now() + PATIENCE;
        let old_are_left =
            || procfs::children(subject.master()).iter().any(|pid| old.contains(pid));
        while old_are_left() {
            interrupt::check()?;
            if Instant::now() > deadline {
                return Ok(done);
            }
            std::thread::sleep(TICK);
        }
        done += 1;
        std::thread::sleep(PAUSE);
    }
    Ok(done)
}

fn row(subject: &Subject, keep_alive: bool, outcome: &Outcome, reloads: u32) -> Vec<String> {
    let per_reload = match reloads {
        0 => "did not reload".to_owned(),
        #[allow(clippy::cast_precision_loss, reason = "requests of seconds")]
        some => format!("{:.2}", outcome.failed() as f64 / f64::from(some)),
    };
    vec![
        subject.name().to_owned(),
        if keep_alive { "keep-alive" } else { "new connections" }.to_owned(),
        reloads.to_string(),
        outcome.answered().to_string(),
        outcome.errors.to_string(),
        outcome.resets.to_string(),
        outcome.hangs.to_string(),
        per_reload,
    ]
}
