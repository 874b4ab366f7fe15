//! What the demo prints at its start and at its end.
#![allow(clippy::print_stdout, reason = "this is the program's output; its log goes elsewhere")]

use evenkeel::config::Settings;
use evenkeel::{Address, Listener, Policy, Snapshot, WorkerSnapshot, Workers};

pub(crate) fn print_listening(settings: &Settings, addresses: &[Address]) {
    let policy = settings.policy.unwrap_or_default();
    let unix = addresses.first().is_some_and(|address| address.tcp().is_none());
    let shared = policy == Policy::RoundRobin || unix;
    let default = if shared { Listener::Inherited } else { Listener::Reuseport };
    let listener = settings.listener.unwrap_or(default);
    let workers = match settings.workers.unwrap_or_default() {
        Workers::Exact(count) => usize::from(count),
        Workers::Max => std::thread::available_parallelism().map_or(1, usize::from),
    };
    let mut addresses = addresses.iter().map(url);
    let first = addresses.next().unwrap_or_default();
    println!("listening on {first} (policy {policy}, listener {listener}, {workers} workers)");
    for further in addresses {
        println!("and on {further}");
    }
}

fn url(address: &Address) -> String {
    let scheme = if address.tcp().is_some() { "http://" } else { "" };
    format!("{scheme}{address}")
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
