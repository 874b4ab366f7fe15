//! What is written, and where to. A reader that goes away is no failure.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use serde::Serialize;

use crate::visible;

/// A line of output.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Made of plain data, which can always be written.
pub(crate) fn json(value: &impl Serialize) {
    line(visible::json(value));
}

/// What is so, beside the answers.
pub(crate) fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// A line of complaint.
pub(crate) fn error(text: impl Display) {
    let text = text.to_string();
    let lines: Vec<String> = text.split('\n').map(visible::text).collect();
    let _ = writeln!(std::io::stderr(), "error: {}", lines.join("\n"));
}

/// Somebody looks who sees colours, and has not forbidden them (<https://no-color.org>).
pub(crate) fn colours() -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !forbidden
}
