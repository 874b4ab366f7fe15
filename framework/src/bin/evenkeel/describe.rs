//! One application in detail: what its master says, and what is known without it.

use std::path::{Path, PathBuf};

use evenkeel::apps::{Record, find};
use evenkeel::config::Application;
use evenkeel::control::{AdminStatus, DispatcherStatus, EventStatus, OutputFile, Status};
use serde_json::{Value, json};

use crate::cli::Cli;
use crate::figures::{age, moment, since};
use crate::outcome::Failure;
use crate::table::{pairs, terminal_width};
use crate::target::{Target, is_all, targets, valid};
use crate::{answer, ask, print, saved, show, target};

/// So many events are shown; `--json` has all that the master keeps.
const EVENTS: usize = 10;

/// An application that runs, ran, or is in the saved set.
struct Subject {
    /// Absent, if its master has none.
    name: Option<String>,
    /// Its master lives.
    target: Option<Target>,
    record: Option<Record>,
    saved: Option<Application>,
}

/// `evenkeel describe`. A master that does not answer is described as far as it is known.
pub(crate) fn describe(cli: &Cli, names: &[String]) -> Result<u8, Failure> {
    let subjects = subjects(cli, names)?;
    if subjects.is_empty() {
        return Ok(answer::nothing(cli, "no application runs"));
    }
    let mut answers = Vec::new();
    let mut worst = 0;
    for subject in subjects {
        let (answer, code) = match subject {
            Ok(subject) => subject.answer(cli),
            Err(failure) => {
                print::error(&failure);
                (answer::value(failure.of.as_deref(), Some(&failure)), failure.code)
            }
        };
        answers.push(answer);
        worst = worst.max(code);
    }
    if cli.json {
        print::json(&answers);
    }
    Ok(worst)
}

/// One for each name.
fn subjects(cli: &Cli, names: &[String]) -> Result<Vec<Result<Subject, Failure>>, Failure> {
    let set = saved::load()?;
    let of = |target: Target| {
        let record = target.app.as_ref().map(|app| app.record.clone());
        let saved = target.name.as_ref().and_then(|name| set.app.get(name).cloned());
        Subject { name: target.name.clone(), saved, target: Some(target), record }
    };
    if names.is_empty() || is_all(names) {
        return Ok(targets(cli, names)?.into_iter().map(|target| Ok(of(target))).collect());
    }
    let one = |name: &String| {
        let app = find(&valid(name)?)?;
        let saved = set.app.get(name).cloned();
        match app {
            Some(app) if app.is_running() => Ok(of(Target::of(app))),
            // What runs is said.
            None if saved.is_none() => target::one(name).map(of),
            app => {
                let record = app.map(|app| app.record);
                Ok(Subject { name: Some(name.clone()), target: None, record, saved })
            }
        }
    };
    Ok(names.iter().map(one).collect())
}

impl Subject {
    /// Shows it, or says it for programs; and the code of the failure to ask its master.
    fn answer(&self, cli: &Cli) -> (Value, u8) {
        let asked = self.target.as_ref().map(|target| ask::status(target, cli.timeout()));
        let (status, failure) = match asked.transpose() {
            Ok(status) => (status, None),
            Err(failure) => (None, Some(failure)),
        };
        let Self { name, record, saved, .. } = self;
        let state = self.state(status.as_ref());
        if !cli.json {
            self.show(state, status.as_ref());
        }
        if let Some(failure) = &failure {
            let name = name.as_ref().map_or_else(String::new, |name| format!("{name}: "));
            print::error(format!("{name}{failure}"));
        }
        let mut value = answer::value(name.as_deref(), failure.as_ref());
        value["state"] = state.into();
        value["record"] = json!(record);
        value["status"] = json!(status);
        value["saved"] = json!(saved);
        (value, failure.map_or(0, |failure| failure.code))
    }

    fn show(&self, state: &str, status: Option<&Status>) {
        let width = terminal_width();
        print::line(pairs(&self.rows(state, status), width));
        if let Some(status) = status {
            print::line(format!("\n{}", show::workers(&status.workers)));
            let last = &status.events[status.events.len().saturating_sub(EVENTS)..];
            let events: Vec<(String, String)> = last.iter().map(event).collect();
            print::line(format!("\nlast events\n{}", pairs(&events, width)));
        }
    }

    fn state<'a>(&self, status: Option<&'a Status>) -> &'a str {
        match (&self.target, status) {
            (None, _) if self.record.is_some() => "stopped; its master ended without a word",
            (None, _) => "stopped",
            (Some(_), Some(status)) => &status.doing,
            (Some(_), None) => "does not answer",
        }
    }

    /// What is not known has no row.
    fn rows(&self, state: &str, status: Option<&Status>) -> Vec<(String, String)> {
        let mut rows =
            vec![("name", self.name.clone().unwrap_or_default()), ("state", state.to_owned())];
        match (status, &self.record) {
            (Some(status), _) => rows.push(("pid", status.pid.to_string())),
            (None, Some(record)) => rows.push(("pid", record.pid.to_string())),
            (None, None) => {}
        }
        rows.extend(self.record.iter().flat_map(|record| program(record, self.target.is_some())));
        let addresses = self.record.as_ref().map(|record| record.addresses.join(", "));
        rows.extend(addresses.filter(|_| status.is_none()).map(|all| ("addresses", all)));
        rows.extend(status.iter().flat_map(|status| service(status)));
        if let Some(record) = &self.record {
            rows.push(("control", shown(&record.control)));
            rows.push(("config", record.config.as_deref().map(shown).unwrap_or_default()));
            rows.extend(record.logs.iter().map(|path| ("log", shown(path))));
        } else if let Some(target) = &self.target {
            rows.push(("control", shown(&target.control)));
        }
        let last = self.record.as_ref().map(|record| &record.outputs);
        let outputs =
            status.map(|status| &status.outputs).or(last).map(Vec::as_slice).unwrap_or_default();
        let logs = self.record.as_ref().map(|record| &record.logs[..]).unwrap_or_default();
        let outputs = outputs.iter().filter(|file| !logs.contains(&file.path));
        rows.extend(outputs.map(|file| ("output", output(file))));
        let said = self.saved.as_ref().map(Application::texts).unwrap_or_default();
        let said = said.into_iter().filter(|(key, _)| *key != "name");
        rows.extend(said.map(|(key, value)| ("saved", format!("{key} = {value}"))));
        let known = rows.into_iter().filter(|(_, text)| !text.is_empty());
        known.map(|(name, text)| (name.to_owned(), text)).collect()
    }
}

fn program(record: &Record, runs: bool) -> Vec<(&'static str, String)> {
    let kind = if record.foreign { "does not link evenkeel (listen-fds)" } else { "" };
    let uptime = if runs { age(since(record.started)) } else { String::new() };
    vec![
        ("uptime", uptime),
        ("program", shown(&record.program)),
        ("arguments", record.arguments.join(" ")),
        ("directory", shown(&record.directory)),
        ("protocol", kind.to_owned()),
    ]
}

/// What only the master can say.
fn service(status: &Status) -> Vec<(&'static str, String)> {
    let addresses: Vec<String> = status.addresses.iter().map(ToString::to_string).collect();
    let why = status.policy_why.as_ref().map(|why| format!("; auto chose it: {why}"));
    let ready = format!("{} of {} ready", status.workers_ready, status.workers_wanted);
    let causes = status.restarts.iter().filter(|(_, count)| **count > 0);
    let causes: Vec<String> = causes.map(|(cause, count)| format!("{count} {cause}")).collect();
    vec![
        ("addresses", addresses.join(", ")),
        ("policy", format!("{}{}", status.policy, why.unwrap_or_default())),
        ("workers", ready),
        ("dispatcher", status.dispatcher.as_ref().map(dispatcher).unwrap_or_default()),
        ("admin", status.admin.as_ref().map(admin).unwrap_or_default()),
        ("rollouts", status.rollouts.to_string()),
        ("restarts", if causes.is_empty() { "none".to_owned() } else { causes.join(", ") }),
    ]
}

fn admin(admin: &AdminStatus) -> String {
    let AdminStatus { address, pid, phase, .. } = admin;
    let scheme = if address.tcp().is_some() { "http://" } else { "" };
    format!("{scheme}{address} (process {pid}, {phase})")
}

fn dispatcher(dispatcher: &DispatcherStatus) -> String {
    format!("process {}, {}", dispatcher.pid, dispatcher.phase)
}

fn output(file: &OutputFile) -> String {
    format!("{} ({})", shown(&file.path), file.name)
}

fn event(event: &EventStatus) -> (String, String) {
    (moment(event.at_ms), event.text.clone())
}

fn shown(path: impl AsRef<Path>) -> String {
    let path: PathBuf = path.as_ref().components().collect();
    path.display().to_string()
}
