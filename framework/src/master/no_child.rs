//! Why there is no child.

use std::fmt;
use std::io;

use crate::sys::fork::Refused;

/// Why there is no child.
#[derive(Debug)]
pub(super) struct NoChild(Refused);

impl From<io::Error> for NoChild {
    fn from(error: io::Error) -> Self {
        Self(Refused::System(error))
    }
}

impl From<Refused> for NoChild {
    fn from(refused: Refused) -> Self {
        Self(refused)
    }
}

impl fmt::Display for NoChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Refused::System(error) => write!(f, "{error}"),
            Refused::Threads(names) => write!(
                f,
                "{} threads are alive in the master ({}); nothing may start a thread there",
                names.len(),
                names.join(", ")
            ),
        }
    }
}
