//! What the demo prints at its start and at its end.
#![allow(clippy::print_stdout, reason = "this is the program's output; its log goes elsewhere")]

use std::net::SocketAddr;

use evenkeel::{Listener, Policy, Snapshot, WorkerSnapshot, Workers};

use crate::cli::Cli;

pub(crate) fn print_listening(cli: &Cli, address: SocketAddr) {
    let default = match cli.policy {
        Policy::RoundRobin => Listener::Inherited,
        _ => Listener::Reuseport,
    };
    let listener = cli.listener.unwrap_or(default);
    let workers = match cli.workers {
        Workers::Exact(count) => usize::from(count),
        Workers::Max => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let policy = cli.policy;
    println!(
        "listening on http://{address} (policy {policy}, listener {listener}, {workers} workers)"
    );
}

pub(crate) fn print(snapshot: &Snapshot) {
    println!(
        "{:>6} {:>11} {:>12} {:>12} {:>9}",
        "worker", "generation", "connections", "requests", "respawns"
    );
    for worker in &snapshot.workers {
        let WorkerSnapshot { slot, generation, accepted, requests, respawns, .. } = worker;
        println!("{slot:>6} {generation:>11} {accepted:>12} {requests:>12} {respawns:>9}");
    }
    let total = |count: fn(&WorkerSnapshot) -> u64| snapshot.workers.iter().map(count).sum::<u64>();
    let (accepted, requests) = (total(|w| w.accepted), total(|w| w.requests));
    let respawns = total(|w| w.respawns);
    println!("{:>6} {:>11} {accepted:>12} {requests:>12} {respawns:>9}", "total", "");
}
