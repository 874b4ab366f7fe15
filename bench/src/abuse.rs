//! Clients that mean harm, and what whoever behaves notices of them.

mod good_client;
mod greedy;
mod held;
mod kinds;
mod patience;
mod torrent;

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use anyhow::{Result, anyhow, ensure};
use clap::Args;

use crate::columns;
use crate::interrupt;
use crate::procfs;
use crate::stats::float;
use crate::subject::{Kind, Subject, start_all};
use good_client::Answers;
use kinds::Abuse;

/// What to measure, and for how long.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Workers of each server
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Length of each abuse of each server
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=60))]
    seconds: u8,
    /// Only the abuses whose name begins so, such as `slow`
    #[arg(long, default_value = "")]
    abuse: String,
    /// Waits up to 90 seconds for the end of connections that send as little as they can
    #[arg(long)]
    long: bool,
    /// Measures only the servers whose name begins so [default: one of each program]
    #[arg(long)]
    only: Option<String>,
}

/// Where connections wait, and who chooses, makes no difference to one worker.
const ONE_OF_EACH: [&str; 3] = ["evenkeel none/reuseport", "node cluster none", "nginx shared"];

pub(crate) fn run(options: &Options) -> Result<()> {
    procfs::check()?;
    let abuses = kinds::named(&options.abuse)?;
    let subjects = start_all(&kinds_of_servers(options)?, options.workers)?;
    println!(
        "{} workers, {} s each; a client asks / {} times a second, on a kept connection and on new \
         ones by turns",
        options.workers,
        options.seconds,
        good_client::PER_SECOND
    );
    for abuse in abuses {
        let mut lines = vec![HEADS.map(str::to_owned).to_vec()];
        let result = subjects.iter().try_for_each(|subject| {
            lines.push(measure(subject, abuse, options)?);
            anyhow::Ok(())
        });
        println!("\n{}", abuse.name);
        print!("{}", columns::align(&lines));
        result?;
    }
    println!(
        "\nAnswers count from when they were to be asked for. Memory: private, of all workers, at the \
         end of the abuse, beyond what it was before. CPU: of all processes of the server."
    );
    if options.long {
        patience::run(&subjects)
    } else {
        println!("skipped: when slow connections are ended (--long)");
        Ok(())
    }
}

fn kinds_of_servers(options: &Options) -> Result<Vec<Kind>> {
    if let Some(prefix) = &options.only {
        return Kind::named(prefix);
    }
    Ok(Kind::all().into_iter().filter(|kind| ONE_OF_EACH.contains(&kind.name.as_str())).collect())
}

const HEADS: [&str; 9] = [
    "",
    "asked",
    "failed",
    "p50, ms",
    "p99, ms",
    "max, ms",
    "connections",
    "memory, KiB",
    "CPU, %",
];

/// One abuse of one server.
fn measure(subject: &Subject, abuse: &Abuse, options: &Options) -> Result<Vec<String>> {
    subject.settle();
    let time = Duration::from_secs(options.seconds.into());
    let memory = private_memory(subject);
    let (done, began) = (AtomicBool::new(false), Instant::now());
    let before = procfs::spent(subject.master());
    let (answers, tries, grown, (workers, others)) = std::thread::scope(|scope| {
        // A thread of its own, so that nobody else inherits its priority.
        let client = scope.spawn(|| good_client::ask(subject.port, &done));
        let abuser = scope.spawn(|| (abuse.run)(subject.port, &done));
        let end = began + time;
        while Instant::now() < end && !interrupt::requested() {
            std::thread::sleep(TICK);
        }
        let spent = procfs::spent_since(&before, subject.master(), subject.workers());
        let grown = private_memory(subject).saturating_sub(memory);
        done.store(true, Relaxed);
        let panicked = |_| anyhow!("a client panicked");
        let tries = abuser.join().map_err(panicked)??;
        let answers = client.join().map_err(panicked)??;
        anyhow::Ok((answers, tries, grown, spent))
    })?;
    interrupt::check()?;
    ensure!(subject.has_its_workers(), "{}, {}: a worker ended", subject.name(), abuse.name);
    let cpu = float(workers + others) / 1e7 / began.elapsed().as_secs_f64();
    Ok(row(subject, &answers, tries, grown, cpu))
}

const TICK: Duration = Duration::from_millis(10);

fn private_memory(subject: &Subject) -> u64 {
    subject.workers().iter().copied().map(procfs::private_memory).sum()
}

fn row(subject: &Subject, answers: &Answers, tries: u64, grown: u64, cpu: f64) -> Vec<String> {
    let milliseconds = |microseconds| format!("{:.2}", float(microseconds) / 1000.0);
    vec![
        subject.name().to_owned(),
        answers.asked().to_string(),
        answers.failed.to_string(),
        milliseconds(answers.at(0.5)),
        milliseconds(answers.at(0.99)),
        milliseconds(answers.max()),
        tries.to_string(),
        (grown / 1024).to_string(),
        format!("{cpu:.0}"),
    ]
}
