//! Messages that do not go out, and wishes that are not granted.

use std::fmt;
use std::io;

use super::{Error, Inner, Kind};
use crate::limits::MESSAGE_BYTES_MAX;

impl Error {
    /// Too long for one message.
    pub(crate) fn message_too_long(bytes: usize) -> Self {
        Self::config(format!(
            "a message of {bytes} octets is too long: send at most {MESSAGE_BYTES_MAX}, or the name of \
             a file"
        ))
    }

    /// The receiver has not read what was sent before.
    pub(crate) fn message_refused(to: impl fmt::Display, source: io::Error) -> Self {
        let (kind, text) = match source.kind() {
            io::ErrorKind::WouldBlock => (
                Kind::Full,
                format!("{to} has not read what was sent before, and no more fits: send it later"),
            ),
            _ => (Kind::Unreachable, format!("cannot send to {to}: {source}")),
        };
        Self(Box::new(Inner { kind, text, source: Some(source.into()) }))
    }

    /// Nobody is there to hear it.
    pub(crate) fn unheard(text: String) -> Self {
        Self::new(Kind::Unreachable, text)
    }

    /// The master does not do it now.
    pub(crate) fn refused(text: impl Into<String>) -> Self {
        Self::new(Kind::Refused, text.into())
    }

    /// The receiver of a message has not read what was sent before: it can be sent later.
    pub fn is_full(&self) -> bool {
        self.0.kind == Kind::Full
    }

    /// The master does not do now what it was asked for.
    pub fn is_refused(&self) -> bool {
        self.0.kind == Kind::Refused
    }
}
