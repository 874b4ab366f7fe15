use super::{ACCEPTED, hold};

fn host(value: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: {value}\r\n\r\n")
}

#[test]
fn http_1_1_wants_host_once() {
    const RULE: &str = "RFC 9112 section 3.2";
    let kept = "Connection: keep-alive";
    hold([
        (RULE, "GET / HTTP/1.1\r\n\r\n".into(), 400),
        (RULE, "GET http://a/ HTTP/1.1\r\n\r\n".into(), 400),
        (RULE, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n".into(), 400),
        (RULE, "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n".into(), 400),
        (RULE, "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n".into(), 400),
        (RULE, format!("GET / HTTP/1.0\r\n{kept}\r\n\r\n"), ACCEPTED),
        (RULE, format!("GET / HTTP/1.0\r\nHost: a\r\n{kept}\r\n\r\n"), ACCEPTED),
        (RULE, format!("GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n{kept}\r\n\r\n"), 400),
        (RULE, format!("GET / HTTP/1.0\r\nHost: a b\r\n{kept}\r\n\r\n"), 400),
    ]);
}

#[test]
fn host_is_a_host_and_perhaps_a_port() {
    const RULE: &str = "RFC 9110 section 7.2, RFC 3986 section 3.2";
    hold([
        (RULE, host(""), ACCEPTED),
        (RULE, host("a.example"), ACCEPTED),
        (RULE, host("a.example."), ACCEPTED),
        (RULE, host("a_b-c"), ACCEPTED),
        (RULE, host("a:8080"), ACCEPTED),
        (RULE, host("a:"), ACCEPTED),
        (RULE, host("127.0.0.1:1"), ACCEPTED),
        (RULE, host("a:65536"), 400),
        (RULE, host("a:99999999999999999999"), 400),
        (RULE, host("a:8o"), 400),
        (RULE, host("a: 80"), 400),
        (RULE, host("a:+80"), 400),
        (RULE, host(":80"), 400),
        (RULE, host("a:80:80"), 400),
        (RULE, host("a%zz"), 400),
        ("stricter than RFC 3986 section 3.2.2", host("%61"), 400),
        (RULE, host("u@a"), 400),
        (RULE, host("u:p@a"), 400),
        (RULE, host("http://a"), 400),
        (RULE, host("a/b"), 400),
        (RULE, host("a?b"), 400),
        (RULE, host("a#b"), 400),
        (RULE, host("a b"), 400),
        (RULE, host("a\tb"), 400),
        (RULE, host("a\\b"), 400),
        (RULE, host("<a>"), 400),
        (RULE, host("\u{e9}"), 400),
    ]);
}

#[test]
fn an_address_literal_is_an_ipv6_address_without_a_zone() {
    const RULE: &str = "RFC 3986 section 3.2.2, RFC 6874 section 4";
    hold([
        (RULE, host("[::1]"), ACCEPTED),
        (RULE, host("[2001:db8::1]:443"), ACCEPTED),
        (RULE, host("[::ffff:192.0.2.1]"), ACCEPTED),
        (RULE, host("::1"), 400),
        (RULE, host("[::1"), 400),
        (RULE, host("::1]"), 400),
        (RULE, host("[]"), 400),
        (RULE, host("[:]"), 400),
        (RULE, host("[1:2:3]"), 400),
        (RULE, host("[1::2::3]"), 400),
        (RULE, host("[::12345]"), 400),
        (RULE, host("[192.0.2.1]"), 400),
        (RULE, host("[::1]:"), ACCEPTED),
        (RULE, host("[::1]x"), 400),
        (RULE, host("x[::1]"), 400),
        (RULE, host("[fe80::1%25eth0]"), 400),
        (RULE, host("[fe80::1%eth0]"), 400),
        (RULE, host("[v1.fe80::a]"), 400),
    ]);
}
