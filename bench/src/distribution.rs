//! Who gets the connections.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use anyhow::{Context, Result, bail, ensure};
use clap::Args;
use serde::Serialize;

use crate::client::{Answerer, whoami};
use crate::cpu;
use crate::stats::{Evenness, median};
use crate::subject::{Kind, Subject};

/// What to measure, and how often.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Workers of each server
    #[arg(long, default_value_t = 8, value_parser = clap::value_parser!(u16).range(2..=64))]
    workers: u16,
    /// New connections of each run, one request on each
    #[arg(long, default_value_t = 8000, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    connections: u64,
    /// Runs of each server and scenario; the servers take turns
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..=100))]
    repetitions: u32,
    /// Measures only the servers whose name begins so, such as `evenkeel`
    #[arg(long, default_value = "")]
    only: String,
    /// Writes every run, with its raw counts, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Clients at a time, each with one connection after the other.
const SCENARIOS: [(&str, usize); 2] = [("sequential", 1), ("concurrent 64", 64)];

/// What is written down. A change of a field's meaning raises `schema`.
#[derive(Serialize)]
struct Report {
    /// 1: as here.
    schema: u32,
    kernel: String,
    cpus: usize,
    workers: u16,
    connections: u64,
    /// Servers that are not installed here.
    skipped: Vec<String>,
    runs: Vec<Run>,
}

/// One run of one server in one scenario.
#[derive(Serialize)]
struct Run {
    scenario: &'static str,
    server: String,
    repetition: u32,
    /// Connections answered, by worker.
    counts: Vec<u64>,
    /// Connections without an answer, or with none within 5 seconds.
    failed: u64,
    /// Figures of `counts`.
    evenness: Option<Evenness>,
    /// CPU time per connection of the processes that answered, microseconds.
    worker_cpu_us: f64,
    /// CPU time per connection of all other processes of the server, microseconds.
    other_cpu_us: f64,
}

pub(crate) fn run(options: &Options) -> Result<()> {
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&interrupted))?;
    }
    // A path that cannot be written is found before the measurement, not after it.
    let create = |path: &PathBuf| {
        File::create(path).with_context(|| format!("cannot write {}", path.display()))
    };
    let json = options.json.as_ref().map(create).transpose()?;
    let mut kinds: Vec<Kind> = Kind::all();
    kinds.retain(|kind| kind.name.starts_with(&options.only));
    ensure!(!kinds.is_empty(), "no server's name begins with {:?}", options.only);
    let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut report = Report {
        schema: 1,
        kernel: kernel.trim().to_owned(),
        cpus: std::thread::available_parallelism()?.get(),
        workers: options.workers,
        connections: options.connections,
        skipped: Vec::new(),
        runs: Vec::new(),
    };
    'all: for repetition in 1..=options.repetitions {
        for (scenario, clients) in SCENARIOS {
            for kind in
                kinds.iter().filter(|kind| !report.skipped.contains(&kind.name)).collect::<Vec<_>>()
            {
                eprintln!("{repetition}/{}  {scenario}  {}", options.repetitions, kind.name);
                let Some(subject) = kind.start(options.workers)? else {
                    report.skipped.push(kind.name.clone());
                    continue;
                };
                let run = measure(&subject, scenario, clients, options, repetition, &interrupted)?;
                if interrupted.load(Relaxed) {
                    break 'all;
                }
                report.runs.push(run);
            }
        }
    }
    print(&report);
    if let Some(file) = json {
        serde_json::to_writer(file, &report)?;
    }
    ensure!(!interrupted.load(Relaxed), "interrupted: these are the runs that were finished");
    Ok(())
}

fn measure(
    subject: &Subject,
    scenario: &'static str,
    clients: usize,
    options: &Options,
    repetition: u32,
    interrupted: &AtomicBool,
) -> Result<Run> {
    let before = cpu::spent(subject.master());
    let (started, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let client = || {
        let mut answers: Vec<Answerer> = Vec::new();
        while started.fetch_add(1, Relaxed) < options.connections && !interrupted.load(Relaxed) {
            match whoami(subject.port) {
                Ok(answerer) => answers.push(answerer),
                Err(_) => _ = failed.fetch_add(1, Relaxed),
            }
        }
        answers
    };
    let answers: Vec<Answerer> = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        clients.into_iter().flat_map(|client| client.join().unwrap_or_default()).collect()
    });
    let pids: BTreeSet<u32> = answers.iter().map(|answer| answer.pid).collect();
    let after = cpu::spent(subject.master());
    let (mut worker_ns, mut other_ns) = (0, 0);
    for (pid, time) in after {
        let group = if pids.contains(&pid) { &mut worker_ns } else { &mut other_ns };
        *group += time - before.get(&pid).copied().unwrap_or(0).min(time);
    }
    let mut counts = vec![0; usize::from(options.workers)];
    for answer in &answers {
        match counts.get_mut(usize::try_from(answer.worker)?) {
            Some(count) => *count += 1,
            None => bail!("{}: there is no worker {}", subject.name, answer.worker),
        }
    }
    #[allow(clippy::cast_precision_loss, reason = "nanoseconds of minutes stay below 2^52")]
    let per_connection = |ns: u64| ns as f64 / 1000.0 / answers.len().max(1) as f64;
    Ok(Run {
        scenario,
        server: subject.name.clone(),
        repetition,
        evenness: Evenness::of(&counts),
        counts,
        failed: failed.into_inner(),
        worker_cpu_us: per_connection(worker_ns),
        other_cpu_us: per_connection(other_ns),
    })
}

/// Medians over the repetitions; `p>1%` counts the runs that chance explains at the 1% level.
fn print(report: &Report) {
    for name in &report.skipped {
        println!("skipped: {name} (not installed)");
    }
    println!(
        "{} workers, {} new connections a run, kernel {}, {} CPUs; medians [min..max]",
        report.workers, report.connections, report.kernel, report.cpus
    );
    for (scenario, _) in SCENARIOS {
        println!(
            "\n{scenario:<34} {:^21} {:^21} {:^16} {:>6} {:>7} {:>7} {:>7} {:>7} {:>6}",
            "max share",
            "top-2 share",
            "CoV (by chance)",
            "Jain",
            "spread",
            "p>1%",
            "worker",
            "other",
            "failed"
        );
        let runs: Vec<&Run> = report.runs.iter().filter(|run| run.scenario == scenario).collect();
        let mut names: Vec<&str> = Vec::new();
        for run in &runs {
            if !names.contains(&run.server.as_str()) {
                names.push(&run.server);
            }
        }
        for name in names {
            let of_server: Vec<&Run> =
                runs.iter().copied().filter(|run| run.server == name).collect();
            println!("{}", row(name, &of_server));
        }
    }
    println!(
        "\nworker, other: CPU time per connection of the workers and of master and dispatcher, µs"
    );
}

fn row(name: &str, runs: &[&Run]) -> String {
    let values = |figure: fn(&Evenness) -> f64| -> Vec<f64> {
        runs.iter().filter_map(|run| run.evenness.as_ref()).map(figure).collect()
    };
    let middle = |figure| median(&values(figure)).unwrap_or(f64::NAN);
    let range = |figure| {
        let values = values(figure);
        let least = values.iter().copied().fold(f64::INFINITY, f64::min);
        let most = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        format!("{:.3} [{least:.3}..{most:.3}]", middle(figure))
    };
    let cpu = |figure: fn(&Run) -> f64| {
        median(&runs.iter().map(|run| figure(run)).collect::<Vec<_>>()).unwrap_or(f64::NAN)
    };
    let explained = values(|figures| figures.p_value).iter().filter(|p| **p > 0.01).count();
    #[allow(clippy::cast_precision_loss, reason = "connections of one run")]
    let spread = values(|figures| figures.spread as f64).into_iter().fold(0.0, f64::max);
    format!(
        "{name:<34} {:>21} {:>21} {:>7.4} ({:.4}) {:>6.3} {spread:>7} {:>7} {:>7.1} {:>7.1} {:>6}",
        range(|figures| figures.max_share),
        range(|figures| figures.top2_share),
        middle(|figures| figures.cov),
        middle(|figures| figures.cov_by_chance),
        middle(|figures| figures.jain),
        format!("{explained}/{}", runs.len()),
        cpu(|run| run.worker_cpu_us),
        cpu(|run| run.other_cpu_us),
        runs.iter().map(|run| run.failed).sum::<u64>(),
    )
}
