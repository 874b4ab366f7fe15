//! `evenkeel config`.

use std::path::Path;

use evenkeel::config::{Application, Applications, Change, Protocol, Settings, schema};
use serde_json::{Value, json};

use crate::cli::Config;
use crate::outcome::Failure;
use crate::table::{Column, table, terminal_width, words};
use crate::{answer, print, visible};

const COLUMNS: [Column; 4] =
    [words("application", 0), words("key", 0), words("value", 0), words("to change it", 0)];

/// A key that a file sets.
struct Said {
    /// Absent in a file of one server.
    app: Option<String>,
    key: &'static str,
    value: String,
    change: String,
}

pub(crate) fn config(json: bool, config: &Config) -> Result<u8, Failure> {
    match config {
        Config::Schema => print::line(serde_json::to_string_pretty(&schema()).unwrap_or_default()),
        Config::Check { file } => {
            let said = check(file)?;
            if json {
                print::json(&of_each(&said));
            } else {
                let rows: Vec<Vec<String>> = said.iter().map(Said::cells).collect();
                print::line(table(&COLUMNS, &rows, terminal_width()));
                print::line(visible::text(&format!("{} is good", file.display())));
            }
        }
    }
    Ok(0)
}

/// What the file says, if it can work. A file with a table `app` names applications.
fn check(file: &Path) -> Result<Vec<Said>, Failure> {
    let text = std::fs::read_to_string(file)
        .map_err(|error| Failure::settings(format!("cannot read {}: {error}", file.display())))?;
    let several = text.parse::<toml::Table>().is_ok_and(|table| table.contains_key("app"));
    if !several {
        let settings = Settings::from_file(file)?;
        settings.check(Protocol::Evenkeel)?;
        let known = |name: &str| Settings::KEYS.iter().find(|known| known.name == name);
        let change = |name: &str| known(name).map_or(Change::Restart, |key| key.change);
        return Ok(said(None, settings.texts(), change));
    }
    let mut all = Vec::new();
    for (name, application) in Applications::from_file(file)?.app {
        let checked = application.settings.check(application.protocol());
        checked.map_err(|error| {
            Failure::new(error.exit_code(), format!("{}: app.{name}: {error}", file.display()))
        })?;
        // They stand in the environment of its master, which an upgrade keeps.
        all.extend(said(Some(&name), Application::texts(&application), |_| Change::Restart));
    }
    Ok(all)
}

fn said(
    app: Option<&str>,
    texts: Vec<(&'static str, String)>,
    change: impl Fn(&str) -> Change,
) -> Vec<Said> {
    let one = |(key, value)| Said {
        app: app.map(str::to_owned),
        key,
        value,
        change: change(key).to_string(),
    };
    texts.into_iter().map(one).collect()
}

/// One for each application of the file, which stand one after the other.
fn of_each(said: &[Said]) -> Vec<Value> {
    let of = |said: &[Said]| {
        let mut value = answer::value(said.first().and_then(|one| one.app.as_deref()), None);
        value["settings"] = said.iter().map(Said::json).collect();
        value
    };
    if said.is_empty() {
        // Of a file that sets nothing.
        return vec![of(said)];
    }
    said.chunk_by(|one, next| one.app == next.app).map(of).collect()
}

impl Said {
    fn cells(&self) -> Vec<String> {
        let app = self.app.as_deref().unwrap_or("-").to_owned();
        vec![app, self.key.to_owned(), self.value.clone(), self.change.clone()]
    }

    fn json(&self) -> Value {
        json!({ "key": self.key, "value": self.value, "change": self.change })
    }
}
