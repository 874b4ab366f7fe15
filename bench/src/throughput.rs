//! What a request costs the server, beside a loop that does nothing else and beside nginx.

mod client;
mod table;

use anyhow::{Result, ensure};
use clap::Args;

use crate::procfs;
use crate::stats::float;
use crate::subject::{Kind, Subject, start_all, take_turns};

pub(crate) use client::Client;

/// What to measure, and how often.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Workers of each server [default: one for each CPU]
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: Option<u16>,
    /// Connections at a time
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    clients: u16,
    /// Length of each run
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=60))]
    seconds: u8,
    /// Runs of each server and way; the servers take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: u32,
    /// Measures only the servers whose name begins so, and the bare loop and nginx, with which they are
    /// compared
    #[arg(long, default_value = "")]
    only: String,
}

/// How requests are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    KeepAlive,
    Pipelined,
    NewConnection,
}

const WAYS: [(Way, &str); 3] = [
    (Way::KeepAlive, "keep-alive"),
    (Way::Pipelined, "keep-alive, 16 requests pipelined"),
    (Way::NewConnection, "a new connection for each request"),
];

/// Requests sent at a time when pipelined.
const PIPELINED: u16 = 16;

/// One run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Cost {
    pub(crate) per_second: f64,
    /// CPU time of all the server's processes per request, microseconds.
    pub(crate) cpu_us: f64,
    pub(crate) failed: u64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    procfs::check()?;
    let cpus = std::thread::available_parallelism()?.get();
    let workers = options.workers.unwrap_or(u16::try_from(cpus).unwrap_or(64).min(64));
    let kinds = Kind::compared(&options.only)?;
    let client = Client::found()?;
    println!(
        "{workers} workers, {} connections, runs of {} s by {client}, {} repetitions; medians \
         [min..max]",
        options.clients, options.seconds, options.repetitions
    );
    let subjects = start_all(&kinds, workers)?;
    for (way, title) in WAYS {
        let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); subjects.len()];
        let result = take_turns(&subjects, &mut costs, options.repetitions, |subject| {
            measure(subject, &client, way, options.clients, options.seconds)
        });
        println!("\n{title}");
        print!("{}", table::of(&subjects, &costs));
        result?;
    }
    println!(
        "\nCPU: of all processes of the server, per request. To bare: of the same repetition, the bare \
         loop being the limit. To nginx: the same, to whichever nginx took less in that repetition. \
         Requests per second depend on the client, which shares the CPUs."
    );
    Ok(())
}

pub(crate) fn measure(
    subject: &Subject,
    client: &Client,
    way: Way,
    clients: u16,
    seconds: u8,
) -> Result<Cost> {
    let before = procfs::spent(subject.master());
    let done = client.run(subject.port, way, clients, seconds)?;
    let (workers, others) = procfs::spent_since(&before, subject.master(), subject.workers());
    ensure!(done.requests > 0, "{} answered nothing", subject.name());
    ensure!(subject.has_its_workers(), "{}: a worker ended", subject.name());
    let (ns, requests) = (float(workers + others), float(done.requests));
    Ok(Cost {
        per_second: requests / done.seconds,
        cpu_us: ns / 1000.0 / requests,
        failed: done.failed,
    })
}
