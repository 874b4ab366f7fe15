use evenkeel::internals::converse;

use super::{ACCEPTED, hold, with};

#[test]
fn a_field_is_a_token_a_colon_and_a_value() {
    const RULE: &str = "RFC 9112 section 5, RFC 9110 section 5.1";
    hold([
        (RULE, with("X: y\r\n"), ACCEPTED),
        (RULE, with("X:y\r\n"), ACCEPTED),
        (RULE, with("X:\r\n"), ACCEPTED),
        (RULE, with("X: \t \r\n"), ACCEPTED),
        (RULE, with("X: a:b:c\r\n"), ACCEPTED),
        (RULE, with("!#$%&'*+-.^_`|~09: y\r\n"), ACCEPTED),
        (RULE, with("X\r\n"), 400),
        (RULE, with(": y\r\n"), 400),
        (RULE, with("X y: z\r\n"), 400),
        (RULE, with("X(: y\r\n"), 400),
        (RULE, with("\"X\": y\r\n"), 400),
        (RULE, with("X,Y: z\r\n"), 400),
        (RULE, with("\u{e9}: y\r\n"), 400),
        (RULE, with("X\0: y\r\n"), 400),
    ]);
}

#[test]
fn no_space_may_stand_before_the_colon() {
    const RULE: &str = "RFC 9112 section 5.1";
    hold([
        (RULE, with("X : y\r\n"), 400),
        (RULE, with("X\t: y\r\n"), 400),
        (RULE, with("Content-Length : 0\r\n"), 400),
        (RULE, with("Transfer-Encoding : chunked\r\n") + "0\r\n\r\n", 400),
    ]);
}

#[test]
fn no_line_may_begin_with_a_space() {
    const RULE: &str = "RFC 9112 sections 2.2 and 5.2";
    hold([
        (RULE, with("X: y\r\n z\r\n"), 400),
        (RULE, with("X: y\r\n\tz\r\n"), 400),
        (RULE, with("X: y\r\n \r\n"), 400),
        (RULE, "GET / HTTP/1.1\r\n Host: a\r\n\r\n".into(), 400),
        (RULE, "GET / HTTP/1.1\r\n \r\nHost: a\r\n\r\n".into(), 400),
        (RULE, with("Transfer-Encoding:\r\n chunked\r\n") + "0\r\n\r\n", 400),
    ]);
}

#[test]
fn a_value_holds_no_control_but_tabs() {
    const RULE: &str = "RFC 9110 section 5.5";
    hold([
        (RULE, with("X: a\tb\r\n"), ACCEPTED),
        (RULE, with("X: \u{e9}\r\n"), ACCEPTED),
        (RULE, with("X: a\0b\r\n"), 400),
        (RULE, with("X: a\rb\r\n"), 400),
        (RULE, with("X: a\u{1}b\r\n"), 400),
        (RULE, with("X: a\u{b}b\r\n"), 400),
        (RULE, with("X: a\u{1b}b\r\n"), 400),
        (RULE, with("X: a\u{7f}b\r\n"), 400),
    ]);
}

#[test]
fn values_are_given_as_octets_without_the_blanks_around_them_in_order() {
    let request = b"GET / HTTP/1.1\r\nHost:a \r\nx: \t1\xff\xe9 2\t \r\nX:\r\nY: z\r\nx: 3\r\n\r\n";
    let said = converse(&[request]);
    let heard: Vec<(&str, &[u8])> =
        said.requests[0].headers.iter().map(|(name, value)| (name.as_str(), &value[..])).collect();
    let expected: [(&str, &[u8]); 5] =
        [("Host", b"a"), ("x", b"1\xff\xe9 2"), ("X", b""), ("Y", b"z"), ("x", b"3")];
    assert_eq!(heard, expected);
}
