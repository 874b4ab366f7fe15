//! Settings in the environment: `EVENKEEL_WORKERS=4`.

use serde_json::Value as Json;

use super::keyed::nearest;
use super::settings::Settings;
use crate::error::Error;

/// What the names of variables begin with.
const PREFIX: &str = "EVENKEEL_";

impl Settings {
    /// What the variables of this process say: each key in capitals after `EVENKEEL_`, such as
    /// `EVENKEEL_MAX_MEMORY=512MiB`. The items of a list are divided by commas. A variable without a value
    /// says nothing.
    ///
    /// # Errors
    /// A value cannot be read, or a variable has a name that looks like a key, and is none.
    pub fn from_env() -> Result<Self, Error> {
        Self::from_variables(std::env::vars_os().map(|(name, value)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        }))
    }

    /// The same, for other variables than those of this process.
    ///
    /// # Errors
    /// Those of [`Settings::from_env`].
    pub fn from_variables(
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Error> {
        let mut settings = Self::default();
        for (variable, value) in variables {
            let Some(name) = variable.strip_prefix(PREFIX) else { continue };
            let name = name.to_ascii_lowercase();
            let known = Self::KEYS.iter().map(|key| key.name);
            if known.clone().any(|known| known == name) {
                if !value.is_empty() {
                    let set = settings.set(&name, &value);
                    set.map_err(|error| Error::config(format!("{variable}={value}: {error}")))?;
                }
            } else if let Some(nearest) = nearest(&name, known).filter(|_| !is_ours(&name)) {
                return Err(Error::config(format!(
                    "{variable} is no setting: did you mean {}?",
                    Self::variable(nearest)
                )));
            }
        }
        Ok(settings)
    }

    /// These settings as variables, for another process.
    ///
    /// # Errors
    /// An item of a list has a comma, which divides them there.
    pub fn to_variables(&self) -> Result<Vec<(String, String)>, Error> {
        for (name, value) in self.values() {
            let mut items = value.as_array().into_iter().flatten().filter_map(Json::as_str);
            if let Some(item) = items.find(|item| item.contains(',')) {
                return Err(Error::config(format!(
                    "{name}: {item:?} cannot have a comma here: choose another path"
                )));
            }
        }
        Ok(self.texts().into_iter().map(|(name, text)| (Self::variable(name), text)).collect())
    }

    /// The variable of a key.
    pub fn variable(key: &str) -> String {
        format!("{PREFIX}{}", key.to_ascii_uppercase())
    }
}

/// Variables with that prefix that are no settings.
fn is_ours(name: &str) -> bool {
    ["runtime_dir", "state_dir", "config", "slot", "generation", "handover", "log", "started"]
        .contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Settings, Error> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Settings::from_variables(variables.iter().map(owned))
    }

    #[test]
    fn settings_are_read_back_from_the_variables_that_they_make() {
        let variables = [
            ("EVENKEEL_LISTEN", "127.0.0.1:80,unix:/a"),
            ("EVENKEEL_WORKERS", "3"),
            ("EVENKEEL_HANG_TIMEOUT", "never"),
            ("EVENKEEL_MAX_MEMORY", "64MiB"),
            ("EVENKEEL_UDP", "127.0.0.1:53,[::1]:53"),
            ("EVENKEEL_KEEP_CAPABILITIES", "true"),
            ("EVENKEEL_OUTPUT_PER_WORKER", "false"),
            ("EVENKEEL_LIMIT_CORE", "0"),
            ("EVENKEEL_GRACE", ""),
            ("PATH", "/bin"),
        ];
        let settings = read(&variables).unwrap();
        assert_eq!(settings.listen, Some(vec!["127.0.0.1:80".to_owned(), "unix:/a".to_owned()]));
        assert_eq!(settings.grace, None);
        let again = Settings::from_variables(settings.to_variables().unwrap()).unwrap();
        assert_eq!(again, settings);
        for list in ["listen", "udp", "proxy_protocol"] {
            let file = serde_json::json!({ list: ["a,b"] });
            let settings: Settings = serde_json::from_value(file).unwrap();
            assert!(settings.to_variables().is_err_and(|why| why.to_string().contains("a comma")));
        }
    }

    #[test]
    fn a_variable_that_is_nearly_a_setting_is_refused_and_others_are_not_ours() {
        let error = read(&[("EVENKEEL_WOKERS", "4")]).unwrap_err();
        assert_eq!(
            error.to_string(),
            "EVENKEEL_WOKERS is no setting: did you mean EVENKEEL_WORKERS?"
        );
        let error = read(&[("EVENKEEL_GRACE", "30")]).unwrap_err();
        assert!(error.to_string().contains("EVENKEEL_GRACE=30: grace:"), "{error}");
        assert!(read(&[("EVENKEEL_RUNTIME_DIR", "/x"), ("EVENKEEL_QUIZ", "1")]).is_ok());
    }
}
