//! `results.csv`: one line for each run, for a spreadsheet.

use anyhow::Result;
use csv::Writer;

use super::report::{Latency, Report};

pub(super) fn text(report: &Report) -> Result<String> {
    let mut writer = Writer::from_writer(Vec::new());
    let fixed = "scenario server repetition errors resets hangs late max_share top2_share cov cov_by_chance \
                 max_over_mean jain chi_square p_value spread worker_cpu_us other_cpu_us short_p50_us \
                 short_p99_us short_p999_us short_max_us long_p50_us long_p99_us long_p999_us long_max_us";
    let of_workers = |what: &str| (0..report.workers).map(move |w| format!("{what}_{w}")).collect();
    let columns: [Vec<String>; 3] = [
        fixed.split_whitespace().map(str::to_owned).collect(),
        of_workers("connections"),
        of_workers("requests"),
    ];
    writer.write_record(columns.concat())?;
    for run in &report.runs {
        let mut row = vec![run.scenario.to_owned(), run.server.clone()];
        row.extend(
            [u64::from(run.repetition), run.errors, run.resets, run.hangs, run.late]
                .map(|n| n.to_string()),
        );
        let figures = run.evenness.map(|f| {
            let floats = [
                f.max_share,
                f.top2_share,
                f.cov,
                f.cov_by_chance,
                f.max_over_mean,
                f.jain,
                f.chi_square,
                f.p_value,
            ];
            floats.map(|n| n.to_string()).into_iter().chain([f.spread.to_string()]).collect()
        });
        row.extend(figures.unwrap_or_else(|| vec![String::new(); 9]));
        let cpu = |us: f64| if us.is_nan() { String::new() } else { us.to_string() };
        row.extend([run.worker_cpu_us, run.other_cpu_us].map(cpu));
        row.extend(latency(run.short.as_ref()));
        row.extend(latency(run.long.as_ref()));
        row.extend(run.connections.iter().chain(&run.requests).map(u64::to_string));
        writer.write_record(row)?;
    }
    Ok(String::from_utf8(writer.into_inner()?)?)
}

fn latency(of: Option<&Latency>) -> Vec<String> {
    of.map_or(vec![String::new(); 4], |l| {
        [l.p50_us, l.p99_us, l.p999_us, l.max_us].map(|n| n.to_string()).to_vec()
    })
}
