//! Measurements of evenkeel beside its peers, each in one command.
#![allow(clippy::print_stdout, reason = "the figures are this program's output")]

mod client;
mod cpu;
mod distribution;
mod respawn;
mod stats;
mod subject;

use clap::{Parser, Subcommand};

#[derive(Debug, Parser)]
#[command(version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Which worker gets how many connections, and whether chance explains it
    Distribution(distribution::Options),
    /// Time from the SIGKILL of a worker to the first answer of its successor
    Respawn(respawn::Options),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Distribution(options) => distribution::run(&options),
        Command::Respawn(options) => respawn::run(&options),
    }
}
