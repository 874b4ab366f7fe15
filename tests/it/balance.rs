//! Who gets the connections.

use std::collections::BTreeMap;
use std::process::Command;

use crate::harness::app::App;
use crate::harness::client;
use crate::harness::wait::wait_until;

/// One request with a new connection, by the real curl: the worker that answered.
fn curl(app: &App) -> u16 {
    let url = format!("http://127.0.0.1:{}/whoami", app.port);
    let output = Command::new("curl").args(["-sS", "--max-time", "20", &url]).output();
    let output = output.expect("curl is installed");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    let (_, after) = text.split_once("\"worker\":").unwrap();
    after.split(',').next().unwrap().parse().unwrap()
}

fn by_worker(answers: impl Iterator<Item = u16>) -> BTreeMap<u16, u64> {
    let mut counts = BTreeMap::new();
    answers.for_each(|worker| *counts.entry(worker).or_default() += 1);
    counts
}

#[test]
fn under_none_forty_curls_are_answered_by_more_than_one_worker() {
    let app = App::demo(&["--workers", "4", "--policy", "none"]);
    let counts = by_worker((0..40).map(|_| curl(&app)));
    // By chance alone, one worker gets all forty once in 4^39 runs.
    assert!(counts.len() > 1, "{counts:?}");
    app.stop();
}

#[test]
fn under_rr_each_of_four_workers_answers_exactly_ten_of_forty_curls() {
    let app = App::demo(&["--workers", "4", "--policy", "rr"]);
    let counts = by_worker((0..40).map(|_| curl(&app)));
    assert_eq!(counts, (0..4).map(|worker| (worker, 10)).collect());
    app.stop();
}

#[test]
fn an_inherited_listener_serves_with_each_way_to_wake() {
    for wake in ["herd", "exclusive", "rotating", "blocking"] {
        let arguments = ["--workers", "4", "--listener", "inherited", "--accept-wake", wake];
        let app = App::demo(&arguments);
        let answered = (0..40).map(|_| app.get("/").worker());
        assert!(by_worker(answered).values().sum::<u64>() == 40);
        app.stop();
    }
}

#[test]
fn a_rotating_wake_up_spreads_a_few_connections_over_all_workers() {
    let app = App::demo(&["--workers", "8", "--listener", "inherited"]);
    for index in 0..8 {
        let worker = app.worker(index);
        wait_until("each to wait in line", || worker.waits_for_events());
    }
    let counts = by_worker((0..160).map(|_| app.get("/").worker()));
    assert_eq!(counts.len(), 8, "{counts:?}");
    assert!(*counts.values().max().unwrap() <= 40, "one worker got more than twice its share");
    app.stop();
}

#[test]
fn the_summary_at_the_end_agrees_with_what_the_clients_counted() {
    for policy in ["none", "rr"] {
        let mut app = App::demo(&["--workers", "3", "--policy", policy]);
        let counts = by_worker((0..30).map(|_| app.get("/").worker()));
        let mut kept = client::Client::connect(app.port).unwrap();
        (0..5).for_each(|_| assert_eq!(kept.get("/").unwrap().status, 200));
        app.signal(nix::sys::signal::Signal::SIGTERM);
        app.ended();
        let text = app.out.text();
        let total = text.lines().find(|line| line.trim_start().starts_with("total")).unwrap();
        let numbers: Vec<u64> = total.split_whitespace().skip(1).flat_map(str::parse).collect();
        assert_eq!(numbers, [31, 35, 0], "{text}");
        for (worker, requests) in counts {
            let prefix = format!("{worker:>6} ");
            let row = text.lines().find(|line| line.starts_with(&prefix)).unwrap();
            let connections: u64 = row.split_whitespace().nth(2).unwrap().parse().unwrap();
            assert!((requests..=requests + 1).contains(&connections), "{text}");
        }
    }
}
