//! What is written, and where to. A reader that goes away is no failure.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

use serde::Serialize;
use serde_json::json;

use crate::outcome::Failure;

/// A line of output.
pub(crate) fn line(text: impl Display) {
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Made of plain data, which can always be written.
pub(crate) fn json(value: &impl Serialize) {
    line(serde_json::to_string(value).unwrap_or_default());
}

/// For programs, which read standard output.
pub(crate) fn failure(failure: &Failure) {
    json(&json!({ "ok": false, "text": failure.text, "code": failure.code }));
}

/// A line of complaint.
pub(crate) fn error(text: impl Display) {
    let text = text.to_string();
    let lines: Vec<String> = text.split('\n').map(visible).collect();
    let _ = writeln!(std::io::stderr(), "error: {}", lines.join("\n"));
}

/// Control characters do not reach the terminal: whoever wrote the text could do with it what he likes.
pub(crate) fn visible(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(shown).collect()
}

/// Somebody looks who sees colours, and has not forbidden them (<https://no-color.org>).
pub(crate) fn colours() -> bool {
    let forbidden = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    std::io::stdout().is_terminal() && !forbidden
}
