//! Starting applications, and waiting until they serve. No daemon stays but their masters.

mod launch;
mod ready;

use std::path::Path;

use evenkeel::apps::{App, Name, apps, find};
use evenkeel::config::{Application, Applications};
use evenkeel::control::Command as Order;
use serde_json::json;

use crate::cli::{Cli, Start};
use crate::outcome::{Failure, NOT_DONE, USAGE};
use crate::target::targets;
use crate::{ask, print, saved};

pub(crate) use launch::become_program;

/// What a start came to.
struct Outcome {
    ok: bool,
    text: String,
}

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
        return Err(Failure::new(
            NOT_DONE,
            "nothing is saved yet: name a file with applications, as in `evenkeel start apps.toml`",
        ));
    }
    let before = saved::load()?;
    let mut outcomes = Vec::new();
    for (name, application) in &wanted.app {
        let name: Name = name.parse()?;
        let outcome = match find(&name)?.filter(App::is_running) {
            Some(app) => there_already(&name, &app, before.app.get(name.as_str()), application),
            None => begin(cli, &name, application),
        };
        // What could not run at all is not to be tried at each start of the machine.
        if !known && find(&name)?.is_some_and(|app| app.is_running()) {
            saved::change(|set| drop(set.app.insert(name.to_string(), application.clone())))?;
        }
        outcomes.push((name, outcome));
    }
    Ok(report(cli, &outcomes))
}

fn there_already(
    name: &Name,
    app: &App,
    saved: Option<&Application>,
    wanted: &Application,
) -> Outcome {
    let pid = app.record.pid;
    let changed = saved.is_none_or(|saved| saved != wanted);
    let mend =
        format!("; what it was started with has changed: `evenkeel restart {name}` applies it");
    let mend = if changed { mend.as_str() } else { "" };
    Outcome { ok: true, text: format!("runs already: process {pid}{mend}") }
}

/// `evenkeel restart`: stops, and starts from the saved set.
pub(crate) fn restart(cli: &Cli, names: &[String]) -> Result<u8, Failure> {
    let set = saved::load()?;
    let mut outcomes = Vec::new();
    let names = if names.iter().any(|name| name == "all") {
        apps()?.into_iter().filter(App::is_running).map(|app| app.record.name).collect()
    } else if names.is_empty() {
        targets(cli, names)?.into_iter().filter_map(|target| target.name).collect()
    } else {
        names.to_vec()
    };
    if names.is_empty() {
        return Err(Failure::new(USAGE, "name what is to be restarted"));
    }
    for name in names {
        let name: Name = name.parse()?;
        let Some(application) = set.app.get(name.as_str()) else {
            let text =
                "is not in the saved set: stop it, and start it as it was started".to_owned();
            outcomes.push((name, Outcome { ok: false, text }));
            continue;
        };
        if find(&name)?.is_some_and(|app| app.is_running()) {
            for target in targets(cli, &[name.to_string()])? {
                ask::tell(cli, &target, Order::Stop { now: false })?;
            }
        }
        outcomes.push((name.clone(), begin(cli, &name, application)));
    }
    Ok(report(cli, &outcomes))
}

fn begin(cli: &Cli, name: &Name, application: &Application) -> Outcome {
    let begun = launch::detached(name, application);
    match begun.and_then(|process| ready::wait(cli, name, process)) {
        Ok(text) => Outcome { ok: true, text },
        Err(failure) => Outcome { ok: false, text: failure.text },
    }
}

fn report(cli: &Cli, outcomes: &[(Name, Outcome)]) -> u8 {
    if cli.json {
        let entry = |(name, outcome): &(Name, Outcome)| json!({ "app": name.as_str(), "ok": outcome.ok, "text": outcome.text });
        print::json(&outcomes.iter().map(entry).collect::<Vec<_>>());
    } else {
        for (name, Outcome { ok, text }) in outcomes {
            if *ok {
                print::line(format!("{name} {text}"));
            } else {
                print::error(format!("{name} {text}"));
            }
        }
    }
    if outcomes.iter().all(|(_, outcome)| outcome.ok) { 0 } else { NOT_DONE }
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
    let file = start.what.first().filter(|text| {
        Path::new(text).extension().is_some_and(|ending| ending == "toml") || text.contains('/')
    });
    match file {
        Some(file) => {
            let all = Applications::from_file(Path::new(file))?;
            Ok((chosen(all, &start.what[1..], file)?, false))
        }
        None => Ok((chosen(saved::load()?, &start.what, "the saved set")?, true)),
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
            ));
        }
    }
    if !names.is_empty() && !names.iter().any(|name| name == "all") {
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
    application.complete(name, &here).map_err(|why| Failure::new(64, why))?;
    let mut applications = Applications::default();
    applications.app.insert(name.clone(), application);
    Ok(applications)
}
