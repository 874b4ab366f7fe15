//! `evenkeel systemd`: units that have systemd run a server, from boot on.

mod files;
mod grants;
mod places;
mod program;
mod set;
mod unit;

use std::num::NonZeroU16;
use std::path::{Path, PathBuf};
use std::process::Command;

use clap::Subcommand;
use evenkeel::Address;
use serde_json::json;

use files::Files;
use grants::Grants;
use program::Program;
use unit::Unit;

use crate::outcome::Failure;
use crate::print;

/// What is to be done with units.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Print the units
    Show(Wanted),
    /// Write the units where systemd finds them; it is asked for nothing, unless --now is given
    Install {
        #[command(flatten)]
        wanted: Wanted,

        /// The folder to write to. Default: /etc/systemd/system, or the user's own with --user
        #[arg(long, value_name = "FOLDER")]
        dir: Option<PathBuf>,

        /// Replace units of that name
        #[arg(long)]
        force: bool,

        /// Have systemd read them, start the server, and start it with each boot
        #[arg(long, conflicts_with = "dir")]
        now: bool,
    },
}

/// What the units are to say.
#[derive(Debug, clap::Args)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Wanted {
    /// Name of the units. Default: that of the program
    #[arg(long)]
    name: Option<String>,

    /// What it is, in a few words. Default: the name
    #[arg(long, value_name = "TEXT")]
    description: Option<String>,

    /// Have systemd listen on this address, one of the program's, before the program is there and while
    /// it restarts; can be repeated
    #[arg(long, value_name = "IP:PORT|unix:PATH")]
    socket: Vec<Address>,

    /// Listeners for each --socket with a port: as many as there are workers, unless they share one
    /// (listener inherited, policy rr)
    #[arg(long, value_name = "N", default_value = "1", requires = "socket")]
    listeners: NonZeroU16,

    /// For this user's own systemd: no other user, no capabilities, less to be locked out of
    #[arg(long, conflicts_with_all = ["account", "bpf", "low_ports"])]
    user: bool,

    /// Run it as this user, who has to be the `user` of the file, if that says one. Default: as one that
    /// systemd makes up (`DynamicUser`)
    #[arg(long, value_name = "USER")]
    account: Option<String>,

    /// Grant `CAP_BPF`, which policies least-busy and kernel-rr need, and auto can use; granted anyhow if
    /// the program's own `--policy` is one of them
    #[arg(long)]
    bpf: bool,

    /// Grant `CAP_NET_BIND_SERVICE`: the program binds a port below 1024 itself
    #[arg(long)]
    low_ports: bool,

    /// It makes machine code while it runs, as Node, Java and `WebAssembly` do: memory may be written and executed.
    /// Granted anyhow to an application with protocol listen-fds, and if the program is `evenkeel`
    #[arg(long)]
    jit: bool,

    /// The longest drain, as the program was told; systemd waits a little longer
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    grace: u32,

    /// A master that has been stuck for so long is ended and started anew; 0: never
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    watchdog: u32,

    /// Write for this version of systemd. Default: the one that is here, or 253
    #[arg(long = "for", value_name = "VERSION")]
    version: Option<u32>,

    /// A file that names applications (a unit for each of them), and then which. What goes with each is taken
    /// from there
    #[arg(value_name = "FILE|APP", conflicts_with_all = [
        "command", "name", "description", "socket", "bpf", "low_ports", "grace",
    ])]
    what: Vec<String>,

    /// The program and its arguments
    #[arg(last = true, required_unless_present = "what", value_name = "PROGRAM")]
    command: Vec<String>,
}

/// Since this version systemd hands files to a service that its user cannot read.
const CREDENTIALS_SINCE: u32 = 247;
/// Since this version a service can say itself when a reload is done.
const NOTIFY_RELOAD_SINCE: u32 = 253;

pub(crate) fn run(args: &Args, as_json: bool) -> Result<(), Failure> {
    match &args.verb {
        Verb::Show(wanted) => Files::of(wanted).map(|files| files.print(as_json)),
        Verb::Install { wanted, dir, force, now } => Files::of(wanted)
            .and_then(|files| install(&files, dir.as_deref(), *force, *now, as_json)),
    }
}

/// Writes them, and gives the commands that have systemd take them, or says which.
fn install(
    files: &Files,
    folder: Option<&Path>,
    force: bool,
    now: bool,
    as_json: bool,
) -> Result<(), Failure> {
    let say = |line: String| {
        if !as_json {
            print::line(line);
        }
    };
    let paths = files.install(folder, force, now)?;
    for path in &paths {
        say(format!("wrote {}", path.display()));
    }
    let next = files.next();
    for line in &next {
        if now {
            files::give(line)?;
        }
        say(format!("{}: {line}", if now { "done" } else { "next" }));
    }
    if as_json {
        print::json(&json!({ "wrote": paths, "now": now, "next": next }));
    } else if !now {
        say(format!("then: {}", files.then()));
    }
    Ok(())
}

impl Wanted {
    fn units(&self) -> Result<Vec<Unit>, Failure> {
        if !self.what.is_empty() {
            return set::units(self);
        }
        let program = Program::find(&self.command)?;
        let name = self.unit_name(&program)?;
        Ok(vec![Unit {
            description: self.description.clone().unwrap_or_else(|| name.clone()),
            app: None,
            grants: Grants {
                bpf: self.bpf || !self.user && program.names_bpf_policy(),
                low_ports: self.low_ports,
                ..Grants::default()
            },
            compiles: self.jit || program.file_name() == "evenkeel",
            grace: self.grace,
            name,
            program,
        }])
    }

    fn unit_name(&self, program: &Program) -> Result<String, Failure> {
        const BYTES_MAX: usize = 200;
        let name = self.name.clone().unwrap_or_else(|| program.file_name());
        // systemd.unit(5); an @ would make it a template.
        let fine = |c: char| c.is_ascii_alphanumeric() || ":-_.".contains(c);
        if name.is_empty() || name.len() > BYTES_MAX || !name.chars().all(fine) {
            return Err(Failure::settings(format!(
                "{name:?} cannot name a unit: choose letters, digits, and - _ . : only (--name)"
            )));
        }
        Ok(name)
    }

    fn version(&self) -> u32 {
        self.version.or_else(version_here).unwrap_or(NOTIFY_RELOAD_SINCE)
    }
}

/// What `systemctl --version` says; it asks no manager.
fn version_here() -> Option<u32> {
    let output = Command::new("systemctl").arg("--version").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.split_whitespace().nth(1)?.parse().ok()
}
