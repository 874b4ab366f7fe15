//! Commands over the control socket.

use std::path::Path;
use std::time::{Duration, Instant};

use evenkeel::control::{Client, Command, Reply, Status};
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::outcome::{Failure, NOT_DONE, REFUSED};
use crate::target::{Target, targets};
use crate::{print, show};

/// A master that has answered `stop` has nothing left to do but end.
const END_PATIENCE: Duration = Duration::from_secs(5);
/// A master says at once how it is, unless it stands still.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

/// Tells each of them, one after the other; the worst outcome.
pub(crate) fn each(cli: &Cli, names: &[String], command: Command) -> Result<u8, Failure> {
    let targets = targets(cli, names)?;
    if targets.is_empty() {
        // All of nothing.
        if cli.json {
            print::json(&[(); 0]);
        } else {
            print::line("no application runs");
        }
        return Ok(0);
    }
    let several = targets.len() > 1;
    let mut worst = 0;
    let mut answers = Vec::new();
    for target in targets {
        let reply = match (tell(cli, &target, command), several) {
            (Err(failure), false) => return Err(failure),
            (Err(failure), true) => {
                worst = worst.max(failure.code);
                print::error(format!("{}: {failure}", target.name.unwrap_or_default()));
                continue;
            }
            (Ok(reply), _) => reply,
        };
        worst = worst.max(if reply.ok { 0 } else { NOT_DONE });
        if cli.json {
            answers.push(as_json(&reply, target.name.as_deref()));
        } else {
            show::reply(&reply, target.name.as_deref().filter(|_| several));
        }
    }
    match (cli.json, several) {
        (true, true) => print::json(&answers),
        (true, false) => answers.iter().for_each(print::json),
        _ => {}
    }
    Ok(worst)
}

/// Tells one, and waits for the outcome; for the end of the process, if it is to stop.
pub(crate) fn tell(cli: &Cli, target: &Target, command: Command) -> Result<Reply, Failure> {
    let reply = send(target.connect(cli)?, command)?;
    if let (Command::Stop { .. }, Some(app)) = (command, &target.app) {
        let deadline = Instant::now() + END_PATIENCE;
        while app.is_running() && Instant::now() < deadline {
            std::thread::sleep(LOOK);
        }
    }
    Ok(reply)
}

fn send(mut master: Client, command: Command) -> Result<Reply, Failure> {
    let reply = master.send(&command)?;
    if reply.refused { Err(Failure::new(REFUSED, reply.text)) } else { Ok(reply) }
}

/// How the master at this socket is. One that stands still is not waited for, unless that is wanted.
pub(crate) fn status(control: &Path, patience: Option<Duration>) -> Result<Status, Failure> {
    let mut master = Client::connect(control)?;
    master.set_timeout(Some(patience.unwrap_or(ANSWER_PATIENCE)))?;
    let Reply { status, text, .. } = send(master, Command::Status {})?;
    status.ok_or_else(|| Failure::new(NOT_DONE, text))
}

fn as_json(reply: &Reply, name: Option<&str>) -> Value {
    let mut value = json!(reply);
    if let Some(name) = name {
        value["app"] = name.into();
    }
    value
}
