//! What can be said on the command line.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use evenkeel::control::Scale;

use crate::systemd;

/// Starts servers, shows them, tells them what to do, and waits for the outcome.
#[derive(Debug, Parser)]
#[command(version, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    /// Path of a master's control socket, instead of the name of an application
    #[arg(long, global = true, value_name = "PATH", env = "EVENKEEL_CONTROL")]
    pub(crate) control: Option<PathBuf>,

    /// Longest time to wait for the outcome; what was begun goes on. Default: for ever
    #[arg(long, global = true, value_name = "SECONDS", value_parser = clap::value_parser!(u32).range(1..))]
    timeout: Option<u32>,

    /// Print JSON: a list, with an object for each application: `name`, `ok` and, of a failure, `text` and `code`
    #[arg(long, global = true)]
    pub(crate) json: bool,

    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Start applications, and wait until they serve: those of a file, those of the saved set (all that was
    /// started last), or one that is given here
    Start(Start),
    /// All applications: those that run, and those of the saved set that do not
    #[command(visible_alias = "ls")]
    List,
    /// All that is known of an application: where it answers, its workers, restarts by cause, the last events,
    /// and its logs
    Describe(Apps),
    /// Workers live: shares, rates, latency, memory. q ends it
    Top {
        #[command(flatten)]
        apps: AllApps,
        /// Print it once, after one interval
        #[arg(long)]
        once: bool,
        /// Seconds between two looks
        #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = interval)]
        interval: f64,
    },
    /// How masters and their workers are
    Status(Apps),
    /// Replace all workers, one after the other; done when the old ones are gone
    Reload(Apps),
    /// Run the program that is on disk now, in place, after a trial of it; then reload
    Upgrade(Apps),
    /// Stop, and start as saved: for what neither a reload nor an upgrade changes. Meanwhile connections
    /// are refused. The end of the old one is waited for as long as its drain may take
    Restart(Apps),
    /// Have so many workers (4), or so many more or fewer (+1, -1); done when they serve. Reloads and upgrades
    /// keep the number; the next start is as saved
    #[command(allow_missing_positional = true, allow_negative_numbers = true)]
    Scale {
        /// Of which application
        app: Option<String>,
        /// How many
        #[arg(value_name = "N|+N|-N")]
        workers: Scale,
    },
    /// Open the files of logs anew; done when all workers write to those that are at their paths now
    Reopen(Apps),
    /// Drain and stop; done when all workers are gone
    Stop {
        #[command(flatten)]
        apps: Apps,
        /// Without draining
        #[arg(long)]
        now: bool,
        /// And take it out of the saved set
        #[arg(long)]
        forget: bool,
    },
    /// Units that have systemd run a server, from boot on
    Systemd(systemd::Args),
    /// Send a signal to a master
    #[command(allow_missing_positional = true)]
    Signal {
        /// Of which application
        app: Option<String>,
        /// Such as HUP
        signal: String,
    },
    /// The last lines that applications wrote to standard output and error, and to files for their workers'
    /// output
    Logs {
        #[command(flatten)]
        apps: AllApps,
        /// Go on with what is written from now on
        #[arg(short, long)]
        follow: bool,
        /// How many lines of the past
        #[arg(short = 'n', long, value_name = "N", default_value_t = 15)]
        lines: usize,
    },
    /// Look at configuration, without binding or starting anything
    #[command(subcommand)]
    Config(Config),
    /// A script that completes this command line, for a shell
    Completions {
        /// For which one
        shell: Shell,
    },
    /// Become a program in a session of its own, which is told where its log is.
    #[command(hide = true)]
    Launch {
        /// Where it is
        #[arg(long)]
        log: PathBuf,
        #[command(flatten)]
        words: Words,
    },
    /// Be the master of a program that does not link evenkeel; settings are in the environment.
    #[command(hide = true)]
    ServeForeign {
        /// The signal at which it ends
        #[arg(long)]
        stop_signal: String,
        #[command(flatten)]
        words: Words,
    },
}

#[derive(Debug, Args)]
pub(crate) struct Apps {
    /// Names of applications, or `all`. Default: the only one that runs
    #[arg(value_name = "APP")]
    pub(crate) apps: Vec<String>,
}

/// For what only looks.
#[derive(Debug, Args)]
pub(crate) struct AllApps {
    /// Names of applications. Default: all
    #[arg(value_name = "APP")]
    pub(crate) apps: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Words {
    /// The program and its arguments
    #[arg(last = true, required = true)]
    pub(crate) words: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Start {
    /// A file that names applications (ends with .toml), and then which of them; or names of the saved set
    #[arg(value_name = "FILE|APP")]
    pub(crate) what: Vec<String>,

    /// What an application that is given here is called
    #[arg(long)]
    pub(crate) name: Option<String>,

    /// Where it listens; can be repeated
    #[arg(long, value_name = "HOST:PORT|unix:PATH")]
    pub(crate) listen: Vec<String>,

    /// Any other setting of it, as in a file; can be repeated
    #[arg(long, value_name = "KEY=VALUE")]
    pub(crate) set: Vec<String>,

    /// How it gets its listeners: from itself, if it links evenkeel; else passed, from descriptor 3 on
    #[arg(long, value_name = "evenkeel|listen-fds", default_value = "listen-fds")]
    pub(crate) protocol: String,

    /// The signal at which it finishes what it has, and ends. Default: TERM
    #[arg(long, value_name = "SIGNAL")]
    pub(crate) stop_signal: Option<String>,

    /// Stay in the foreground, as a service manager wants it: one application, which is not saved
    #[arg(long)]
    pub(crate) foreground: bool,

    /// The program that is given here, and its arguments
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<String>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Print what a file says, and what it takes to change each setting
    Check {
        /// A file in TOML: settings of one server, or applications
        file: PathBuf,
    },
    /// Print the JSON schema of both kinds of files
    Schema,
}

const EXIT_CODES: &str = "\
Exit codes:
  0   done
  1   not done, or not wholly; it is said why, and what was there goes on
  2   a command line that cannot be read
  64  a configuration that cannot work
  69  no master answers there, or not in time
  71  a system call failed
  77  only root and the user of the master may command it";

impl Verb {
    /// The applications that are named, for what is to be said of each.
    pub(crate) fn names(&self) -> &[String] {
        match self {
            Self::Describe(names)
            | Self::Status(names)
            | Self::Reload(names)
            | Self::Upgrade(names)
            | Self::Restart(names)
            | Self::Reopen(names) => &names.apps,
            Self::Top { apps, .. } | Self::Logs { apps, .. } => &apps.apps,
            Self::Stop { apps, .. } => &apps.apps,
            Self::Scale { app, .. } | Self::Signal { app, .. } => app.as_slice(),
            Self::Start(start) => start.names(),
            _ => &[],
        }
    }
}

impl Start {
    /// The file that names applications.
    pub(crate) fn file(&self) -> Option<&String> {
        let is_file = |text: &&String| {
            Path::new(text).extension().is_some_and(|ending| ending == "toml") || text.contains('/')
        };
        self.what.first().filter(is_file)
    }

    /// The applications that are named.
    pub(crate) fn names(&self) -> &[String] {
        match &self.name {
            Some(_) => self.name.as_slice(),
            None => &self.what[usize::from(self.file().is_some())..],
        }
    }
}

impl Cli {
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.timeout.map(|seconds| Duration::from_secs(seconds.into()))
    }
}

fn interval(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "say a number of seconds".to_owned())?;
    let sensible = (0.05..=3600.0).contains(&seconds);
    if sensible { Ok(seconds) } else { Err("say 0.05 to 3600 seconds".to_owned()) }
}
