//! Where an application in a unit can have files and sockets.

use std::path::{Component, Path};

use evenkeel::Address;
use evenkeel::config::Settings;

use super::unit::{HOMES, TEMPORARY};
use crate::outcome::Failure;

/// What a path is for.
#[derive(Clone, Copy, PartialEq)]
enum Use {
    Socket,
    Log,
}

/// What is no file of the disk, and open to every service.
const STREAMS: [&str; 4] = ["-", "/dev/stdout", "/dev/stderr", "/dev/null"];

/// Each path that the application with this name makes something at is in a folder where its unit lets it.
pub(super) fn check(name: &str, settings: &Settings) -> Result<(), Failure> {
    let logs = [("access_log", &settings.access_log), ("output", &settings.output)];
    for (key, path) in logs {
        path.iter().try_for_each(|path| place(name, key, path, Use::Log))?;
    }
    settings.control.iter().try_for_each(|path| place(name, "control", path, Use::Socket))?;
    let listen = settings.listen.iter().flatten().map(|text| ("listen", text));
    for (key, text) in listen.chain(settings.admin.iter().map(|text| ("admin", text))) {
        if let Address::Unix(path) = Address::resolve(text)? {
            place(name, key, &path, Use::Socket)?;
        }
    }
    Ok(())
}

fn place(name: &str, key: &str, path: &Path, wanted: Use) -> Result<(), Failure> {
    if wanted == Use::Log && STREAMS.iter().any(|stream| path == Path::new(stream)) {
        return Ok(());
    }
    let [run, state, log] =
        ["/run", "/var/lib", "/var/log"].map(|top| format!("{top}/evenkeel/{name}"));
    let is_plain = !path.components().any(|part| part == Component::ParentDir);
    let folder = path.parent().filter(|_| is_plain).unwrap_or(Path::new("/"));
    let made = [&run, &state, &log].into_iter().any(|own| folder == Path::new(own));
    // What is below the first one is gone with each stop.
    let kept = [&state, &log].into_iter().any(|own| folder.starts_with(own));
    if made || kept && folder.is_dir() {
        return Ok(());
    }
    let lies_below = |folders: &[&str]| folders.iter().any(|folder| path.starts_with(folder));
    let why = if kept {
        "its folder is not there"
    } else if lies_below(&TEMPORARY) {
        "nobody else sees it there, for the service has such a folder of its own (PrivateTmp)"
    } else if lies_below(&HOMES) {
        "the service may not write to homes (ProtectHome)"
    } else {
        "the service may not write there (ProtectSystem)"
    };
    let own = if wanted == Use::Log { log } else { run };
    let path = path.display();
    Err(Failure::settings(format!(
        "{key}: {path}: {why}: choose a path in {own}, a folder that systemd makes for it"
    )))
}
