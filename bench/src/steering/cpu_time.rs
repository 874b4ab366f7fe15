//! What a new connection costs the server, beside the kernel's own choice.

use anyhow::Result;

use super::{Options, connect};
use crate::columns;
use crate::procfs;
use crate::stats::float;
use crate::subject::{Kind, Subject, start_all, take_turns};

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
    let result = take_turns(&subjects, &mut costs, repetitions, |it| measure(it, connections));
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
    let mut subjects = vec![Kind::start_reference(workers)?];
    let reference = Kind::reference();
    subjects.extend(start_all(kinds.iter().filter(|kind| **kind != reference), workers)?);
    Ok(subjects)
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
