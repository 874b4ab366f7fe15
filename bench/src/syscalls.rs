//! System calls that a request costs a server, beside a loop that makes no other than it must.

mod calls;
mod strace;

use std::time::Duration;

use anyhow::{Result, ensure};
use clap::Args;

use crate::columns;
use crate::interrupt;
use crate::load::{self, Load, Pace};
use crate::subject::{Kind, Start, Subject};
use calls::Calls;
use strace::Strace;

/// What to count.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Workers of each server
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Connections at a time. With many of them one wait brings several requests
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=1000))]
    clients: u16,
    /// Requests of all clients that are counted
    #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    requests: u32,
    /// Connections that are counted, each for one request
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    connections: u32,
    /// Counts only for the servers whose name begins so, and for the bare loop and nginx
    #[arg(long, default_value = "evenkeel none/reuseport")]
    only: String,
}

#[derive(Clone, Copy, Debug)]
enum Way {
    KeepAlive,
    NewConnection,
}

const WAYS: [Way; 2] = [Way::KeepAlive, Way::NewConnection];

/// Requests of each client before anything is counted, so that nothing is done for the first time.
const WARM_UP: u64 = 100;
/// A server that is traced is slow.
const PATIENCE: Duration = Duration::from_secs(20);
/// A load that takes longer is cut, which is an error.
const TIME_MAX: Duration = Duration::from_secs(600);

pub(crate) fn run(options: &Options) -> Result<()> {
    let kinds = Kind::compared(&options.only)?;
    let mut counted: [Vec<(String, Calls)>; 2] = Default::default();
    for kind in &kinds {
        let subject = match kind.start(options.workers)? {
            Start::Running(subject) => subject,
            Start::Skipped(why) => {
                println!("skipped: {} ({why})", kind.name);
                continue;
            }
        };
        for (way, counted) in WAYS.into_iter().zip(&mut counted) {
            match count(&subject, way, options)? {
                Ok(calls) => counted.push((kind.name.clone(), calls)),
                Err(why) => {
                    println!("skipped: system calls ({why})");
                    return Ok(());
                }
            }
        }
    }
    for (way, counted) in WAYS.into_iter().zip(&counted) {
        println!("{}\n{}", title(way, options), table(counted));
        print!("{}", comparison(counted));
    }
    println!(
        "\nBy strace, of all processes of the server; connections at a time: {}. Less than {} per \
         request is not shown.",
        options.clients,
        calls::NONE
    );
    Ok(())
}

/// Calls per request, or why this machine or this user cannot have them.
fn count(subject: &Subject, way: Way, options: &Options) -> Result<Result<Calls, String>> {
    let requests = match way {
        Way::KeepAlive => u64::from(options.requests),
        Way::NewConnection => u64::from(options.connections),
    };
    let clients = u64::from(options.clients);
    make(subject, way, clients, WARM_UP * clients)?;
    let strace = match Strace::attach(&subject.processes())? {
        Ok(strace) => strace,
        Err(why) => return Ok(Err(why)),
    };
    let answered = make(subject, way, clients, requests)?;
    let calls = strace.detach()?;
    ensure!(subject.has_its_workers(), "{}: a worker ended", subject.name());
    Ok(Ok(calls.per_request(answered)))
}

/// How many were answered; all of them, or it is an error.
fn make(subject: &Subject, way: Way, clients: u64, requests: u64) -> Result<u64> {
    let requests_each = requests.div_ceil(clients);
    let (clients, time_max) = (usize::try_from(clients)?, TIME_MAX);
    let pace = match way {
        Way::KeepAlive => Pace::KeepAlive { clients, requests_each, pipelined: 1, time_max },
        Way::NewConnection => Pace::NewConnections { clients, requests, time_max },
    };
    let load = Load::of_greetings(subject.port, pace, PATIENCE);
    let outcome = load::run(&load, interrupt::flag())?;
    interrupt::check()?;
    let (answered, failed) = (outcome.answered(), outcome.failed());
    ensure!(
        failed == 0 && answered >= requests,
        "{}: {answered} of {requests} requests were answered, and {failed} failed",
        subject.name()
    );
    Ok(answered)
}

fn title(way: Way, options: &Options) -> String {
    match way {
        Way::KeepAlive => format!("keep-alive, {} requests: calls per request", options.requests),
        Way::NewConnection => {
            format!(
                "\n{} new connections, one request each: calls per request",
                options.connections
            )
        }
    }
}

/// A line for each call, a column for each server.
fn table(counted: &[(String, Calls)]) -> String {
    let mut lines = vec![vec![String::new()]];
    lines[0].extend(counted.iter().map(|(server, _)| server.clone()));
    for name in calls::names(counted.iter().map(|(_, calls)| calls)) {
        let mut line = vec![name.to_owned()];
        line.extend(counted.iter().map(|(_, calls)| calls.cell(name)));
        lines.push(line);
    }
    let mut sums = vec!["all".to_owned()];
    sums.extend(counted.iter().map(|(_, calls)| format!("{:.2}", calls.sum())));
    lines.push(sums);
    columns::align(&lines)
}

/// What each server does beyond the first one.
fn comparison(counted: &[(String, Calls)]) -> String {
    let Some(((_, bare), others)) = counted.split_first() else { return String::new() };
    let line = |(server, calls): &(String, Calls)| {
        format!("{server} beyond the bare loop: {}\n", calls.beyond(bare))
    };
    others.iter().map(line).collect()
}
