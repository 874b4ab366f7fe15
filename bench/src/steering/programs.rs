//! How long the kernel's programs take, as the kernel itself counts it.

use anyhow::{Result, ensure};

use super::statistics::{Count, SWITCH, Statistics};
use super::{Options, connect};
use crate::columns;
use crate::stats::float;
use crate::subject::{Kind, Start, Subject, take_turns};

/// One run.
#[derive(Clone, Copy, Debug)]
struct Run {
    ns: f64,
    runs: u64,
    connections: u64,
    failed: u64,
}

const CONNECTIONS: u64 = 20_000;
const REPETITIONS: u32 = 5;

pub(super) fn run(kinds: &[Kind], options: &Options) -> Result<()> {
    let connections = options.connections.unwrap_or(CONNECTIONS);
    let repetitions = options.repetitions.unwrap_or(REPETITIONS);
    println!(
        "\ntime of the kernel's program: {connections} connections, {repetitions} repetitions"
    );
    let kinds: Vec<&Kind> = kinds.iter().filter(|kind| kind.has_program()).collect();
    if kinds.is_empty() {
        println!("skipped: all servers (none of these has a program)");
        return Ok(());
    }
    let statistics = match Statistics::switch_on() {
        Ok(statistics) => statistics,
        Err(error) => {
            println!("skipped: all servers ({error:#})");
            return Ok(());
        }
    };
    let subjects = start(&kinds, &options.workers)?;
    let mut runs: Vec<Vec<Run>> = vec![Vec::new(); subjects.len()];
    let result = take_turns(&subjects, &mut runs, repetitions, |it| measure(it, connections));
    drop(statistics);
    print!("{}", table(&subjects, &runs));
    println!(
        "\nThe two readings of the clock with which the kernel times a run are part of it, and so are \
         interrupts that came meanwhile. Runs beyond the connections are of stray packets."
    );
    result
}

/// Each with each count of workers.
fn start(kinds: &[&Kind], counts: &[u16]) -> Result<Vec<Subject>> {
    let mut subjects = Vec::new();
    for kind in kinds {
        for workers in counts {
            match kind.start(*workers)? {
                Start::Running(subject) => subjects.push(subject),
                Start::Skipped(why) => {
                    println!("skipped: {} ({why})", kind.name);
                    // It is the same with another count.
                    break;
                }
            }
        }
    }
    Ok(subjects)
}

fn measure(subject: &Subject, connections: u64) -> Result<Run> {
    let before = Count::of(subject.master())?;
    let outcome = connect(subject, connections)?;
    let after = Count::of(subject.master())?;
    let runs = after.runs - before.runs;
    let name = subject.name();
    ensure!(runs > 0, "{name}: the kernel counted no run; did somebody else write {SWITCH}?");
    Ok(Run {
        ns: float(after.ns - before.ns) / float(runs),
        runs,
        connections: outcome.answered(),
        failed: outcome.failed(),
    })
}

fn table(subjects: &[Subject], runs: &[Vec<Run>]) -> String {
    let heads = ["", "workers", "ns/run", "runs", "connections", "failed"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    for (subject, runs) in subjects.iter().zip(runs) {
        let sum = |figure: fn(&Run) -> u64| runs.iter().map(figure).sum::<u64>().to_string();
        lines.push(vec![
            subject.name().to_owned(),
            subject.workers().len().to_string(),
            columns::range(runs.iter().map(|run| run.ns).collect(), 0),
            sum(|run| run.runs),
            sum(|run| run.connections),
            sum(|run| run.failed),
        ]);
    }
    columns::align(&lines)
}
