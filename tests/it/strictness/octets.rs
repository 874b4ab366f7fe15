//! Each of the 256 octets in each place, against the grammars letter by letter.

use evenkeel::internals::converse;

use super::status;

/// These octets and no others are let pass between `before` and `after`.
fn hold(place: &str, before: &str, after: &str, mut expected: Vec<u8>) {
    let request = |octet: u8| [before.as_bytes(), &[octet], after.as_bytes()].concat();
    let passes = |octet: &u8| status(&converse(&[&request(*octet)])) == 200;
    let allowed: Vec<u8> = (0..=255).filter(passes).collect();
    expected.sort_unstable();
    assert_eq!(allowed, expected, "in the {place}");
}

/// Letters, digits and these, in order.
fn letters_and(others: &[u8]) -> Vec<u8> {
    (0..=255).filter(|octet: &u8| octet.is_ascii_alphanumeric() || others.contains(octet)).collect()
}

/// No control but a tab.
fn text() -> Vec<u8> {
    [vec![b'\t'], (0x20..=0x7e).collect(), (0x80..=0xff).collect()].concat()
}

fn token_and(others: &[u8]) -> Vec<u8> {
    letters_and(&[b"!#$%&'*+-.^_`|~", others].concat())
}

#[test]
fn each_octet_is_taken_where_its_grammar_has_it_and_nowhere_else() {
    const HOST: &str = "HTTP/1.1\r\nHost: a\r\n";
    let first = format!("GET / {HOST}");
    let path = letters_and(b"!$&'()*+,-./:;=?@[\\]^_{|}~");
    let query = letters_and(b"!$%&'()*+,-./:;=?@[\\]^_`{|}~");
    let kept = "\r\nHost: a\r\nConnection: keep-alive\r\n\r\n";
    hold("method", "G", &format!("T / {HOST}\r\n"), token_and(b""));
    hold("path", "GET /a", &format!("b {HOST}\r\n"), path);
    hold("query", "GET /?a", &format!("b {HOST}\r\n"), query);
    hold("version", "GET / HTTP/1.", kept, b"01".to_vec());
    hold("name", &format!("{first}X"), "Y: z\r\n\r\n", token_and(b":"));
    hold("value", &format!("{first}X: a"), "b\r\n\r\n", text());
    let host = letters_and(b"!$&'()*+,-.;=_~");
    hold("host", "GET / HTTP/1.1\r\nHost: a", "b\r\n\r\n", host);
    hold("port", "GET / HTTP/1.1\r\nHost: a:1", "1\r\n\r\n", b"0123456789".to_vec());
    // Other digits announce a body that does not come.
    hold("length", &format!("{first}Content-Length: 0"), "0\r\n\r\n", b"0".to_vec());
}

#[test]
fn each_octet_of_a_chunk_line_and_a_trailer_has_its_place() {
    let head = "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    let after = |begin: &str| format!("{head}{begin}");
    let quoted = text().into_iter().filter(|octet| *octet != b'"').collect();
    hold("size", head, "\r\n\r\n", b"0".to_vec());
    hold("extension", &after("0;x"), "y\r\n\r\n", token_and(b";="));
    hold("quoted string", &after("0;x=\"a"), "b\"\r\n\r\n", quoted);
    hold("quoted pair", &after("0;x=\"a\\"), "b\"\r\n\r\n", text());
    hold("trailer name", &after("0\r\nX"), "Y: z\r\n\r\n", token_and(b":"));
    hold("trailer value", &after("0\r\nX: a"), "b\r\n\r\n", text());
}
