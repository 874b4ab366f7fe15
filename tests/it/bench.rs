//! The benchmarks, as their users run them.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::process::Command;

use evenkeel::Policy;
use nix::sys::signal::Signal;
use serde_json::Value;
use tempfile::TempDir;

use crate::harness::app::{App, built, demo_path};
use crate::harness::privilege::is_root;
use crate::harness::process::Process;
use crate::harness::wait::wait_until;

/// The demo lies beside it.
pub(crate) fn bench(arguments: &[&str]) -> Command {
    demo_path();
    let mut command = Command::new(built("bench"));
    command.args(arguments);
    command
}

fn results_in(folder: &TempDir) -> Value {
    let text = fs::read_to_string(folder.path().join("results.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

#[test]
fn the_distribution_is_counted_written_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let arguments = ["distribution", "--quick", "--only", "evenkeel rr", "--out", out];
    let output = bench(&arguments).args(["--scenario", "sequential"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let row = text.lines().find(|line| line.starts_with("evenkeel rr/inherited")).unwrap();
    assert!(row.contains(" 0.125 ") && row.contains(" 1/1 "), "{row}");
    let results = fs::read_to_string(folder.path().join("results.json")).unwrap();
    assert!(results.contains("\"schema\": 1"), "{results}");
    assert!(results.contains("\"connections\":[100,100,100,100,100,100,100,100]"), "{results}");
    let lines = fs::read_to_string(folder.path().join("results.csv")).unwrap();
    assert_eq!(lines.lines().count(), 2, "{lines}");
    let page = fs::read_to_string(folder.path().join("report.html")).unwrap();
    assert!(page.contains("<svg") && !page.contains("src="), "whole in itself");
    assert!(folder.path().join("shares-sequential.svg").exists());
}

/// What the tables rest on: the figures follow from the raw counts, and say of each server what its
/// way to balance is known for.
#[test]
fn the_counts_of_idle_workers_show_chance_a_few_favourites_or_turns() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().to_str().unwrap();
    let output = bench(&["distribution", "--scenario", "sequential", "--repetitions", "1"])
        .args(["--connections", "4000", "--only", "evenkeel", "--out", out])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = results_in(&folder);
    let runs = results["runs"].as_array().unwrap();
    for run in runs {
        let counts = counts(run);
        assert_eq!(counts.iter().sum::<u64>(), 4000, "{run}");
        let figure = |name: &str| run["evenness"][name].as_f64().unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-5, "{a} is not {b}: {run}");
        let most = *counts.iter().max().unwrap();
        close(figure("max_share"), f64::from(u32::try_from(most).unwrap()) / 4000.0);
        let squares =
            counts.iter().map(|n| (f64::from(u32::try_from(*n).unwrap()) - 500.0).powi(2));
        close(figure("chi_square"), squares.sum::<f64>() / 500.0);
    }
    let run = |server: &str| runs.iter().find(|run| run["server"] == server).unwrap();
    let figure = |server, name: &str| run(server)["evenness"][name].as_f64().unwrap();
    // Chance is below this once in a million runs.
    assert!(figure("evenkeel none/reuseport", "p_value") > 1e-6);
    assert!(figure("evenkeel none/inherited exclusive", "top2_share") > 0.7);
    assert!(figure("evenkeel rr/inherited", "spread") <= 1.0);
}

fn counts(run: &Value) -> Vec<u64> {
    run["connections"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).collect()
}

#[test]
fn an_interrupted_distribution_ends_its_servers_and_prints_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let arguments = ["distribution", "--connections", "1000000", "--scenario", "sequential"];
    let out = ["--out", folder.path().to_str().unwrap()];
    let mut app =
        App::start(bench(&arguments).args(["--only", "evenkeel none/reuseport"]).args(out));
    wait_until("the workers", || {
        app.master.children().iter().any(|demo| demo.children().len() == 8)
    });
    let demos = app.master.children();
    let workers: Vec<_> = demos.iter().flat_map(|demo| demo.children()).collect();
    app.signal(Signal::SIGINT);
    let status = app.ended();
    assert_eq!(status.code(), Some(1));
    wait_until("all to be gone", || !demos.iter().chain(&workers).any(|process| process.lives()));
    assert!(app.out.text().contains("8 workers"), "{}", app.out.text());
    assert!(app.out.text().contains("Not complete: interrupted."), "{}", app.out.text());
    assert!(app.log.text().contains("interrupted"), "{}", app.log.text());
    assert_eq!(results_in(&folder)["cut_short"], "interrupted");
}

#[test]
fn what_was_measured_before_a_worker_died_is_printed_and_written() {
    let folder = tempfile::tempdir().unwrap();
    let out = ["--out", folder.path().to_str().unwrap()];
    let arguments = ["distribution", "--connections", "60000", "--workers", "2"];
    let scenarios = ["--scenario", "sequential", "--repetitions", "1"];
    let mut command = bench(&arguments);
    let mut app =
        App::start(command.args(scenarios).args(["--only", "evenkeel none/reuseport"]).args(out));
    wait_until("the workers", || {
        app.master.children().iter().any(|demo| demo.children().len() == 2)
    });
    let worker = app.master.children()[0].children()[0];
    wait_until("the load", || worker.context_switches() > 1000);
    worker.signal(Signal::SIGKILL);
    assert_eq!(app.ended().code(), Some(1));
    assert!(app.log.text().contains("a worker ended"), "{}", app.log.text());
    let cut_short = &results_in(&folder)["cut_short"];
    assert_eq!(cut_short, "evenkeel none/reuseport, sequential: a worker ended");
}

#[test]
fn requests_that_a_stopped_worker_leaves_are_counted_as_hangs_and_as_late() {
    let folder = tempfile::tempdir().unwrap();
    let output = bench(&["distribution", "--quick", "--scenario", "stopped", "--rate", "500"])
        .args(["--only", "evenkeel none/reuseport", "--workers", "2"])
        .args(["--out", folder.path().to_str().unwrap()])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let results = results_in(&folder);
    assert_eq!(results["rate_per_second"], 500.0);
    let run = &results["runs"][0];
    let (hangs, late) = (run["hangs"].as_u64().unwrap(), run["late"].as_u64().unwrap());
    // Half of some 350.
    assert!(hangs > 50 && late >= hangs, "{run}");
    assert!(run["short"]["p99_us"].as_u64().unwrap() >= 1_000_000, "{run}");
    let answered: u64 = run["requests"].as_array().unwrap().iter().filter_map(Value::as_u64).sum();
    assert_eq!(run["short"]["count"].as_u64().unwrap(), answered + hangs, "{run}");
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_choices() {
    for (arguments, says) in [
        (["--only", "apache"], "evenkeel none/reuseport, "),
        (["--scenario", "rush"], "choose of sequential, "),
        (["--out", "/proc/nowhere"], "choose another --out"),
        (["--share", "0"], "choose a share"),
        (["--rate", "0"], "choose 1 to"),
    ] {
        let output = bench(&["distribution", "--quick"]).args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(says), "{arguments:?}: {error}");
    }
}

/// Without a PATH nothing is found but what was built here.
#[test]
fn hyper_makes_the_load_where_wrk_is_not_installed() {
    let arguments = ["throughput", "--repetitions", "1", "--seconds", "1", "--clients", "4"];
    let output = bench(&arguments)
        .args(["--only", "evenkeel none/reuseport"])
        .env("PATH", "/nowhere")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("by hyper"), "{text}");
    // All close when asked to, and only then: what they do is compared.
    let servers = ["bare", "evenkeel"];
    let of_server = |line: &&str| servers.iter().any(|server| line.starts_with(server));
    let rows: Vec<&str> = text.lines().filter(of_server).collect();
    assert_eq!(rows.len(), 6, "{text}");
    assert!(rows.iter().all(|row| row.ends_with(" 0")), "no request failed: {text}");
}

#[test]
fn the_other_measurements_run() {
    for arguments in [
        "respawn --workers 2 --rounds 1 --kills 2 --only evenkeel".split(' ').collect::<Vec<_>>(),
        "memory --workers 2 --connections 200 --only evenkeel".split(' ').collect(),
        "abuse --seconds 1 --abuse 1".split(' ').chain(["--only", "evenkeel none/"]).collect(),
        "reload --reloads 1".split(' ').chain(["--only", "evenkeel none/reuseport"]).collect(),
        "throughput --repetitions 1 --seconds 1 --clients 4"
            .split(' ')
            .chain(["--only", "evenkeel none/reuseport"])
            .collect(),
    ] {
        let output = bench(&arguments).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
        assert!(text.contains("evenkeel none/reuseport"), "{arguments:?}: {text}");
        assert!(!text.contains("NaN"), "{arguments:?}: {text}");
    }
}

/// One test, because the kernel has one switch for its statistics.
#[test]
fn the_kernels_statistics_are_on_only_while_its_programs_are_timed() {
    if !is_root("the time of the kernel's programs") {
        return;
    }
    let switch = || fs::read_to_string("/proc/sys/kernel/bpf_stats_enabled").unwrap();
    let before = switch();
    let brief = ["steering", "--workers", "2", "--balance-workers", "2", "--repetitions", "1"];
    let output = bench(&brief).args(["--connections", "200"]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(switch(), before);
    for policy in Policy::ALL.iter().filter(|policy| **policy != Policy::Auto) {
        let server = format!("evenkeel {policy}/");
        let rows = text.lines().filter(|line| line.starts_with(&server));
        let rows: Vec<Vec<&str>> = rows.map(|line| line.split_whitespace().collect()).collect();
        assert!(rows.iter().all(|row| row.ends_with(&["0"])), "a connection failed: {text}");
        // Each connection is one run of the program, and so is each stray packet.
        let timed = |row: &&Vec<&str>| {
            let runs = row[row.len() - 3].parse::<u32>();
            row[row.len() - 2] == "200" && runs.is_ok_and(|runs| (200..220).contains(&runs))
        };
        let timed = rows.iter().filter(timed).count();
        let has_program = [Policy::KernelRoundRobin, Policy::LeastBusy].contains(policy);
        assert_eq!(timed, usize::from(has_program), "{policy}: {text}");
        assert!(rows.len() > timed, "{policy}: {text}");
    }
    let mut app = App::start(bench(&brief).args(["--connections", "1000000"]));
    wait_until("the load", || {
        let mut workers = app.master.children().into_iter().flat_map(Process::children);
        workers.any(|worker| worker.context_switches() > 1000)
    });
    let restore = Restore(before.clone());
    assert_eq!(switch().trim(), "1");
    app.signal(Signal::SIGINT);
    assert_eq!(app.ended().code(), Some(1));
    assert!(app.log.text().contains("interrupted"), "{}", app.log.text());
    assert_eq!(switch(), before);
    drop(restore);
}

/// The switch of the kernel's statistics, as it was.
struct Restore(String);

impl Drop for Restore {
    fn drop(&mut self) {
        let _ = fs::write("/proc/sys/kernel/bpf_stats_enabled", &self.0);
    }
}

#[test]
fn servers_that_lack_a_privilege_are_skipped_with_the_mend() {
    const NOBODY: u32 = 65_534;
    if !is_root("a benchmark of a user without privileges") {
        return;
    }
    // Nobody may read the build directory, so the programs are put where he may.
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for program in [demo_path(), built("bench")] {
        fs::copy(&program, folder.path().join(program.file_name().unwrap())).unwrap();
    }
    for (arguments, only) in [
        ("distribution --quick --scenario sequential", "evenkeel least-busy"),
        ("throughput --repetitions 1 --seconds 1 --clients 4", "evenkeel least-busy"),
        ("respawn --workers 2 --rounds 1 --kills 1", "evenkeel"),
        ("memory --connections 100", "evenkeel least-busy"),
        ("reload", "evenkeel least-busy"),
        ("abuse --seconds 1 --abuse nobody", "evenkeel least-busy"),
        ("steering --connections 100 --repetitions 1", "evenkeel least-busy"),
    ] {
        let mut command = Command::new(folder.path().join("bench"));
        command.args(arguments.split(' ')).args(["--only", only]).uid(NOBODY).gid(NOBODY);
        let output = command.output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments}: {text}{error}");
        let why = "skipped: evenkeel least-busy/reuseport (policy least-busy: ";
        let skipped: Vec<&str> = text.lines().filter(|line| line.starts_with(why)).collect();
        assert!(skipped.len() == 1 && skipped[0].contains("setcap cap_bpf=ep"), "{text}");
    }
}
