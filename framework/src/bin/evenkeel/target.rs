//! Who is meant.

use std::path::{Path, PathBuf};

use evenkeel::Error;
use evenkeel::apps::{App, Name, apps};
use evenkeel::control::Client;

use crate::cli::Cli;
use crate::outcome::{Failure, UNREACHABLE, USAGE};
use crate::saved;

/// Where a master listens unless it is said, as ever.
const CONTROL_DEFAULT: &str = "evenkeel.sock";
const NOTHING_RUNS: &str = "no application runs: start one, as in `evenkeel start apps.toml`; a master \
                            without a name is reached by --control PATH";

/// A master, by name or by its control socket.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) name: Option<String>,
    pub(crate) control: PathBuf,
    pub(crate) app: Option<App>,
}

impl Target {
    pub(crate) fn connect(&self, cli: &Cli) -> Result<Client, Failure> {
        let mut master = self.reach()?;
        master.set_timeout(cli.timeout())?;
        Ok(master)
    }

    /// What is said to an application is said to its own master only.
    pub(crate) fn reach(&self) -> Result<Client, Error> {
        self.app.as_ref().map_or_else(|| Client::connect(&self.control), Client::to)
    }

    pub(crate) fn of(app: App) -> Self {
        let name = Some(app.record.name.clone());
        Self { name, control: app.record.control.clone(), app: Some(app) }
    }

    /// Who listens there; the application of this machine that it is, if it has a name here.
    pub(crate) fn at(path: &Path) -> Result<Self, Error> {
        let pid = Client::connect(path)?.peer()?.pid;
        let known = apps().unwrap_or_default();
        let app = known.into_iter().find(|app| app.record.pid == pid && app.is_running());
        let nameless = || Self { name: None, control: path.to_owned(), app: None };
        Ok(app.map_or_else(nameless, Self::of))
    }

    /// The application, for what needs more than a control socket.
    pub(crate) fn known(self) -> Result<App, Failure> {
        self.app.ok_or_else(|| {
            let text = format!(
                "the master at {} has no name here, and `top` and `restart` go by names: say it in \
                 Server::name or EVENKEEL_NAME",
                self.control.display()
            );
            Failure::new(UNREACHABLE, text)
        })
    }
}

/// Nobody is meant in particular.
pub(crate) fn is_all(names: &[String]) -> bool {
    names.iter().any(|name| name == "all")
}

/// What is said, if it can be a name.
pub(crate) fn valid(name: &str) -> Result<Name, Failure> {
    name.parse().map_err(|error| Failure::from(error).of(name))
}

/// All that run.
pub(crate) fn running() -> Result<Vec<App>, Failure> {
    Ok(apps()?.into_iter().filter(App::is_running).collect())
}

/// The masters that are named; those that run, for `all`.
pub(crate) fn targets(cli: &Cli, names: &[String]) -> Result<Vec<Target>, Failure> {
    if names.is_empty() {
        return only(cli).map(|target| vec![target]);
    }
    let running = running()?;
    if is_all(names) {
        return Ok(running.into_iter().map(Target::of).collect());
    }
    let found: Result<_, Failure> = names.iter().map(|name| named(&running, name)).collect();
    found.map_err(|mut failure| {
        if names.len() > 1 {
            failure.text += "; nothing was done";
        }
        failure
    })
}

/// The one of this name.
pub(crate) fn one(name: &str) -> Result<Target, Failure> {
    named(&running()?, name)
}

fn named(running: &[App], name: &str) -> Result<Target, Failure> {
    let valid = valid(name)?;
    let found = running.iter().find(|app| app.record.name == valid.as_str());
    found.cloned().map(Target::of).ok_or_else(|| {
        let saved = saved::load().is_ok_and(|set| set.app.contains_key(name));
        let mend = if saved {
            format!("start it with `evenkeel start {name}`")
        } else if running.is_empty() {
            "nothing runs".to_owned()
        } else {
            format!("these run: {}", names_of(running))
        };
        Failure::new(UNREACHABLE, format!("no application named {name} runs: {mend}")).of(name)
    })
}

/// Nobody is named: the control socket that is, or the only application.
fn only(cli: &Cli) -> Result<Target, Failure> {
    if let Some(path) = &cli.control {
        return Ok(Target::at(path)?);
    }
    let running = running()?;
    match &running[..] {
        [] if !Path::new(CONTROL_DEFAULT).exists() => Err(Failure::new(UNREACHABLE, NOTHING_RUNS)),
        [] => Ok(Target::at(Path::new(CONTROL_DEFAULT))?),
        [only] => Ok(Target::of(only.clone())),
        _ => Err(Failure::new(
            USAGE,
            format!("several applications run: name some of {}, or all", names_of(&running)),
        )),
    }
}

fn names_of(apps: &[App]) -> String {
    let names: Vec<&str> = apps.iter().map(|app| app.record.name.as_str()).collect();
    names.join(", ")
}
