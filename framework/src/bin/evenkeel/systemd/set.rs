//! Units for the applications of a file: one each, which runs `evenkeel start --foreground FILE NAME`. So what the
//! file says is taken anew with each start.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use evenkeel::apps::{App, Name, find};
use evenkeel::config::{Application, Applications, Protocol};
use evenkeel::internals::GRACE_DEFAULT;

use super::Wanted;
use super::grants::Grants;
use super::program::Program;
use super::unit::Unit;
use crate::outcome::Failure;

/// A unit for each application that is wanted, of those of the file.
pub(super) fn units(wanted: &Wanted) -> Result<Vec<Unit>, Failure> {
    let (file, names) =
        wanted.what.split_first().map_or(("", &[][..]), |(file, names)| (file.as_str(), names));
    let file = fs::canonicalize(file)
        .map_err(|error| Failure::settings(format!("cannot read {file}: {error}")))?;
    let all = Applications::from_file(&file)?;
    if let Some(name) = names.iter().find(|name| !all.app.contains_key(*name)) {
        let known: Vec<&str> = all.app.keys().map(String::as_str).collect();
        let (file, known) = (file.display(), known.join(", "));
        return Err(Failure::settings(format!(
            "{file} has no application named {name}; it has {known}"
        )));
    }
    let chosen = all.app.iter().filter(|(name, _)| names.is_empty() || names.contains(name));
    chosen.map(|(name, application)| unit(wanted, &file, name, application)).collect()
}

fn unit(
    wanted: &Wanted,
    file: &Path,
    name: &str,
    application: &Application,
) -> Result<Unit, Failure> {
    let Application { program, settings, .. } = application;
    let grants = Grants::of(wanted, name, application).map_err(|failure| {
        let text = format!("{}: app.{name}: {failure}", file.display());
        Failure { text, ..failure }
    })?;
    let here = std::env::current_exe().map_err(|error| Failure::not_done(error.to_string()))?;
    let words = [&*here.to_string_lossy(), "start", "--foreground", &*file.to_string_lossy(), name];
    let mut command = Program::find(&words.map(str::to_owned))?;
    // One that is only named is looked for where the service is.
    let own = program.program.iter().filter(|path| path.components().count() > 1);
    let needs = own.chain(&program.directory).cloned().chain([here, file.to_owned()]);
    for path in needs {
        if !wanted.user && wanted.account.is_none() {
            reachable(&path)?;
        }
        command.needs(path);
    }
    let grace = settings
        .grace
        .unwrap_or(GRACE_DEFAULT)
        .saturating_add(settings.pre_stop_delay.unwrap_or_default());
    Ok(Unit {
        name: format!("evenkeel-{name}"),
        app: Some(name.to_owned()),
        description: format!("{name}, of {}", file.display()),
        grants,
        compiles: wanted.jit || application.protocol() == Protocol::ListenFds,
        grace: u32::try_from(grace.as_secs())
            .unwrap_or(u32::MAX)
            .saturating_add(u32::from(grace.subsec_nanos() > 0)),
        program: command,
    })
}

/// A user whom systemd makes up is in nobody's group.
fn reachable(path: &Path) -> Result<(), Failure> {
    let closed = path.ancestors().find(|part| {
        // Each folder on the way is entered, and the last thing is read.
        let bits = if *part == path { 0o004 } else { 0o001 };
        fs::metadata(part).is_ok_and(|found| found.mode() & bits == 0)
    });
    match closed {
        None => Ok(()),
        Some(part) => Err(Failure::settings(format!(
            "{} is not for the user that systemd makes up for the service, for {} is closed to others: open \
             it (chmod o+rx), put it elsewhere, as below /usr/local and /etc, or choose --account USER",
            path.display(),
            part.display()
        ))),
    }
}

/// One that runs already has the name, and systemd would try again and again.
pub(super) fn not_running(units: &[Unit], folder: &Path) -> Result<(), Failure> {
    // If its unit is there, it may be that which runs it.
    let is_new = |unit: &&Unit| !folder.join(format!("{}.service", unit.name)).exists();
    for unit in units.iter().filter(is_new) {
        let name: Option<Name> = unit.app.as_ref().and_then(|name| name.parse().ok());
        let found = name.and_then(|name| find(&name).ok().flatten());
        if let Some(app) = found.filter(App::is_running) {
            let (name, pid) = (&app.record.name, app.record.pid);
            return Err(Failure::not_done(format!(
                "{name} runs already, as process {pid}: stop it (`evenkeel stop {name} --forget`), and systemd \
                 starts it"
            )));
        }
    }
    Ok(())
}
