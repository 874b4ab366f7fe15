//! What can be said over the control socket.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::status::Status;
use crate::error::Error;

/// One command. Each is answered when its outcome is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "lowercase", deny_unknown_fields)]
#[non_exhaustive]
pub enum Command {
    /// How everything is. Answered at once.
    Status {},
    /// Replace all workers, one after the other; answered when the old ones are gone, or when a new
    /// one failed.
    Reload {},
    /// Run the program that is on disk now, after a trial of it; answered when the old workers are
    /// gone, or when the trial or a new worker failed.
    Upgrade {},
    /// Have so many workers; answered when they serve, and those that are too many are gone.
    Scale {
        /// How many.
        workers: Scale,
    },
    /// Open the access log anew; answered when all workers write to the file that is at its path now.
    Reopen {},
    /// Drain and stop; answered when all workers are gone.
    Stop {
        /// Without draining.
        #[serde(default)]
        now: bool,
    },
}

/// A number of workers, or a change of it: `4`, `+1`, `-2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Scale {
    /// So many.
    To(u16),
    /// So many more, or fewer.
    By(i16),
}

/// The answer to a command.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reply {
    /// It was done.
    pub ok: bool,
    /// What was done, or why not.
    pub text: String,
    /// The caller may not command this master at all.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// For [`Command::Status`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

impl Command {
    /// The word by which it is called.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Status {} => "status",
            Self::Reload {} => "reload",
            Self::Upgrade {} => "upgrade",
            Self::Scale { .. } => "scale",
            Self::Reopen {} => "reopen",
            Self::Stop { .. } => "stop",
        }
    }
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self {
            Self::Scale { workers } => write!(f, " {workers}"),
            Self::Stop { now: true } => f.write_str(" now"),
            _ => Ok(()),
        }
    }
}

impl Scale {
    /// The number that it means when there are `present`; at least 0, at most `u16::MAX`.
    pub(crate) fn of(self, present: u16) -> u16 {
        match self {
            Self::To(workers) => workers,
            Self::By(change) => present.saturating_add_signed(change),
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::To(workers) => workers.fmt(f),
            Self::By(change) => write!(f, "{change:+}"),
        }
    }
}

impl FromStr for Scale {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = || Error::config(format!("{text:?} is no number of workers: say 4, +1 or -1"));
        if text.starts_with(['+', '-']) {
            return text.parse().map(Self::By).map_err(|_| wrong());
        }
        text.parse().map(Self::To).map_err(|_| wrong())
    }
}

impl TryFrom<String> for Scale {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl From<Scale> for String {
    fn from(scale: Scale) -> Self {
        scale.to_string()
    }
}

impl Reply {
    pub(crate) fn done(text: impl Into<String>) -> Self {
        Self { ok: true, text: text.into(), refused: false, status: None }
    }

    pub(crate) fn failed(text: impl Into<String>) -> Self {
        Self { ok: false, text: text.into(), refused: false, status: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_read_as_it_was_written() {
        for command in [
            Command::Status {},
            Command::Reload {},
            Command::Upgrade {},
            Command::Reopen {},
            Command::Scale { workers: Scale::To(4) },
            Command::Scale { workers: Scale::By(-1) },
            Command::Stop { now: true },
        ] {
            let line = serde_json::to_string(&command).unwrap();
            assert_eq!(serde_json::from_str::<Command>(&line).unwrap(), command, "{line}");
        }
        assert_eq!(
            serde_json::from_str::<Command>(r#"{"command":"stop"}"#).unwrap(),
            Command::Stop { now: false }
        );
    }

    #[test]
    fn what_is_no_command_says_why() {
        let refused = |line: &str| serde_json::from_str::<Command>(line).unwrap_err().to_string();
        assert!(refused(r#"{"command":"dance"}"#).contains("unknown variant `dance`"));
        assert!(refused(r#"{"command":"reload","hard":true}"#).contains("unknown field `hard`"));
        assert!(refused(r#"{"command":"scale","workers":"many"}"#).contains("say 4, +1 or -1"));
    }

    #[test]
    fn a_change_is_a_number_from_where_one_stands() {
        let of = |text: &str, present| text.parse::<Scale>().unwrap().of(present);
        assert_eq!((of("4", 2), of("+1", 2), of("-1", 2), of("-5", 2)), (4, 3, 1, 0));
        for text in ["", "+", "four", "-70000", "70000", "1.5"] {
            assert!(text.parse::<Scale>().is_err(), "{text}");
        }
    }
}
