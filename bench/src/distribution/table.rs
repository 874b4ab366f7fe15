//! The report for a terminal.
#![allow(clippy::print_stdout, reason = "the figures are this program's output")]

use super::report::{Report, Run};
use super::rows;
use super::scenario::Scenario;
use crate::columns;

pub(super) fn print(report: &Report, scenarios: &[Scenario]) {
    for skip in &report.skipped {
        println!("skipped: {skip}");
    }
    let Report { workers, connections, machine, repetitions, .. } = report;
    println!(
        "{workers} workers, {connections} connections or keep-alive requests a run, {repetitions} \
         repetitions; kernel {}, {} CPUs",
        machine.kernel, machine.cpus
    );
    for remark in report.remarks() {
        println!("{remark}");
    }
    for scenario in scenarios {
        let groups = report.by_server(scenario.name);
        if groups.is_empty() {
            continue;
        }
        println!("\n{}: {}", scenario.name, scenario.title);
        print!("{}", table("", &rows::EVENNESS, &groups, rows::evenness));
        if scenario.is_open() {
            let rate = format!("{:.0} arrivals/s; ms", report.rate_per_second.unwrap_or(0.0));
            print!("\n{}", table(&rate, &rows::LATENCY, &groups, rows::latency));
        }
    }
    println!("\n{}", rows::LEGEND.join("\n"));
}

fn table(
    corner: &str,
    heads: &[&str],
    groups: &[(&str, Vec<&Run>)],
    cells: fn(&[&Run]) -> Vec<String>,
) -> String {
    let row = |name: &str, cells: Vec<String>| [vec![name.to_owned()], cells].concat();
    let mut lines = vec![row(corner, heads.iter().map(|head| (*head).to_owned()).collect())];
    lines.extend(groups.iter().map(|(server, runs)| row(server, cells(runs))));
    columns::align(&lines)
}
