//! What is said of programs that do not link evenkeel, and count nothing.

use crate::foreign::{installed, python};
use crate::harness::admin::Admin;
use crate::harness::cli::Cli;
use crate::harness::client;
use crate::harness::exposition::Form;
use crate::harness::wait::wait_until;

#[test]
fn what_a_program_does_not_count_is_not_said_to_be_nothing() {
    if !installed("python3") {
        return;
    }
    let cli = Cli::new();
    let settings = ["--set", "workers=1", "--set", "admin=127.0.0.1:0"];
    let given = ["start", "--name", "guest", "--listen", "127.0.0.1:0"];
    cli.done(&[&given[..], &settings, &["--", "python3", &python()]].concat());
    assert_eq!(client::get(cli.port("guest"), "/").unwrap().status, 200);
    let status = cli.json(&["status", "guest"])[0]["status"].clone();
    let address = status["admin"]["address"].as_str().unwrap();
    let admin = Admin { port: address.rsplit(':').next().unwrap().parse().unwrap() };
    wait_until("it to be ready", || admin.get("/readyz").status == 200);

    let (text, samples) = admin.metrics(Form::Prometheus);
    let names: Vec<&str> = samples.keys().filter_map(|series| series.split('{').next()).collect();
    for uncounted in ["accepted", "request", "open", "skew", "bytes_total", "busy", "errors"] {
        assert!(!names.iter().any(|name| name.contains(uncounted)), "{uncounted}: {text}");
    }
    for known in [
        "evenkeel_respawns_total",
        "evenkeel_workers_ready",
        "evenkeel_worker_hangs_total{slot=\"0\"}",
    ] {
        assert!(samples.contains_key(known), "{known}: {text}");
    }
    let state = admin.state();
    let (one, listed) = (&state["workers"][0], cli.json(&["list"])[0].clone());
    let top = cli.json(&["top", "guest", "--once", "--interval", "0.1"])[0].clone();
    for count in ["accepted", "open", "requests", "errors"] {
        assert!(one[count].is_null() && status["workers"][0][count].is_null(), "{count}: {status}");
    }
    for json in
        [&listed["requests"], &listed["open"], &top["requests"], &top["p99_us"], &state["skew"]]
    {
        assert!(json.is_null(), "{listed} {top}");
    }
    assert_eq!((&listed["respawns"], &one["respawns"]), (&0.into(), &0.into()));
    let table = cli.done(&["status", "guest"]);
    let row = table.lines().last().unwrap();
    assert_eq!(row.split_whitespace().filter(|word| *word == "-").count(), 4, "{table}");
    cli.done(&["stop"]);
    cli.all_gone();
}
