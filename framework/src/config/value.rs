//! What a key can hold, and how that is read, written and described.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use serde_json::{Value as Json, json};

use super::application::Protocol;
use super::raw::Raw;
use super::units::{Bytes, Patience, bytes, time, time_text};
use crate::limits::SLOTS_MAX;
#[cfg(feature = "seccomp")]
use crate::plan::Seccomp;
use crate::plan::{AcceptWake, Listener, LogFormat, Policy, Workers};

/// A type of values.
pub(super) trait Value: Sized {
    /// From a file or the environment, where everything is a text.
    fn read(raw: &Raw) -> Result<Self, String>;
    /// As a text that [`Value::read`] takes.
    fn text(&self) -> String;
    /// A path that is relative is so to this folder.
    fn anchor(&mut self, _: &Path) {}
    /// As JSON that [`Value::read`] takes.
    fn json(&self) -> Json {
        self.text().into()
    }
    /// Its JSON schema.
    fn schema() -> Json;
}

pub(super) fn text_of(raw: &Raw) -> Result<&str, String> {
    match raw {
        Raw::Text(text) => Ok(text),
        other => Err(format!("{} stands where a text is wanted: put it in quotes", other.kind())),
    }
}

/// In the environment an empty text says nothing, so that in a file it would say so there only.
fn something(raw: &Raw) -> Result<&str, String> {
    let text = text_of(raw)?;
    if text.is_empty() { Err("nothing is said: leave it out".to_owned()) } else { Ok(text) }
}

fn named<T>(raw: &Raw) -> Result<T, String>
where
    T: FromStr<Err = crate::error::Error>,
{
    text_of(raw)?.parse().map_err(|error: crate::error::Error| error.to_string())
}

fn names<T: ToString>(all: &[T]) -> Json {
    let names: Vec<String> = all.iter().map(ToString::to_string).collect();
    json!({ "enum": names })
}

fn whole<T>(raw: &Raw, most: &T) -> Result<T, String>
where
    T: Display + TryFrom<i64> + FromStr,
{
    let number = match raw {
        Raw::Integer(number) => T::try_from(*number).ok(),
        Raw::Text(text) => text.trim().parse().ok(),
        other => return Err(format!("{} stands where an integer is wanted", other.kind())),
    };
    number.ok_or_else(|| format!("this is no integer from 0 to {most}"))
}

macro_rules! integers {
    ($($type:ty),+) => { $(
        impl Value for $type {
            fn read(raw: &Raw) -> Result<Self, String> {
                whole(raw, &Self::MAX)
            }

            fn text(&self) -> String {
                self.to_string()
            }

            fn schema() -> Json {
                json!({ "type": "integer", "minimum": 0 })
            }
        }
    )+ };
}

integers!(u32, u64, usize);

macro_rules! names {
    ($($type:ident),+) => { $(
        impl Value for $type {
            fn read(raw: &Raw) -> Result<Self, String> {
                named(raw)
            }

            fn text(&self) -> String {
                self.to_string()
            }

            fn schema() -> Json {
                names($type::ALL)
            }
        }
    )+ };
}

names!(Policy, Listener, AcceptWake, LogFormat, Protocol);
#[cfg(feature = "seccomp")]
names!(Seccomp);

impl Value for bool {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Boolean(said) => Ok(*said),
            Raw::Text(text) => {
                text.trim().parse().map_err(|_| format!("{text:?} is neither true nor false"))
            }
            other => Err(format!("{} stands where true or false is wanted", other.kind())),
        }
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn json(&self) -> Json {
        json!(self)
    }

    fn schema() -> Json {
        json!({ "type": "boolean" })
    }
}

impl Value for Workers {
    fn read(raw: &Raw) -> Result<Self, String> {
        if matches!(raw, Raw::Text(text) if text == "max") {
            return Ok(Self::Max);
        }
        match whole(raw, &SLOTS_MAX) {
            Ok(0) => Ok(Self::Max),
            Ok(count) if count <= SLOTS_MAX => Ok(Self::Exact(count)),
            _ => Err(format!("say how many workers, 1 to {SLOTS_MAX}, or \"max\"")),
        }
    }

    fn text(&self) -> String {
        match self {
            Self::Max => "max".to_owned(),
            Self::Exact(count) => count.to_string(),
        }
    }

    fn schema() -> Json {
        json!({ "oneOf": [{ "const": "max" }, { "type": "integer", "minimum": 0, "maximum": SLOTS_MAX }] })
    }
}

impl Value for Duration {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) => time(text),
            other => Err(format!("{} is no time: say a unit, too, as in \"30s\"", other.kind())),
        }
    }

    fn text(&self) -> String {
        time_text(*self)
    }

    fn schema() -> Json {
        json!({ "type": "string", "pattern": "^([0-9]+(\\.[0-9]+)?(d|h|m|s|ms|us|ns))+$" })
    }
}

impl Value for Patience {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Text(text) if text == "never" => Ok(Self::Never),
            other => Duration::read(other)
                .map(|time| if time.is_zero() { Self::Never } else { Self::After(time) }),
        }
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn schema() -> Json {
        json!({ "oneOf": [{ "const": "never" }, Duration::schema()] })
    }
}

impl Value for Bytes {
    fn read(raw: &Raw) -> Result<Self, String> {
        match raw {
            Raw::Integer(number) => bytes(&number.to_string()),
            other => bytes(text_of(other)?),
        }
    }

    fn text(&self) -> String {
        self.to_string()
    }

    fn schema() -> Json {
        let text =
            json!({ "type": "string", "pattern": "^[0-9]+(\\.[0-9]+)?(GiB|GB|MiB|MB|KiB|kB|B)$" });
        json!({ "oneOf": [{ "type": "integer", "minimum": 0 }, text] })
    }
}

impl Value for String {
    fn read(raw: &Raw) -> Result<Self, String> {
        something(raw).map(str::to_owned)
    }

    fn text(&self) -> String {
        self.clone()
    }

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}

impl Value for PathBuf {
    fn read(raw: &Raw) -> Result<Self, String> {
        something(raw).map(Self::from)
    }

    fn text(&self) -> String {
        self.display().to_string()
    }

    fn anchor(&mut self, folder: &Path) {
        // This stands for standard output.
        if self.as_os_str() != "-" {
            *self = folder.join(&*self);
        }
    }

    fn schema() -> Json {
        json!({ "type": "string", "minLength": 1 })
    }
}
