//! The grammars of RFC 9110 and RFC 3986.

pub(super) fn is_token(text: &[u8]) -> bool {
    const DELIMITERS: &[u8] = b"\"(),/:;<=>?@[\\]{}";
    let in_token = |octet: &u8| (0x21..=0x7e).contains(octet) && !DELIMITERS.contains(octet);
    !text.is_empty() && text.iter().all(in_token)
}

/// A field value whose blanks are taken off.
pub(super) fn is_value(text: &[u8]) -> bool {
    text.iter().all(|octet| matches!(octet, b'\t' | 0x20..=0x7e | 0x80..=0xff))
}

pub(super) fn trimmed(text: &[u8]) -> &[u8] {
    let solid = |octet: &u8| !matches!(octet, b' ' | b'\t');
    match (text.iter().position(solid), text.iter().rposition(solid)) {
        (Some(begin), Some(end)) => &text[begin..=end],
        _ => b"",
    }
}

/// The elements of a list, in small letters. Empty ones are elements too.
pub(super) fn elements(value: &[u8]) -> Vec<Vec<u8>> {
    value
        .split(|octet| *octet == b',')
        .map(|element| trimmed(element).to_ascii_lowercase())
        .collect()
}

pub(super) fn is_target(method: &[u8], target: &[u8]) -> bool {
    if target == b"*" {
        return method == b"OPTIONS";
    }
    if target.starts_with(b"/") {
        return is_path_and_query(target);
    }
    let text = String::from_utf8_lossy(target);
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    if !["http", "https"].contains(&scheme.to_ascii_lowercase().as_str()) {
        return false;
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, path_and_query) = rest.split_at(end);
    !authority.is_empty()
        && is_host_field(authority.as_bytes())
        && is_path_and_query(path_and_query.as_bytes())
}

/// Of RFC 3986, and what browsers send besides.
fn is_path_and_query(text: &[u8]) -> bool {
    let mut parts = text.splitn(2, |octet| *octet == b'?');
    let path = parts.next().unwrap_or_default();
    let query = parts.next().unwrap_or_default();
    let uri = |octet: &u8| octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%".contains(octet);
    path.iter().all(|octet| uri(octet) || b"[]{}|\\^".contains(octet))
        && query.iter().all(|octet| uri(octet) || b"[]{}|\\^`".contains(octet))
        && has_whole_escapes(path)
}

fn has_whole_escapes(text: &[u8]) -> bool {
    let is_digit = |at: usize| text.get(at).is_some_and(u8::is_ascii_hexdigit);
    (0..text.len()).all(|at| text[at] != b'%' || (is_digit(at + 1) && is_digit(at + 2)))
}

/// `Host = uri-host [ ":" port ]`, or nothing.
pub(super) fn is_host_field(text: &[u8]) -> bool {
    if text.is_empty() {
        return true;
    }
    let Ok(text) = std::str::from_utf8(text) else { return false };
    let port_begins = match text.find(']') {
        Some(bracket) => bracket + 1,
        None => text.find(':').unwrap_or(text.len()),
    };
    let (host, port) = text.split_at(port_begins);
    let port_is_valid = match port.strip_prefix(':') {
        None => port.is_empty(),
        Some("") => true,
        Some(digits) => {
            let plain = digits.chars().all(|digit| digit.is_ascii_digit()) && digits.len() < 6;
            plain && digits.parse::<u16>().is_ok()
        }
    };
    port_is_valid && (is_ipv6_literal(host) || is_registered_name(host.as_bytes()))
}

/// Without percent-encoding, which the RFC would let pass.
fn is_registered_name(text: &[u8]) -> bool {
    let in_name = |octet: &u8| octet.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(octet);
    !text.is_empty() && text.iter().all(in_name)
}

/// RFC 3986 section 3.2.2, by counting: eight groups, or fewer and one `::`.
fn is_ipv6_literal(text: &str) -> bool {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    let Some(inner) = inner else { return false };
    match inner.split_once("::") {
        None => groups(inner, true) == Some(8),
        Some((before, after)) => {
            let count = |text: &str, last: bool| match text {
                "" => Some(0),
                text => groups(text, last),
            };
            // An IPv4 address stands at the end only.
            matches!((count(before, false), count(after, true)), (Some(a), Some(b)) if a + b <= 7)
        }
    }
}

/// How many groups of 16 bits these are.
fn groups(text: &str, last: bool) -> Option<usize> {
    let words: Vec<&str> = text.split(':').collect();
    let mut sum = 0;
    for (at, word) in words.iter().enumerate() {
        let is_group = (1..=4).contains(&word.len()) && word.chars().all(|c| c.is_ascii_hexdigit());
        let is_ipv4 = last && at + 1 == words.len() && is_ipv4(word);
        sum += match (is_group, is_ipv4) {
            (true, _) => 1,
            (_, true) => 2,
            _ => return None,
        };
    }
    Some(sum)
}

fn is_ipv4(text: &str) -> bool {
    let numbers: Vec<&str> = text.split('.').collect();
    let is_octet = |number: &&str| {
        let plain = number.chars().all(|c| c.is_ascii_digit());
        plain && (*number == "0" || !number.starts_with('0')) && number.parse::<u8>().is_ok()
    };
    numbers.len() == 4 && numbers.iter().all(is_octet)
}
