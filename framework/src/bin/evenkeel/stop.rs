//! `evenkeel stop`.

use std::collections::BTreeSet;

use evenkeel::apps::App;
use evenkeel::control::Command;

use crate::answer::{self, Answer};
use crate::cli::Cli;
use crate::outcome::{Failure, NOT_DONE, USAGE};
use crate::target::{Target, is_all, running, targets, valid};
use crate::{ask, saved, start};

/// It runs, or is in the saved set, or both.
struct Meant {
    name: Option<String>,
    target: Option<Target>,
}

/// `forget`: and takes it out of the saved set, when it has ended.
pub(crate) fn stop(cli: &Cli, names: &[String], now: bool, forget: bool) -> Result<u8, Failure> {
    let order = Command::Stop { now };
    if !forget {
        return ask::each(cli, names, order);
    }
    let mut answers = Vec::new();
    for Meant { name, target } in meant(cli, names)? {
        let mut answer = match &target {
            Some(target) => Answer::of(name, ask::tell(cli, target, order)),
            None => Answer::plain(name, Ok("is forgotten, and did not run".to_owned())),
        };
        let app = target.as_ref().and_then(|target| target.app.as_ref());
        match answer.name.as_deref() {
            Some(name) if app.is_some_and(App::is_running) => {
                answer.code = answer.code.max(NOT_DONE);
                answer.text = format!(
                    "{}; it runs still, and is not forgotten: say so again when it has ended, as in `evenkeel stop \
                     --forget {name}`",
                    answer.text
                );
            }
            Some(name) => {
                let changed = saved::change(|set| drop(set.app.remove(name)));
                if let Err(failure) = changed.and_then(|()| start::forget(name)) {
                    answer.code = answer.code.max(failure.code);
                    answer.text = format!("{}; it is not forgotten: {failure}", answer.text);
                }
            }
            None => {}
        }
        answers.push(answer);
    }
    if answers.is_empty() {
        return Ok(answer::nothing(cli, "no application runs, and none is saved"));
    }
    Ok(answer::report(cli, names, &answers))
}

/// Nothing is done if one of them is neither there nor known.
fn meant(cli: &Cli, names: &[String]) -> Result<Vec<Meant>, Failure> {
    let known: Vec<String> = saved::load()?.app.into_keys().collect();
    let running = running()?;
    let names = match names {
        [] if cli.control.is_some() || !running.is_empty() || known.is_empty() => {
            let of = |target: Target| Meant { name: target.name.clone(), target: Some(target) };
            return Ok(targets(cli, names)?.into_iter().map(of).collect());
        }
        [] if known.len() > 1 => {
            let text = format!("several are saved: name some of {}, or all", known.join(", "));
            return Err(Failure::new(USAGE, text));
        }
        [] => known.clone(),
        names if is_all(names) => {
            let runs = running.iter().map(|app| app.record.name.clone());
            known.iter().cloned().chain(runs).collect::<BTreeSet<_>>().into_iter().collect()
        }
        names => names.to_vec(),
    };
    let one = |name: String| {
        let valid = valid(&name)?;
        let app = running.iter().find(|app| app.record.name == valid.as_str());
        if app.is_none() && !known.contains(&name) {
            let text = format!(
                "{name} is not in the saved set, and does not run: nothing was stopped or forgotten"
            );
            return Err(Failure::not_done(text).of(name));
        }
        Ok(Meant { name: Some(name), target: app.cloned().map(Target::of) })
    };
    names.into_iter().map(one).collect()
}
