//! What others wrote, for a terminal: control characters are shown as text, for whoever wrote them could do with
//! the terminal what he likes.

use serde::Serialize;

/// What colours and the like begin with (ECMA-48: a control sequence, which ends with `m`).
const SEQUENCE: &str = "\x1b[";
const RESET: &str = "\x1b[m";

/// With no control character.
pub(crate) fn text(text: &str) -> String {
    let shown = |c: char| match u8::try_from(c) {
        Ok(octet) if c.is_ascii_control() => octet.escape_ascii().to_string(),
        _ if c.is_control() => c.escape_unicode().to_string(),
        _ => c.into(),
    };
    text.chars().map(shown).collect()
}

/// A line of anything, in which tabs and colours stay, as with `less -R`. Colours end with it.
pub(crate) fn line(line: &[u8]) -> String {
    let mut shown = String::with_capacity(line.len());
    for part in line.utf8_chunks() {
        for (at, piece) in part.valid().split(SEQUENCE).enumerate() {
            let piece = match colour(piece) {
                _ if at == 0 => piece,
                Some((colour, rest)) => {
                    shown.extend([SEQUENCE, colour, "m"]);
                    rest
                }
                None => {
                    shown += &text(SEQUENCE);
                    piece
                }
            };
            let columns: Vec<String> = piece.split('\t').map(text).collect();
            shown += &columns.join("\t");
        }
        shown += &part.invalid().escape_ascii().to_string();
    }
    if shown.contains(SEQUENCE) {
        shown += RESET;
    }
    shown
}

/// Which one this begins with, and what comes after it.
fn colour(text: &str) -> Option<(&str, &str)> {
    text.split_once('m').filter(|(it, _)| it.bytes().all(|c| c.is_ascii_digit() || c == b';'))
}

/// Of plain data, which can always be written. JSON itself escapes those control characters only that are of ASCII
/// and below the blank.
pub(crate) fn json(value: &impl Serialize) -> String {
    let shown = |c: char| {
        if c.is_control() { format!("\\u{:04x}", u32::from(c)) } else { c.into() }
    };
    serde_json::to_string(value).unwrap_or_default().chars().map(shown).collect()
}
