//! The file that names applications, for `evenkeel start`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::file;
use super::keyed::{self, Key, Keyed};
use super::raw::Raw;
use super::settings::Settings;
use crate::apps::Name;
use crate::error::Error;
use crate::plan::{FOREIGN_KEEPS_ITS_FILE, named};

/// How a program gets its listeners.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Protocol {
    /// It links evenkeel, and takes its settings from the environment ([`Settings::from_env`]).
    #[default]
    Evenkeel,
    /// It takes listeners as `sd_listen_fds(3)` has it: from descriptor 3 on. The program `evenkeel` is its
    /// master.
    ListenFds,
}

named!(Protocol, "protocol", Evenkeel = "evenkeel", ListenFds = "listen-fds");

keyed! {
    /// What is run.
    pub struct Program;

    /// The program: a path, relative to the file, or a name that is looked for in `PATH`.
    Restart program: PathBuf,
    /// Its arguments.
    Restart args: Vec<String>,
    /// Where it is run, relative to the file. Default: the folder of the file.
    Restart directory: PathBuf,
    /// Variables of its environment, beside those of whoever starts it.
    Restart env: BTreeMap<String, String>,
    /// How it gets its listeners: `evenkeel`, if it links it, or `listen-fds`, as from systemd. Default:
    /// `evenkeel`.
    Restart protocol: Protocol,
    /// The signal at which a program that is not ours finishes what it has and ends. Default: `TERM`.
    Restart stop_signal: String,
}

/// One application: a program and its settings.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Application {
    /// What is run.
    pub program: Program,
    /// How it serves.
    pub settings: Settings,
}

/// The applications of a file, by name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Applications {
    /// Each of them.
    pub app: BTreeMap<String, Application>,
}

impl Applications {
    /// From the text of a file in TOML, whose paths are relative to `folder`.
    ///
    /// # Errors
    /// It is no TOML, has unknown keys or wrong values, or an application without a program.
    pub fn from_toml(text: &str, name: &str, folder: &Path) -> Result<Self, Error> {
        if is_of_one(text) {
            let mend = "this is a file of settings of one program: put them below [app.NAME], with its program, \
                        or give the file to the program, by --config say";
            return Err(Error::config(format!("{name}: {mend}")));
        }
        let File { app } = file::read(text, name)?;
        let mut applications = Self::default();
        for (key, mut application) in app {
            let wrong = |why: String| Error::config(format!("{name}: app.{key}: {why}"));
            application.complete(&key, folder).map_err(wrong)?;
            applications.app.insert(key, application);
        }
        if applications.app.is_empty() {
            return Err(Error::config(format!("{name} names no application: write [app.NAME]")));
        }
        Ok(applications)
    }

    /// From a file in TOML.
    ///
    /// # Errors
    /// It cannot be read, and those of [`Applications::from_toml`].
    pub fn from_file(path: &Path) -> Result<Self, Error> {
        let folder = file::folder(path);
        Self::from_toml(&file::contents(path)?, &path.display().to_string(), &folder)
    }
}

impl Application {
    /// Whether the program is ours.
    pub fn protocol(&self) -> Protocol {
        self.program.protocol.unwrap_or_default()
    }

    /// Makes paths whole, and looks whether all goes together.
    ///
    /// # Errors
    /// What does not.
    pub fn complete(&mut self, name: &str, folder: &Path) -> Result<(), String> {
        let name: Name = name.parse().map_err(|error: Error| error.to_string())?;
        if self.settings.name.as_deref().is_some_and(|other| other != name.as_str()) {
            return Err("name: the name of its table is its name: leave this out".to_owned());
        }
        self.settings.name = Some(name.to_string());
        self.anchor(folder);
        let program = self.program.program.as_ref().ok_or("program is missing: say what to run")?;
        if program.components().count() > 1 {
            self.program.program = Some(folder.join(program));
        }
        let directory = self.program.directory.take().unwrap_or_default();
        let here = directory.as_os_str().is_empty();
        self.program.directory =
            Some(if here { folder.to_owned() } else { folder.join(directory) });
        match self.protocol() {
            Protocol::Evenkeel if self.program.stop_signal.is_some() => {
                Err("stop_signal is for programs that are not ours (protocol = \"listen-fds\")"
                    .to_owned())
            }
            Protocol::ListenFds if self.settings.listen.is_none() => {
                Err("listen is missing: say where connections come in".to_owned())
            }
            Protocol::ListenFds => match self.settings.only_ours().first().copied() {
                Some(key @ ("output_max" | "output_keep")) => {
                    Err(format!("{key}: {FOREIGN_KEEPS_ITS_FILE}"))
                }
                Some(key) => Err(format!("{key} is for programs that link evenkeel: leave it out")),
                None => Ok(()),
            },
            Protocol::Evenkeel => Ok(()),
        }
    }

    /// The keys that are set, and their values as text.
    pub fn texts(&self) -> Vec<(&'static str, String)> {
        [self.program.texts(), self.settings.texts()].concat()
    }
}

impl Serialize for Application {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut values = self.program.values();
        values.extend(self.settings.values());
        values.serialize(to)
    }
}

impl Keyed for Application {
    fn keys() -> Vec<Key> {
        [Program::KEYS, Settings::KEYS].concat()
    }

    fn set(&mut self, name: &str, raw: &Raw) -> Result<(), String> {
        if Program::KEYS.iter().any(|key| key.name == name) {
            self.program.set(name, raw)
        } else {
            Keyed::set(&mut self.settings, name, raw)
        }
    }

    fn anchor(&mut self, folder: &Path) {
        // Those of the program follow rules of their own: see `complete`.
        self.settings.anchor(folder);
    }
}

impl<'de> Deserialize<'de> for Applications {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        File::deserialize(from).map(|file| Self { app: file.app })
    }
}

impl<'de> Deserialize<'de> for Application {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        keyed::read(from)
    }
}

/// Names no application, and has settings that stand in nobody's table.
fn is_of_one(text: &str) -> bool {
    let known = |key: &String| Application::keys().iter().any(|known| known.name == key);
    let table = text.parse::<toml::Table>().unwrap_or_default();
    !table.contains_key("app") && table.keys().any(known)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    app: BTreeMap<String, Application>,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Applications, Error> {
        Applications::from_toml(text, "apps.toml", Path::new("/srv"))
    }

    #[test]
    fn paths_are_relative_to_the_file_and_names_are_looked_for() {
        let text = "[app.shop]\nprogram = \"./shop\"\nlisten = \"127.0.0.1:80\"\n\
                    [app.blog]\nprogram = \"gunicorn\"\nargs = [\"blog:app\"]\nlisten = \"127.0.0.1:81\"\nprotocol = \"listen-fds\"\n";
        let all = read(text).unwrap();
        let program = |name: &str| all.app[name].program.clone();
        assert_eq!(program("shop").program, Some("/srv/./shop".into()));
        assert_eq!(program("shop").directory, Some("/srv".into()));
        assert_eq!(program("blog").program, Some("gunicorn".into()));
        assert_eq!(all.app["blog"].settings.name.as_deref(), Some("blog"));
        let text = "[app.shop]\nprogram = \"shop\"\ndirectory = \"run\"\noutput = \"log/out\"\n\
                    access_log = \"-\"\ncontrol = \"/run/control\"\nadmin_token_file = \"token\"\n";
        let settings = read(text).unwrap().app["shop"].settings.clone();
        assert_eq!(settings.output, Some("/srv/log/out".into()));
        assert_eq!(settings.access_log, Some("-".into()));
        assert_eq!(settings.control, Some("/run/control".into()));
        assert_eq!(settings.admin_token_file, Some("/srv/token".into()));
    }

    #[test]
    fn what_does_not_go_together_is_said_with_its_place() {
        let wrong = |text: &str| read(text).unwrap_err().to_string();
        assert!(
            wrong("[app.a]\nprogam = \"x\"")
                .starts_with("apps.toml:2:1: unknown key `progam`: did you mean `program`?")
        );
        assert!(wrong("[app.a]\n").contains("program is missing"));
        assert!(wrong("[app.B]\nprogram = \"x\"").contains("is no name"));
        assert!(wrong("").contains("names no application"));
        let foreign = "[app.a]\nprogram = \"x\"\nprotocol = \"listen-fds\"\nlisten = \"a:1\"\nmax_memory = \"1MiB\"";
        assert!(wrong(foreign).contains("max_memory is for programs that link evenkeel"));
        let rotated = foreign.replace("max_memory", "output_max");
        assert!(wrong(&rotated).contains("output_max: a program that does not link evenkeel"));
        assert!(wrong("[app.a]\nprogram = \"\"").contains("nothing is said"));
        assert!(wrong("[app.a]\nprogram = \"x\"\nuser = \"\"").contains("nothing is said"));
        assert!(wrong("[app.a]\nprogram = \"x\"\nstop_signal = \"INT\"").contains("stop_signal"));
        assert!(wrong("[apps.a]\n").contains("unknown field `apps`"));
        let of_one =
            "apps.toml: this is a file of settings of one program: put them below [app.NAME]";
        assert!(wrong("workers = 3\ngrace = \"4s\"").starts_with(of_one));
        assert!(wrong("grace = \"4s\"\n[app.a]\n").starts_with("apps.toml:1:1: unknown field"));
    }

    #[test]
    fn files_that_the_pages_show_are_good() {
        let pages = [
            include_str!("../../../README.md"),
            include_str!("../guide/logs.md"),
            include_str!("../guide/pm2.md"),
            include_str!("../guide/nginx_gunicorn.md"),
            include_str!("../guide/deploy.md"),
        ];
        let blocks = pages.iter().flat_map(|page| page.split("```toml\n").skip(1));
        let texts: Vec<&str> = blocks.filter_map(|rest| rest.split("```").next()).collect();
        assert!(texts.len() >= 4, "{texts:?}");
        for text in texts {
            let all = if text.contains("[app.") {
                read(text)
                    .unwrap()
                    .app
                    .into_values()
                    .map(|app| (app.protocol(), app.settings))
                    .collect()
            } else {
                vec![(Protocol::Evenkeel, Settings::from_toml(text, "page").unwrap())]
            };
            for (protocol, settings) in all {
                settings.check(protocol).unwrap();
            }
        }
    }
}
