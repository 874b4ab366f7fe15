//! What a new connection costs the server, beside the kernel's own choice.

use anyhow::{Result, bail};

use super::{Options, connect};
use crate::columns;
use crate::procfs;
use crate::stats::float;
use crate::subject::{Kind, Start, Subject};

/// One run: CPU time per connection, microseconds.
#[derive(Clone, Copy, Debug)]
struct Cost {
    workers_us: f64,
    others_us: f64,
    failed: u64,
}

impl Cost {
    fn all_us(&self) -> f64 {
        self.workers_us + self.others_us
    }
}

const CONNECTIONS: u64 = 8000;
const REPETITIONS: u32 = 7;

pub(super) fn run(kinds: &[Kind], options: &Options) -> Result<()> {
    let workers = options.balance_workers;
    let connections = options.connections.unwrap_or(CONNECTIONS);
    let repetitions = options.repetitions.unwrap_or(REPETITIONS);
    println!(
        "\nCPU time of the server: {workers} workers, {connections} connections, {repetitions} \
         repetitions"
    );
    let subjects = start(kinds, workers)?;
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); subjects.len()];
    let result = measure_all(&subjects, &mut costs, connections, repetitions);
    print!("{}", table(&subjects, &costs));
    println!(
        "\nµs/connection: CPU time, user and system; others: master and dispatcher. To none/reuseport: \
         both together, of the same repetition.\nWhat the kernel does when a packet comes in, its \
         choice of a worker among it, is in no column: on loopback it is the client's time. So the \
         first table stands beside this one."
    );
    result
}

/// First the one that the others are compared with.
fn start(kinds: &[Kind], workers: u16) -> Result<Vec<Subject>> {
    let reference = Kind::reference();
    let Start::Running(first) = reference.start(workers)? else {
        bail!("{} is built here and needs no privilege", reference.name)
    };
    let mut subjects = vec![first];
    for kind in kinds.iter().filter(|kind| **kind != reference) {
        match kind.start(workers)? {
            Start::Running(subject) => subjects.push(subject),
            Start::Skipped(why) => println!("skipped: {} ({why})", kind.name),
        }
    }
    Ok(subjects)
}

/// The servers take turns, so that each repetition has its own run to be compared with.
fn measure_all(
    subjects: &[Subject],
    costs: &mut [Vec<Cost>],
    connections: u64,
    repetitions: u32,
) -> Result<()> {
    for _ in 0..repetitions {
        for (subject, costs) in subjects.iter().zip(&mut *costs) {
            costs.push(measure(subject, connections)?);
        }
    }
    Ok(())
}

fn measure(subject: &Subject, connections: u64) -> Result<Cost> {
    let before = procfs::spent(subject.master());
    let outcome = connect(subject, connections)?;
    let (workers, others) = procfs::spent_since(&before, subject.master(), subject.workers());
    let per_connection = |ns: u64| float(ns) / 1000.0 / float(outcome.answered());
    Ok(Cost {
        workers_us: per_connection(workers),
        others_us: per_connection(others),
        failed: outcome.failed(),
    })
}

fn table(subjects: &[Subject], costs: &[Vec<Cost>]) -> String {
    let heads =
        ["", "workers, µs/connection", "others, µs/connection", "to none/reuseport", "failed"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    for (subject, of_subject) in subjects.iter().zip(costs) {
        let ratios =
            of_subject.iter().zip(&costs[0]).map(|(cost, first)| cost.all_us() / first.all_us());
        let failed: u64 = of_subject.iter().map(|cost| cost.failed).sum();
        lines.push(vec![
            subject.name().to_owned(),
            columns::range(of_subject.iter().map(|cost| cost.workers_us).collect(), 1),
            columns::range(of_subject.iter().map(|cost| cost.others_us).collect(), 1),
            columns::range(ratios.collect(), 2),
            failed.to_string(),
        ]);
    }
    columns::align(&lines)
}
