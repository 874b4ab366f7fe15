//! How values of flags are read: as those of a file.

use std::net::IpAddr;

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use evenkeel::config::Settings;

/// What `--bind` names.
#[derive(Clone, Debug)]
pub(crate) enum Bind {
    Ip(IpAddr),
    Unix(String),
}

pub(crate) fn bind(text: &str) -> Result<Bind, String> {
    if text.starts_with("unix:") {
        return Ok(Bind::Unix(text.to_owned()));
    }
    text.parse().map(Bind::Ip).map_err(|error: std::net::AddrParseError| error.to_string())
}

/// Takes what the key of this name takes in a file, and a bare number as one of this unit.
pub(crate) fn setting(
    key: &'static str,
    unit: &'static str,
) -> impl Fn(&str) -> Result<String, String> + Clone {
    move |text| {
        let bare = text.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
        let text = if bare { format!("{text}{unit}") } else { text.to_owned() };
        let read = Settings::default().set(key, &text);
        // clap says which flag it is.
        let why = |error: String| error.trim_start_matches(&format!("{key}: ")).to_owned();
        read.map(|()| text).map_err(|error| why(error.to_string()))
    }
}

/// Takes the names of all values, so that help and errors list them.
pub(crate) fn names<T: ToString>(all: &'static [T]) -> impl TypedValueParser<Value = String> {
    PossibleValuesParser::new(all.iter().map(|value| PossibleValue::new(value.to_string())))
}
