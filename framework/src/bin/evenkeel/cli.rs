//! What can be said on the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Parser, Subcommand};
use evenkeel::control::{Command, Scale};

use crate::systemd;

/// Tells a running master what to do, and waits for the outcome.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Path of the master's control socket
    #[arg(
        long,
        global = true,
        value_name = "PATH",
        env = "EVENKEEL_CONTROL",
        default_value = "evenkeel.sock"
    )]
    pub(crate) control: PathBuf,

    /// Longest time to wait for the outcome; what was begun goes on. Default: for ever
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,

    /// Print the master's answer as JSON
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// How the master and its workers are
    Status,
    /// Replace all workers, one after the other; done when the old ones are gone
    Reload,
    /// Run the program that is on disk now, in place, after a trial of it; then reload
    Upgrade,
    /// Have so many workers (4), or so many more or fewer (+1, -1); done when they serve
    Scale {
        /// How many
        #[arg(value_name = "N|+N|-N", allow_hyphen_values = true)]
        workers: Scale,
    },
    /// Open the access log anew; done when all workers write to the file that is at its path now
    Reopen,
    /// Drain and stop; done when all workers are gone
    Stop {
        /// Without draining
        #[arg(long)]
        now: bool,
    },
    /// Units that have systemd run a server, from boot on
    Systemd(systemd::Args),
}

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   not done, or not wholly; the master says why, and what was there goes on
  2   a command line that cannot be read
  69  no master answers there, or not in time
  77  only root and the user of the master may command it";

impl Cli {
    /// What a master is to be told; nothing if none is asked.
    pub(crate) fn command(&self) -> Option<Command> {
        Some(match self.verb {
            Verb::Status => Command::Status {},
            Verb::Reload => Command::Reload {},
            Verb::Upgrade => Command::Upgrade {},
            Verb::Scale { workers } => Command::Scale { workers },
            Verb::Reopen => Command::Reopen {},
            Verb::Stop { now } => Command::Stop { now },
            Verb::Systemd(_) => return None,
        })
    }

    pub(crate) fn systemd(&self) -> Option<&systemd::Args> {
        match &self.verb {
            Verb::Systemd(args) => Some(args),
            _ => None,
        }
    }

    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout.map(|seconds| Duration::from_secs(seconds.into()))
    }
}
