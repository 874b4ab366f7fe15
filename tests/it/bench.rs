//! The benchmarks, as their users run them.

use std::fs;
use std::process::Command;

use nix::sys::signal::Signal;

use crate::harness::app::{App, built, demo_path};
use crate::harness::wait::wait_until;

/// The demo lies beside it.
fn bench(arguments: &[&str]) -> Command {
    demo_path();
    let mut command = Command::new(built("bench"));
    command.args(arguments);
    command
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

#[test]
fn an_interrupted_distribution_ends_its_servers_and_prints_what_it_has() {
    let arguments = ["distribution", "--connections", "1000000", "--scenario", "sequential"];
    let mut app = App::start(bench(&arguments).args(["--only", "evenkeel none/reuseport"]));
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
    assert!(app.log.text().contains("interrupted"), "{}", app.log.text());
}

#[test]
fn what_cannot_be_measured_is_refused_with_the_choices() {
    for (arguments, says) in [
        (["--only", "apache"], "evenkeel none/reuseport, "),
        (["--scenario", "rush"], "choose of sequential, "),
        (["--out", "/proc/nowhere"], "choose another --out"),
        (["--share", "0"], "choose a share"),
    ] {
        let output = bench(&["distribution", "--quick"]).args(arguments).output().unwrap();
        let error = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && error.contains(says), "{arguments:?}: {error}");
    }
}

#[test]
fn the_other_measurements_run() {
    for arguments in [
        "respawn --workers 2 --rounds 1 --kills 2 --only evenkeel".split(' ').collect::<Vec<_>>(),
        "memory --workers 2 --connections 200 --only evenkeel".split(' ').collect(),
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
