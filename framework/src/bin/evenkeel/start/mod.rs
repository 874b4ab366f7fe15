//! Starting applications, and waiting until they serve. No daemon stays but their masters.

mod launch;
mod origin;
mod ready;

use std::path::Path;
use std::time::Duration;

use evenkeel::apps::{App, Name, find};
use evenkeel::config::{Application, Applications};
use evenkeel::control::Command as Order;
use evenkeel::internals::GRACE_DEFAULT;

use crate::answer::{self, Answer};
use crate::cli::{Cli, Start};
use crate::outcome::{Failure, NOT_DONE, USAGE};
use crate::target::{Target, is_all, running, targets, valid};
use crate::{ask, print, saved, visible};

pub(crate) use launch::{TOKEN_CREDENTIAL, become_program};
pub(crate) use origin::{forget, is_outdated};

/// `evenkeel start`.
pub(crate) fn start(cli: &Cli, start: &Start) -> Result<u8, Failure> {
    let (wanted, known) = wanted(start)?;
    if start.foreground {
        let [(name, application)] = &wanted.app.iter().collect::<Vec<_>>()[..] else {
            return Err(Failure::new(USAGE, "one application can stay in the foreground: name it"));
        };
        return Err(launch::foreground(name, application));
    }
    if wanted.app.is_empty() {
        return Err(Failure::not_done(
            "nothing is saved yet: name a file with applications, as in `evenkeel start apps.toml`",
        ));
    }
    let before = saved::load()?;
    let mut answers = Vec::new();
    for (name, application) in &wanted.app {
        let name: Name = name.parse()?;
        let (outcome, is_there) = match find(&name)?.filter(App::is_running) {
            Some(app) => match launch::check(application) {
                Ok(()) => {
                    let saved = before.app.get(name.as_str());
                    (Ok(there_already(&name, &app, saved, application)), true)
                }
                Err(failure) => (Err(failure), false),
            },
            None => begin(cli, &name, application),
        };
        // What could not run at all is not to be tried at each start of the machine; and if another start was
        // first, what that one said is saved.
        let save =
            || saved::change(|set| drop(set.app.insert(name.to_string(), application.clone())));
        let saved = if !known && is_there { save() } else { Ok(()) };
        let outcome = outcome.and_then(|text| saved.map(|()| text));
        answers.push(answer(&name, outcome));
    }
    Ok(report(cli, &answers))
}

/// `saved`: what is known of it where it is not known what it was started with.
fn there_already(
    name: &Name,
    app: &App,
    saved: Option<&Application>,
    wanted: &Application,
) -> String {
    let pid = app.record.pid;
    let origin = origin::of(app);
    let changed = origin.as_ref().or(saved).is_none_or(|origin| origin != wanted);
    let mend =
        format!("; what it was started with has changed: `evenkeel restart {name}` applies it");
    let mend = if changed { mend.as_str() } else { "" };
    format!("runs already: process {pid}{mend}")
}

/// `evenkeel restart`: stops, and starts from the saved set.
pub(crate) fn restart(cli: &Cli, names: &[String]) -> Result<u8, Failure> {
    let set = saved::load()?;
    let names = if is_all(names) {
        running()?.into_iter().map(|app| app.record.name).collect()
    } else if names.is_empty() {
        let known = targets(cli, names)?.into_iter().map(Target::known);
        known.map(|app| Ok(app?.record.name)).collect::<Result<_, Failure>>()?
    } else {
        names.to_vec()
    };
    let names: Result<Vec<Name>, Failure> = names.iter().map(|name| valid(name)).collect();
    let mut answers = Vec::new();
    for name in names? {
        answers.push(answer(&name, again(cli, &name, set.app.get(name.as_str()))));
    }
    Ok(report(cli, &answers))
}

/// What is known to be in the way of the start is found before the stop.
fn again(cli: &Cli, name: &Name, saved: Option<&Application>) -> Result<String, Failure> {
    let missing = "is not in the saved set: stop it, and start it as it was started";
    let application = saved.ok_or_else(|| Failure::not_done(missing))?;
    launch::check(application)?;
    if let Some(app) = find(name)?.filter(App::is_running) {
        let mut master = Target::of(app.clone()).connect(cli)?;
        // It stops, also if that is not heard of in time.
        let told = master.send(&Order::Stop { now: false });
        let patience = if told.is_ok() { ask::END_PATIENCE } else { drain(&app, application) };
        if !ask::ended(&app, patience) {
            let pid = app.record.pid;
            let why = told.map_or_else(|error| error.to_string(), |reply| reply.text);
            let text = format!(
                "still runs: process {pid} ({why}); when it has ended, `evenkeel start {name}` starts it"
            );
            return Err(Failure::not_done(text));
        }
    }
    begin(cli, name, application).0
}

/// How long a stop may take.
fn drain(app: &App, saved: &Application) -> Duration {
    let origin = origin::of(app);
    let settings = &origin.as_ref().unwrap_or(saved).settings;
    let grace = settings.grace.unwrap_or(GRACE_DEFAULT);
    let before = settings.pre_stop_delay.unwrap_or_default();
    grace.saturating_add(before).saturating_add(ask::END_PATIENCE)
}

/// What became of it, and whether it is there, and not another of its name.
fn begin(cli: &Cli, name: &Name, application: &Application) -> (Result<String, Failure>, bool) {
    let begun = match launch::detached(name, application) {
        Ok(begun) => begun,
        Err(failure) => return (Err(failure), false),
    };
    let pid = begun.child.id();
    let outcome = ready::wait(cli, name, application, begun);
    let found = find(name).ok().flatten();
    let own = found.filter(|app| app.is_running() && app.record.pid == pid);
    let remembered = own.as_ref().map_or(Ok(()), |app| origin::remember(app, application));
    (outcome.and_then(|text| remembered.map(|()| text)), own.is_some())
}

/// All failures of a start have one code.
fn answer(name: &Name, outcome: Result<String, Failure>) -> Answer {
    let outcome = outcome.map_err(|failure| Failure { code: NOT_DONE, ..failure });
    Answer::plain(Some(name.to_string()), outcome)
}

fn report(cli: &Cli, answers: &[Answer]) -> u8 {
    if answers.is_empty() {
        return answer::nothing(
            cli,
            "no application runs: `evenkeel start` starts those that are saved",
        );
    }
    if cli.json {
        print::json(&answers.iter().map(Answer::json).collect::<Vec<_>>());
    }
    for answer in answers.iter().filter(|answer| !cli.json || !answer.ok()) {
        let text = format!("{} {}", answer.name.as_deref().unwrap_or_default(), answer.text);
        if answer.ok() { print::line(visible::text(&text)) } else { print::error(text) }
    }
    answers.iter().map(|answer| answer.code).max().unwrap_or_default()
}

/// What is to be started, and whether it is in the saved set as it stands.
fn wanted(start: &Start) -> Result<(Applications, bool), Failure> {
    if !start.command.is_empty() {
        return Ok((given(start)?, false));
    }
    if start.name.is_some() || !start.listen.is_empty() || !start.set.is_empty() {
        return Err(Failure::new(
            USAGE,
            "--name, --listen and --set are for a program that is given here: end with -- PROGRAM ARGUMENTS",
        ));
    }
    match start.file() {
        Some(file) => {
            let all = Applications::from_file(Path::new(file))?;
            Ok((chosen(all, start.names(), file)?, false))
        }
        None => Ok((chosen(saved::load()?, start.names(), "the saved set")?, true)),
    }
}

fn chosen(mut all: Applications, names: &[String], place: &str) -> Result<Applications, Failure> {
    for name in names.iter().filter(|name| *name != "all") {
        if !all.app.contains_key(name) {
            let known: Vec<&str> = all.app.keys().map(String::as_str).collect();
            let has = match &known[..] {
                [] => "none: name a file first, as in `evenkeel start apps.toml`".to_owned(),
                known => known.join(", "),
            };
            return Err(Failure::new(
                USAGE,
                format!("{place} has no application named {name}; it has {has}"),
            )
            .of(name));
        }
    }
    if !names.is_empty() && !is_all(names) {
        all.app.retain(|name, _| names.contains(name));
    }
    Ok(all)
}

/// An application that stands on the command line.
fn given(start: &Start) -> Result<Applications, Failure> {
    let Some(name) = &start.name else {
        return Err(Failure::new(USAGE, "say what it is called: --name NAME"));
    };
    let mut application = Application::default();
    let (program, arguments) =
        start.command.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    application.program.program = Some(program.into());
    application.program.args = Some(arguments.to_vec());
    application.program.protocol = Some(start.protocol.parse()?);
    application.program.stop_signal.clone_from(&start.stop_signal);
    application.settings.listen = Some(start.listen.clone()).filter(|listen| !listen.is_empty());
    for setting in &start.set {
        let (key, value) = setting
            .split_once('=')
            .ok_or_else(|| Failure::new(USAGE, format!("{setting:?} is not KEY=VALUE")))?;
        application.settings.set(key, value)?;
    }
    let here = std::env::current_dir()?;
    application.complete(name, &here).map_err(Failure::settings)?;
    let mut applications = Applications::default();
    applications.app.insert(name.clone(), application);
    Ok(applications)
}
