//! How a command ends.

use std::fmt;
use std::io;

use evenkeel::Error;

/// The master said that it was not done; or it was tried and did not work.
pub(crate) const NOT_DONE: u8 = 1;
/// A command line that cannot be read.
pub(crate) const USAGE: u8 = 2;
/// As of sysexits(3): settings that cannot work.
const SETTINGS: u8 = 64;
/// As of sysexits(3): it is not there.
pub(crate) const UNREACHABLE: u8 = 69;
/// As of sysexits(3): it is not for this user.
pub(crate) const REFUSED: u8 = 77;
/// As of sysexits(3): a system call failed.
const SYSTEM: u8 = 71;

/// Why a command was not done.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    pub(crate) text: String,
    /// The application that it is of, where others are named as well.
    pub(crate) of: Option<String>,
}

impl Failure {
    pub(crate) fn new(code: u8, text: impl Into<String>) -> Self {
        Self { code, text: text.into(), of: None }
    }

    pub(crate) fn of(self, name: impl Into<String>) -> Self {
        Self { of: Some(name.into()), ..self }
    }

    pub(crate) fn settings(text: impl Into<String>) -> Self {
        Self::new(SETTINGS, text)
    }

    pub(crate) fn not_done(text: impl Into<String>) -> Self {
        Self::new(NOT_DONE, text)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::new(error.exit_code(), error.to_string())
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        Self::new(SYSTEM, error.to_string())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}
