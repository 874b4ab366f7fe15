//! What a worker and an idle connection cost in memory, and what idle connections cost busy ones.

mod crowd;
mod idle;

use anyhow::{Result, ensure};
use clap::Args;
use nix::sys::resource::{Resource, getrlimit};

use crate::client::whoami;
use crate::columns;
use crate::procfs;
use crate::subject::{Kind, Start, Subject};
use idle::Idle;

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Workers of each server
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Keep-alive connections, each idle after one request
    #[arg(long, default_value_t = 9000, value_parser = clap::value_parser!(u16).range(100..=9900))]
    connections: u16,
    /// Measures only the servers whose name begins so, such as `evenkeel`
    #[arg(long, default_value = "")]
    only: String,
    /// Measures instead what busy connections cost beside the idle ones, and without them; only for
    /// evenkeel, unless --only names others
    #[arg(long)]
    idle: bool,
    /// Connections at a time that are busy, with --idle
    #[arg(long, default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// Length of each run, with --idle
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=10))]
    seconds: u8,
    /// Runs of each kind, with --idle; the two take turns
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: u32,
}

/// Requests before connections are counted, so that nothing else is done for the first time.
const WARM_UP_PER_WORKER: u16 = 50;
/// Descriptors of the client that are no connections.
const OTHER_FILES: u64 = 100;
const HEADS: [&str; 5] =
    ["", "KiB per idle worker", "master, KiB", "others, KiB", "octets per idle connection"];

pub(crate) fn run(options: &Options) -> Result<()> {
    let (files, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = u64::from(options.connections) + OTHER_FILES;
    ensure!(
        files >= needed,
        "{files} open files are allowed and {needed} needed: raise the hard limit (ulimit -Hn), or \
         choose fewer --connections"
    );
    if options.idle {
        return crowd::run(options);
    }
    let mut lines = vec![HEADS.map(str::to_owned).to_vec()];
    let result = measure_all(options, &mut lines);
    println!(
        "private memory (Private_Clean + Private_Dirty of smaps_rollup), {} workers, {} keep-alive \
         connections",
        options.workers, options.connections
    );
    print!("{}", columns::align(&lines));
    println!(
        "\nAn idle worker has answered requests and closed their connections. The kernel's memory for \
         sockets is the same for all, and not counted."
    );
    result
}

fn measure_all(options: &Options, lines: &mut Vec<Vec<String>>) -> Result<()> {
    for kind in kinds(&options.only)? {
        match kind.start(options.workers)? {
            Start::Running(subject) => lines.push(measure(&subject, options)?),
            Start::Skipped(why) => println!("skipped: {} ({why})", kind.name),
        }
    }
    Ok(())
}

/// How a worker is woken makes no difference here, unless only such servers were asked for.
fn kinds(only: &str) -> Result<Vec<Kind>> {
    let mut kinds = Kind::named(only)?;
    if !kinds.iter().all(Kind::is_variant) {
        kinds.retain(|kind| !kind.is_variant());
    }
    Ok(kinds)
}

fn measure(subject: &Subject, options: &Options) -> Result<Vec<String>> {
    for _ in 0..options.workers * WARM_UP_PER_WORKER {
        whoami(subject.port)?;
    }
    let before = of_workers(subject);
    let master = procfs::private_memory(subject.master());
    let all: u64 = subject.processes().into_iter().map(procfs::private_memory).sum();
    let idle = Idle::connect(subject, options.connections)?;
    let grown = of_workers(subject).saturating_sub(before);
    idle.check()?;
    Ok(vec![
        subject.name().to_owned(),
        (before / u64::from(options.workers) / 1024).to_string(),
        (master / 1024).to_string(),
        (all.saturating_sub(before + master) / 1024).to_string(),
        (grown / u64::from(options.connections)).to_string(),
    ])
}

fn of_workers(subject: &Subject) -> u64 {
    subject.workers().iter().copied().map(procfs::private_memory).sum()
}
