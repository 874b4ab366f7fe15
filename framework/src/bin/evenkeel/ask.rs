//! Commands over the control socket.

use std::time::{Duration, Instant};

use evenkeel::apps::App;
use evenkeel::control::{Client, Command, Reply, Status};

use crate::answer::{self, Answer};
use crate::cli::Cli;
use crate::outcome::{Failure, REFUSED};
use crate::start;
use crate::target::{Target, targets};

/// A master that has answered `stop` has nothing left to do but end.
pub(crate) const END_PATIENCE: Duration = Duration::from_secs(5);
/// A master says at once how it is, unless it stands still.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
const LOOK: Duration = Duration::from_millis(5);

/// Tells each of them, one after the other; the worst outcome.
pub(crate) fn each(cli: &Cli, names: &[String], command: Command) -> Result<u8, Failure> {
    let targets = targets(cli, names)?;
    let tell = |target: Target| {
        let mut answer = Answer::of(target.name.clone(), tell(cli, &target, command));
        if matches!(command, Command::Reload {} | Command::Upgrade {}) && answer.ok() {
            answer.text += &left_out(&target);
        }
        answer
    };
    let answers: Vec<Answer> = targets.into_iter().map(tell).collect();
    Ok(answer::report(cli, names, &answers))
}

/// What was saved since it was started stands in the environment of none but the next master.
fn left_out(target: &Target) -> String {
    let outdated = target.app.as_ref().filter(|app| start::is_outdated(app));
    let mend = |app: &App| {
        let name = &app.record.name;
        format!("; the saved settings differ: `evenkeel restart {name}` applies them")
    };
    outdated.map_or_else(String::new, mend)
}

/// Tells one, and waits for the outcome; for the end of the process, if it is to stop.
pub(crate) fn tell(cli: &Cli, target: &Target, command: Command) -> Result<Reply, Failure> {
    let mut reply = send(target.connect(cli)?, command)?;
    if let (Command::Stop { .. }, Some(app)) = (command, &target.app) {
        let patience = cli.timeout().map_or(END_PATIENCE, |timeout| timeout.min(END_PATIENCE));
        if !ended(app, patience) && reply.ok {
            reply.ok = false;
            reply.text += &runs_still(app);
        }
    }
    Ok(reply)
}

/// Its master has stopped all, and the process is there.
fn runs_still(app: &App) -> String {
    let (name, pid) = (&app.record.name, app.record.pid);
    format!(
        ", but process {pid} goes on: what the program does after its server is in `evenkeel logs {name}`, and \
         `evenkeel signal {name} KILL` ends it"
    )
}

/// Whether it ends in time.
pub(crate) fn ended(app: &App, patience: Duration) -> bool {
    let deadline = Instant::now() + patience;
    while app.is_running() && Instant::now() < deadline {
        std::thread::sleep(LOOK);
    }
    !app.is_running()
}

fn send(mut master: Client, command: Command) -> Result<Reply, Failure> {
    let reply = master.send(&command)?;
    if reply.refused { Err(Failure::new(REFUSED, reply.text)) } else { Ok(reply) }
}

/// How this master is. One that stands still is not waited for, unless that is wanted.
pub(crate) fn status(target: &Target, patience: Option<Duration>) -> Result<Status, Failure> {
    let mut master = target.reach()?;
    master.set_timeout(Some(patience.unwrap_or(ANSWER_PATIENCE)))?;
    let Reply { status, text, .. } = send(master, Command::Status {})?;
    status.ok_or_else(|| Failure::not_done(text))
}
