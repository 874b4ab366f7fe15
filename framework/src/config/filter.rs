//! The key `seccomp`, where the crate was built without that feature: it is known, and refused.

use serde_json::{Value as Json, json};

use super::raw::Raw;
use super::value::Value;

/// No filter of system calls is to be had: this program was built without the feature `seccomp` of evenkeel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoSeccomp {}

impl Value for NoSeccomp {
    fn read(_: &Raw) -> Result<Self, String> {
        Err("this program was built without the feature `seccomp` of evenkeel: build it with that, or leave \
             this out"
            .to_owned())
    }

    fn text(&self) -> String {
        match *self {}
    }

    fn schema() -> Json {
        json!({ "not": {} })
    }
}

#[cfg(test)]
mod tests {
    use crate::config::Settings;

    #[test]
    fn the_key_is_known_and_its_error_names_the_feature() {
        let error = Settings::from_toml("seccomp = \"deny\"", "a.toml").unwrap_err().to_string();
        assert!(error.starts_with("a.toml:1:11: seccomp: ") && error.contains("feature `seccomp`"));
    }
}
