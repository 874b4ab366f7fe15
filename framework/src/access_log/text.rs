//! Text of others, made harmless: whatever a client sends, it can neither end a line nor begin a field.

/// What is too long ends with this.
const CUT: &[u8] = b"...";

const DIGITS: &[u8; 16] = b"0123456789ABCDEF";

/// Octets that stand for themselves in each format: printable ASCII, but no quote and no backslash.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut octet = 0x20;
    while octet < 0x7f {
        plain[octet] = octet != b'"' as usize && octet != b'\\' as usize;
        octet += 1;
    }
    plain
};

/// Appends a text, with `\xHH` for all that is not plain, as nginx does; at most `max` bytes.
pub(super) fn hexed(out: &mut Vec<u8>, text: &[u8], max: usize) {
    if plain(out, text, max) {
        return;
    }
    let mut room = max - CUT.len();
    for octet in text {
        let [high, low] = hex(*octet);
        let escaped = [b'\\', b'x', high, low];
        let piece = if is_plain(*octet) { std::slice::from_ref(octet) } else { &escaped };
        if !fits(out, piece, &mut room) {
            return;
        }
    }
}

/// Appends a text as the inside of a string of JSON (RFC 8259 section 7); at most `max` bytes. Control
/// characters and the line ends of Unicode are escaped; what is no UTF-8 becomes U+FFFD.
pub(super) fn json(out: &mut Vec<u8>, text: &[u8], max: usize) {
    if plain(out, text, max) {
        return;
    }
    let mut room = max - CUT.len();
    for chunk in text.utf8_chunks() {
        let replacement = (!chunk.invalid().is_empty()).then_some(char::REPLACEMENT_CHARACTER);
        for char in chunk.valid().chars().chain(replacement) {
            let mut buffer = [0; 4];
            let (escaped, pair);
            let piece = match char {
                '"' | '\\' => {
                    pair = [b'\\', if char == '"' { b'"' } else { b'\\' }];
                    &pair[..]
                }
                _ if char.is_control() || matches!(char, '\u{2028}' | '\u{2029}') => {
                    let [first, second] = u16::try_from(u32::from(char)).unwrap_or(0).to_be_bytes();
                    let ([a, b], [c, d]) = (hex(first), hex(second));
                    escaped = [b'\\', b'u', a, b, c, d];
                    &escaped[..]
                }
                _ => char.encode_utf8(&mut buffer).as_bytes(),
            };
            if !fits(out, piece, &mut room) {
                return;
            }
        }
    }
}

/// Appends a text that needs no care, as nearly all do; whether it was one.
fn plain(out: &mut Vec<u8>, text: &[u8], max: usize) -> bool {
    let plain = text.len() <= max && text.iter().all(|octet| is_plain(*octet));
    if plain {
        out.extend_from_slice(text);
    }
    plain
}

fn is_plain(octet: u8) -> bool {
    PLAIN[usize::from(octet)]
}

fn hex(octet: u8) -> [u8; 2] {
    [DIGITS[usize::from(octet >> 4)], DIGITS[usize::from(octet & 15)]]
}

/// Appends a piece, or the mark of what was cut off; whether the piece fitted.
fn fits(out: &mut Vec<u8>, piece: &[u8], room: &mut usize) -> bool {
    let left = room.checked_sub(piece.len());
    out.extend_from_slice(if left.is_some() { piece } else { CUT });
    *room = left.unwrap_or(0);
    left.is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(by: fn(&mut Vec<u8>, &[u8], usize), text: &[u8], max: usize) -> String {
        let mut out = Vec::new();
        by(&mut out, text, max);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn quotes_backslashes_and_all_that_is_not_printable_become_hex() {
        assert_eq!(written(hexed, b"/plain?a=b c", 99), "/plain?a=b c");
        assert_eq!(
            written(hexed, b"\"\\\r\n\0\x1b\x7f\xff", 99),
            r"\x22\x5C\x0D\x0A\x00\x1B\x7F\xFF"
        );
        assert_eq!(written(hexed, "é".as_bytes(), 99), r"\xC3\xA9");
    }

    #[test]
    fn a_string_of_json_is_read_as_what_was_sent() {
        for text in ["/plain", "\"\\\r\n\t\0\u{1b}\u{7f}\u{85}\u{2028}é😀", "\\u0022", ""] {
            let written = format!("\"{}\"", written(json, text.as_bytes(), 999));
            let control = |char: char| char.is_control() || char == '\u{2028}';
            assert!(!written.contains(control), "{written}");
            assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
        }
        assert_eq!(written(json, b"a\xff\xc3\"", 99), "a\u{fffd}\u{fffd}\\\"");
    }

    #[test]
    fn what_is_too_long_is_cut_between_characters() {
        assert_eq!(written(hexed, b"0123456789", 10), "0123456789");
        assert_eq!(written(hexed, b"0123456789a", 10), "0123456...");
        assert_eq!(written(hexed, b"01234\n6789", 10), "01234...");
        assert_eq!(written(json, "01234\u{1f600}6789".as_bytes(), 11), "01234...");
        for max in 3..40 {
            let text = "\"\u{1f600}\n\\x".repeat(9);
            assert!(written(hexed, text.as_bytes(), max).len() <= max);
            assert!(written(json, text.as_bytes(), max).len() <= max);
        }
    }
}
