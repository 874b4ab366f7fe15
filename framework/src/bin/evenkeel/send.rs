//! `evenkeel signal`.

use evenkeel::control::Command;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use crate::cli::Cli;
use crate::outcome::{Failure, USAGE};
use crate::target::targets;
use crate::{ask, print};

pub(crate) fn signal(cli: &Cli, name: Option<&String>, signal: &str) -> Result<u8, Failure> {
    let full = format!("SIG{}", signal.to_ascii_uppercase().trim_start_matches("SIG"));
    let meant: Signal = full.parse().map_err(|_| {
        Failure::new(USAGE, format!("{signal:?} is no signal: say HUP, TERM or USR1, say"))
    })?;
    let names: Vec<String> = name.cloned().into_iter().collect();
    for target in targets(cli, &names)? {
        let pid = if let Some(app) = &target.app {
            app.record.pid
        } else {
            let status = ask::tell(cli, &target, Command::Status {})?.status;
            status.map(|status| status.pid).unwrap_or_default()
        };
        // Process 0 would be all of our own group.
        let number = i32::try_from(pid).ok().filter(|pid| *pid > 0);
        let number = number.ok_or_else(|| Failure::new(69, "the master does not say who it is"))?;
        kill(Pid::from_raw(number), meant).map_err(|errno| {
            let code = if errno == nix::errno::Errno::EPERM { 77 } else { 69 };
            Failure::new(code, format!("cannot send {meant} to process {pid}: {errno}"))
        })?;
        let text = format!("{meant} was sent to process {pid}");
        if cli.json {
            print::json(&json!({ "app": target.name, "ok": true, "text": text }));
        } else {
            print::line(text);
        }
    }
    Ok(0)
}
