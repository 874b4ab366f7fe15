//! What others wrote, for a terminal: control characters are shown as text, for whoever wrote them could do with
//! the terminal what he likes.

use serde::Serialize;

/// With no control character.
pub(crate) fn text(text: &str) -> String {
    let shown = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.into() };
    text.chars().map(shown).collect()
}

/// A line of anything, in which tabs stay.
pub(crate) fn line(line: &[u8]) -> String {
    let mut shown = String::with_capacity(line.len());
    for part in line.utf8_chunks() {
        let columns: Vec<String> = part.valid().split('\t').map(text).collect();
        shown += &columns.join("\t");
        shown += &part.invalid().escape_ascii().to_string();
    }
    shown
}

/// Of plain data, which can always be written. JSON itself escapes those control characters only that are of ASCII
/// and below the blank.
pub(crate) fn json(value: &impl Serialize) -> String {
    let shown = |c: char| {
        if c.is_control() { format!("\\u{:04x}", u32::from(c)) } else { c.into() }
    };
    serde_json::to_string(value).unwrap_or_default().chars().map(shown).collect()
}
