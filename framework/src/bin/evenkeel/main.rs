//! The command line: tells a running master what to do, waits for the outcome, and ends with it.

mod cli;
mod show;
mod systemd;

use std::process::ExitCode;

use clap::Parser;
use evenkeel::Error;
use evenkeel::control::{Client, Command, Reply};

use cli::Cli;

/// The master said that it was not done.
const NOT_DONE: u8 = 1;

fn main() -> ExitCode {
    let cli = Cli::parse();
    if let Some(args) = cli.systemd() {
        return systemd::run(args);
    }
    let Some(command) = cli.command() else { return ExitCode::from(NOT_DONE) };
    match ask(&cli, command) {
        Ok(reply) => {
            show::print(&reply, cli.json);
            if reply.ok { ExitCode::SUCCESS } else { ExitCode::from(NOT_DONE) }
        }
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn ask(cli: &Cli, command: Command) -> Result<Reply, Error> {
    let mut master = Client::connect(&cli.control)?;
    master.set_timeout(cli.timeout())?;
    master.send(&command)
}
