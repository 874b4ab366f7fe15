//! The figures of one server in one scenario, as the cells of a table.

use super::report::{Latency, Run, middle};
use crate::stats::{Evenness, float};

/// What the figures of both tables are.
pub(super) const LEGEND: [&str; 6] = [
    "cells: medians over the repetitions [min..max]; errors, resets and hangs: sums; spread: the largest",
    "shares: of the connections, and the largest of the requests; spread: busiest less idlest worker; \
     p>1%: runs that are no more uneven than chance (chi-square, 1% level)",
    "worker, other: CPU time per request of the workers, and of master and dispatcher, µs",
    "latencies: from the intended start; a hang counts as the client's patience, 5 s, and 1 s in the scenario \
     stopped; errors and resets do not count",
    "n: requests of one run; where it is small, p99 and p99.9 are the few slowest of them",
    "late: share of all requests that were answered more than 100 ms after the intended start, or not \
     at all",
];

/// Headings of `evenness`.
pub(super) const EVENNESS: [&str; 14] = [
    "max share",
    "top-2 share",
    "CoV",
    "by chance",
    "max/mean",
    "Jain",
    "spread",
    "of requests",
    "p>1%",
    "worker",
    "other",
    "errors",
    "resets",
    "hangs",
];

/// Medians over the repetitions, [min..max]; failures are sums, `spread` is the largest.
pub(super) fn evenness(runs: &[&Run]) -> Vec<String> {
    let figure =
        |figure: fn(&Evenness) -> f64| Spread::of(runs, |run| Some(figure(run.evenness.as_ref()?)));
    let sum = |figure: fn(&Run) -> u64| runs.iter().map(|run| figure(run)).sum::<u64>().to_string();
    let explained = runs.iter().filter(|run| run.evenness.is_some_and(|f| f.p_value > 0.01));
    let spread = runs.iter().filter_map(|run| run.evenness.map(|figures| figures.spread)).max();
    vec![
        figure(|f| f.max_share).with_range(3),
        figure(|f| f.top2_share).with_range(3),
        figure(|f| f.cov).middle(4),
        figure(|f| f.cov_by_chance).middle(4),
        figure(|f| f.max_over_mean).middle(2),
        figure(|f| f.jain).middle(3),
        spread.unwrap_or(0).to_string(),
        Spread::of(runs, |run| Some(Evenness::of(&run.requests)?.max_share)).middle(3),
        format!("{}/{}", explained.count(), runs.len()),
        Spread::of(runs, |run| Some(run.worker_cpu_us)).middle(1),
        Spread::of(runs, |run| Some(run.other_cpu_us)).middle(1),
        sum(|run| run.errors),
        sum(|run| run.resets),
        sum(|run| run.hangs),
    ]
}

/// Headings of `latency`.
pub(super) const LATENCY: [&str; 11] =
    ["short n", "p50", "p99", "p99.9", "max", "long n", "p50", "p99", "p99.9", "max", "late, %"];

/// Milliseconds: medians over the repetitions, [min..max]. Last the share of the late requests.
pub(super) fn latency(runs: &[&Run]) -> Vec<String> {
    let short = |run: &Run| run.short.clone();
    let long = |run: &Run| run.long.clone();
    let late = Spread::of(runs, |run| Some(run.late_share() * 100.0)).with_range(2);
    [latencies(runs, short), latencies(runs, long), vec![late]].concat()
}

fn latencies(runs: &[&Run], class: impl Fn(&Run) -> Option<Latency>) -> Vec<String> {
    let of = |figure: fn(&Latency) -> u64| {
        Spread::of(runs, |run| Some(milliseconds(figure(&class(run)?))))
    };
    vec![
        Spread::of(runs, |run| Some(float(class(run)?.count))).middle(0),
        of(|l| l.p50_us).middle(2),
        of(|l| l.p99_us).with_range(2),
        of(|l| l.p999_us).with_range(2),
        of(|l| l.max_us).middle(2),
    ]
}

/// A figure over the repetitions.
struct Spread {
    middle: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(runs: &[&Run], figure: impl Fn(&Run) -> Option<f64>) -> Self {
        let figure = |run: &Run| figure(run).filter(|value| !value.is_nan());
        let values = || runs.iter().filter_map(|run| figure(run));
        Self {
            middle: middle(runs, figure),
            least: values().fold(f64::INFINITY, f64::min),
            most: values().fold(f64::NEG_INFINITY, f64::max),
        }
    }

    fn middle(&self, digits: usize) -> String {
        if self.middle.is_nan() { "–".to_owned() } else { format!("{:.digits$}", self.middle) }
    }

    fn with_range(&self, digits: usize) -> String {
        if self.middle.is_nan() {
            return "–".to_owned();
        }
        let Self { middle, least, most } = *self;
        if least.to_bits() == most.to_bits() {
            return format!("{middle:.digits$}");
        }
        format!("{middle:.digits$} [{least:.digits$}..{most:.digits$}]")
    }
}

pub(super) fn milliseconds(microseconds: u64) -> f64 {
    float(microseconds) / 1000.0
}
