//! Measurements of evenkeel beside its peers, each in one command.
#![allow(clippy::print_stdout, reason = "the figures are this program's output")]

mod abuse;
mod bare;
mod client;
mod columns;
mod distribution;
mod instructions;
mod interrupt;
mod load;
mod memory;
mod plot;
mod priority;
mod procfs;
mod reload;
mod respawn;
mod stats;
mod steering;
mod subject;
mod syscalls;
mod throughput;

use clap::{Parser, Subcommand};
use nix::sys::resource::{Resource, getrlimit, setrlimit};

#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Which worker gets how many connections, and whether chance explains it
    Distribution(Box<distribution::Options>),
    /// Time from the SIGKILL of a worker to the first answer of its successor
    Respawn(respawn::Options),
    /// CPU time that a request costs the server, beside a bare epoll loop
    Throughput(throughput::Options),
    /// System calls that a request costs the server, beside a bare epoll loop
    Syscalls(syscalls::Options),
    /// Memory of an idle worker and of an idle keep-alive connection
    Memory(memory::Options),
    /// Requests that fail while the server reloads
    Reload(reload::Options),
    /// How soon whoever behaves is answered, and how memory grows, while others do not behave
    Abuse(abuse::Options),
    /// What it costs to choose a worker: time of the kernel's programs, and CPU time per new connection
    /// under each policy
    Steering(steering::Options),
    /// Instructions that a request costs in the protocol alone, and whether they are within budget
    Instructions(instructions::Options),
    /// One case of `instructions`, for callgrind
    #[command(hide = true)]
    Rehearsal(instructions::Rehearsal),
    /// A server without anything that can be left out: the limit that others are compared with
    #[command(hide = true)]
    Bare(bare::Options),
}

fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    raise_open_files()?;
    if let Command::Bare(options) = &cli.command {
        return bare::run(options);
    }
    if let Command::Rehearsal(options) = &cli.command {
        return instructions::rehearsal(options);
    }
    interrupt::install()?;
    subject::adopt_orphans()?;
    match cli.command {
        Command::Bare(_) | Command::Rehearsal(_) => Ok(()),
        Command::Instructions(options) => instructions::run(&options),
        Command::Distribution(options) => distribution::run(&options),
        Command::Respawn(options) => respawn::run(&options),
        Command::Throughput(options) => throughput::run(&options),
        Command::Syscalls(options) => syscalls::run(&options),
        Command::Memory(options) => memory::run(&options),
        Command::Reload(options) => reload::run(&options),
        Command::Abuse(options) => abuse::run(&options),
        Command::Steering(options) => steering::run(&options),
    }
}

/// Thousands of connections need as many descriptors, in the servers as well, which inherit the limit.
fn raise_open_files() -> nix::Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
}
