//! What a request costs while thousands of other connections are open and idle.

use anyhow::{Result, ensure};

use super::idle::Idle;
use super::{Options, kinds};
use crate::columns;
use crate::procfs;
use crate::subject::{Kind, Start, Subject, take_turns};
use crate::throughput::{Client, Cost, Way, measure};

pub(super) fn run(options: &Options) -> Result<()> {
    procfs::check()?;
    let client = Client::found()?;
    println!(
        "{} workers, {} busy keep-alive connections, runs of {} s by {client}, {} repetitions; medians \
         [min..max]",
        options.workers, options.clients, options.seconds, options.repetitions
    );
    let only = if options.only.is_empty() { "evenkeel" } else { &options.only };
    for kind in kinds(only)? {
        beside_idle(&kind, options, &client)?;
    }
    println!(
        "\nCPU: of all processes of the server, per request; to none: of the same repetition, without \
         idle connections."
    );
    Ok(())
}

/// Two of the same server: one with idle connections, which stay, and one without.
fn beside_idle(kind: &Kind, options: &Options, client: &Client) -> Result<()> {
    let mut subjects = Vec::new();
    for _ in 0..2 {
        match kind.start(options.workers)? {
            Start::Running(subject) => subjects.push(subject),
            Start::Skipped(why) => {
                println!("skipped: {} ({why})", kind.name);
                return Ok(());
            }
        }
    }
    let warm_up = |subject: &Subject| {
        measure(subject, client, Way::KeepAlive, options.clients, 1).map(|_| ())
    };
    subjects.iter().try_for_each(warm_up)?;
    let idle = Idle::connect(&subjects[1], options.connections)?;
    let mut costs = [Vec::new(), Vec::new()];
    let result = take_turns(&subjects, &mut costs, options.repetitions, |subject| {
        measure(subject, client, Way::KeepAlive, options.clients, options.seconds)
    });
    print!("\n{}\n{}", kind.name, table(&costs, options.connections));
    result?;
    let failed: u64 = costs.iter().flatten().map(|cost| cost.failed).sum();
    ensure!(failed == 0, "{}: {failed} requests failed", kind.name);
    idle.check()
}

fn table(costs: &[Vec<Cost>; 2], idle: u16) -> String {
    let heads = ["idle connections", "requests/s", "to none", "CPU, µs/request", "to none"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    for (name, of_kind) in ["none".to_owned(), idle.to_string()].into_iter().zip(costs) {
        let column = |figure: fn(&Cost) -> f64| of_kind.iter().map(figure).collect::<Vec<_>>();
        let ratio = |figure: fn(&Cost) -> f64| {
            let none = costs[0].iter().map(figure);
            column(figure).into_iter().zip(none).map(|(this, none)| this / none).collect()
        };
        lines.push(vec![
            name,
            columns::range(column(|cost| cost.per_second), 0),
            columns::range(ratio(|cost| cost.per_second), 2),
            columns::range(column(|cost| cost.cpu_us), 2),
            columns::range(ratio(|cost| cost.cpu_us), 2),
        ]);
    }
    columns::align(&lines)
}
