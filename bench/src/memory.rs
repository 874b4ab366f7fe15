//! What a worker and an idle connection cost in memory.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use clap::Args;
use nix::sys::resource::{Resource, getrlimit};

use crate::client::whoami;
use crate::columns;
use crate::interrupt;
use crate::procfs;
use crate::subject::{Kind, Start, Subject};

/// What to measure.
#[derive(Args, Debug)]
pub(crate) struct Options {
    /// Workers of each server
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u16).range(1..=64))]
    workers: u16,
    /// Keep-alive connections, each idle after one request
    #[arg(long, default_value_t = 9000, value_parser = clap::value_parser!(u16).range(100..=9900))]
    connections: u16,
    /// Measures only the servers whose name begins so, such as `evenkeel`
    #[arg(long, default_value = "")]
    only: String,
}

/// Requests before connections are counted, so that nothing else is done for the first time.
const WARM_UP_PER_WORKER: u16 = 50;
/// Descriptors of the client that are no connections.
const OTHER_FILES: u64 = 100;
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn run(options: &Options) -> Result<()> {
    let (files, _) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let needed = u64::from(options.connections) + OTHER_FILES;
    ensure!(
        files >= needed,
        "{files} open files are allowed and {needed} needed: raise the hard limit (ulimit -Hn), or \
         choose fewer --connections"
    );
    let heads = ["", "KiB per idle worker", "all others, KiB", "octets per idle connection"];
    let mut lines = vec![heads.map(str::to_owned).to_vec()];
    let result = measure_all(options, &mut lines);
    println!(
        "private memory (Private_Clean + Private_Dirty of smaps_rollup), {} workers, {} keep-alive \
         connections",
        options.workers, options.connections
    );
    print!("{}", columns::align(&lines));
    println!("\nThe kernel's memory for sockets is the same for all, and not counted.");
    result
}

fn measure_all(options: &Options, lines: &mut Vec<Vec<String>>) -> Result<()> {
    for kind in Kind::named(&options.only)? {
        match kind.start(options.workers)? {
            Start::Running(subject) => lines.push(measure(&subject, options)?),
            Start::Skipped(why) => println!("skipped: {} ({why})", kind.name),
        }
    }
    Ok(())
}

fn measure(subject: &Subject, options: &Options) -> Result<Vec<String>> {
    let workers: u64 = of_workers(subject);
    let all: u64 = procfs::spent(subject.master()).into_keys().map(procfs::private_memory).sum();
    for _ in 0..options.workers * WARM_UP_PER_WORKER {
        whoami(subject.port)?;
    }
    let before = of_workers(subject);
    let mut connections = Vec::new();
    for _ in 0..options.connections {
        interrupt::check()?;
        connections.push(ask(subject.port).with_context(|| subject.name().to_owned())?);
    }
    let grown = of_workers(subject).saturating_sub(before);
    let open = connections.iter().filter(|connection| is_open(connection)).count();
    ensure!(
        open == connections.len(),
        "{}: {open} of {} connections were open at the end",
        subject.name(),
        connections.len()
    );
    Ok(vec![
        subject.name().to_owned(),
        (workers / u64::from(options.workers) / 1024).to_string(),
        (all.saturating_sub(workers) / 1024).to_string(),
        (grown / u64::from(options.connections)).to_string(),
    ])
}

fn of_workers(subject: &Subject) -> u64 {
    subject.workers().iter().copied().map(procfs::private_memory).sum()
}

/// A connection that has had its first answer.
fn ask(port: u16) -> Result<TcpStream> {
    let mut stream = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(b"GET /whoami HTTP/1.1\r\nHost: bench\r\n\r\n")?;
    let mut answer = [0; 2048];
    let count = stream.read(&mut answer).context("no answer")?;
    ensure!(answer[..count].starts_with(b"HTTP/1.1 200"), "not an answer");
    Ok(stream)
}

/// Nothing has come on it, not even its end.
fn is_open(connection: &TcpStream) -> bool {
    let nothing = |error: &io::Error| error.kind() == io::ErrorKind::WouldBlock;
    connection.set_nonblocking(true).is_ok()
        && connection.peek(&mut [0]).as_ref().is_err_and(nothing)
}
