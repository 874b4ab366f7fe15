//! Settings in a file.

use std::fs;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::keyed::Keyed;
use super::settings::Settings;
use crate::error::Error;

impl Settings {
    /// From the text of a file in TOML. `name` is what errors call it.
    ///
    /// # Errors
    /// It is no TOML, or has unknown keys or wrong values: with line and column, and how to mend it.
    pub fn from_toml(text: &str, name: &str) -> Result<Self, Error> {
        read(text, name)
    }

    /// From a file in TOML, whose paths are relative to its folder.
    ///
    /// # Errors
    /// It cannot be read, and those of [`Settings::from_toml`].
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let mut settings = Self::from_toml(&contents(path)?, &path.display().to_string())?;
        settings.anchor(&folder(path));
        Ok(settings)
    }
}

/// Where a file is.
pub(super) fn folder(path: &Path) -> PathBuf {
    let whole = path.canonicalize().unwrap_or_else(|_| path.to_owned());
    whole.parent().unwrap_or(Path::new("/")).to_owned()
}

/// The text of a file.
pub(super) fn contents(path: &Path) -> Result<String, Error> {
    let failed = |error| Error::config(format!("cannot read {}: {error}", path.display()));
    fs::read_to_string(path).map_err(failed)
}

/// Reads TOML; an error names its place.
pub(super) fn read<T: DeserializeOwned>(text: &str, name: &str) -> Result<T, Error> {
    toml::from_str(text).map_err(|error| {
        let message = error.message().trim();
        let Some(span) = error.span() else { return Error::config(format!("{name}: {message}")) };
        let before = text.get(..span.start).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
        Error::config(format!("{name}:{line}:{column}: {message}"))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::plan::{Policy, Workers};

    fn wrong(text: &str) -> String {
        Settings::from_toml(text, "a.toml").unwrap_err().to_string()
    }

    #[test]
    fn human_values_are_read() {
        let text = "listen = \"127.0.0.1:80\"\nworkers = 3\npolicy = \"rr\"\ngrace = \"1m\"\n";
        let settings = Settings::from_toml(text, "a.toml").unwrap();
        assert_eq!(settings.listen, Some(vec!["127.0.0.1:80".to_owned()]));
        assert_eq!(settings.workers, Some(Workers::Exact(3)));
        assert_eq!(settings.policy, Some(Policy::RoundRobin));
        assert_eq!(settings.grace, Some(Duration::from_secs(60)));
    }

    #[test]
    fn an_error_names_its_place_and_the_mend() {
        assert_eq!(
            wrong("workers = 1\nwokers = 2\n"),
            "a.toml:2:1: unknown key `wokers`: did you mean `workers`?"
        );
        assert!(wrong("grace = 30").starts_with("a.toml:1:9: grace: an integer is no time"));
        assert!(
            wrong("\n  workers = \"many\"")
                .starts_with("a.toml:2:13: workers: say how many workers")
        );
        assert!(wrong("policy = \"fair\"").contains("choose one of none, rr,"));
        assert!(wrong("zzz = 1").contains("choose one of name, listen,"));
        assert!(wrong("workers = ").starts_with("a.toml:1:"));
    }

    #[test]
    fn what_was_said_nearer_wins_key_by_key() {
        let near = Settings::from_toml("workers = 1", "a").unwrap();
        let far = Settings::from_toml("workers = 2\ngrace = \"5s\"", "a").unwrap();
        let both = near.over(far);
        assert_eq!(
            (both.workers, both.grace),
            (Some(Workers::Exact(1)), Some(Duration::from_secs(5)))
        );
    }
}
