//! What applications wrote.

use std::io::{self, IsTerminal};
use std::path::Path;

use evenkeel::apps::{App, Owner, apps, find};
use evenkeel::control::OutputFile;

use crate::cli::Cli;
use crate::follow::{self, Form, Source};
use crate::outcome::Failure;
use crate::target::{Target, is_all, valid};
use crate::{ask, saved};

/// `evenkeel logs`.
pub(crate) fn logs(cli: &Cli, names: &[String], lines: usize, follow: bool) -> Result<u8, Failure> {
    // Whose socket it is, is asked once.
    let owned: Vec<String> = match (&cli.control, names) {
        (Some(control), []) => Target::at(control)?.name.into_iter().collect(),
        _ => names.to_vec(),
    };
    let names = &owned[..];
    let first = sources(cli, names)?;
    let mut out = io::stdout().lock();
    let form = match () {
        () if cli.json => Form::Json,
        () if out.is_terminal() => Form::Visible,
        () => Form::Raw,
    };
    let ended = if follow {
        // A master that is known by its socket only would have to be asked again and again.
        let again = || {
            let fixed = cli.control.is_some() && names.is_empty();
            if fixed { Ok(first.clone()) } else { sources(cli, names) }
        };
        follow::follow(|| again().unwrap_or_default(), lines, form, &mut out)
    } else {
        follow::past(&first, lines, form, &mut out)
    };
    match ended {
        Ok(()) => Ok(0),
        // Whoever read it has seen enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(0),
        Err(error) => Err(Failure::not_done(format!("cannot read the logs: {error}"))),
    }
}

/// The logs of the applications that are named, or of all that there are.
fn sources(cli: &Cli, names: &[String]) -> Result<Vec<Source>, Failure> {
    let every = names.is_empty() || is_all(names);
    let found = match &cli.control {
        Some(control) if names.is_empty() => {
            let target = Target::at(control)?;
            let owner = Owner::of_user(target.reach()?.peer()?.uid);
            let status = ask::status(&target, cli.timeout())?;
            outputs("", Some(owner), &status.outputs).collect()
        }
        _ if every => all()?,
        _ => {
            let mut found = Vec::new();
            for name in names {
                let own = of(name)?;
                if own.is_empty() {
                    let text = format!(
                        "no log of {name} is known: it was not started by `evenkeel start`, and writes to no file"
                    );
                    return Err(Failure::not_done(text).of(name));
                }
                found.extend(own);
            }
            found
        }
    };
    if found.is_empty() {
        return Err(Failure::not_done(
            "no log is known here: nothing was started by `evenkeel start`, and nothing that runs names a file",
        ));
    }
    Ok(found)
}

fn all() -> Result<Vec<Source>, Failure> {
    let running = apps()?.into_iter().map(|app| app.record.name);
    let mut names: Vec<String> = running.chain(saved::load()?.app.into_keys()).collect();
    names.sort();
    names.dedup();
    let found: Result<Vec<Vec<Source>>, Failure> = names.iter().map(|name| of(name)).collect();
    Ok(found?.concat())
}

/// Those of one application: what its master writes, and then the files of its workers.
fn of(name: &str) -> Result<Vec<Source>, Failure> {
    let app = find(&valid(name)?)?;
    let owner = app.as_ref().map(App::owner);
    let record = app.map(|app| app.record).unwrap_or_default();
    let log = |path: &Path, owner| Source {
        name: name.to_owned(),
        of: None,
        path: path.to_owned(),
        owner,
    };
    let mut found: Vec<Source> = record.logs.iter().map(|path| log(path, owner)).collect();
    let saved = saved::log_path(name);
    if found.is_empty() && saved.exists() {
        found.push(log(&saved, None));
    }
    let further = outputs(name, owner, &record.outputs);
    found.extend(further.filter(|source| !record.logs.contains(&source.path)));
    Ok(found)
}

fn outputs(name: &str, owner: Option<Owner>, files: &[OutputFile]) -> impl Iterator<Item = Source> {
    files.iter().map(move |OutputFile { name: of, path, .. }| Source {
        name: name.to_owned(),
        of: Some(of.clone()),
        path: path.clone(),
        owner,
    })
}
