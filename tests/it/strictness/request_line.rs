use super::{ACCEPTED, hold};

/// A request with this line.
fn line(line: &str) -> String {
    format!("{line}\r\nHost: a\r\n\r\n")
}

#[test]
fn a_request_line_has_three_words_with_one_space_between_them() {
    const RULE: &str = "RFC 9112 section 3";
    hold([
        (RULE, line("GET / HTTP/1.1"), ACCEPTED),
        (RULE, line("GET  / HTTP/1.1"), 400),
        (RULE, line("GET /  HTTP/1.1"), 400),
        (RULE, line("GET / HTTP/1.1 "), 400),
        (RULE, line(" GET / HTTP/1.1"), 400),
        (RULE, line("GET\t/ HTTP/1.1"), 400),
        (RULE, line("GET /\tHTTP/1.1"), 400),
        (RULE, line("GET / b HTTP/1.1"), 400),
        (RULE, line("GET HTTP/1.1"), 400),
        (RULE, line("GET /"), 400),
        (RULE, line("GET"), 400),
        (RULE, line("/ HTTP/1.1"), 400),
        (RULE, line("GET /\0 HTTP/1.1"), 400),
        (RULE, line("GET /\u{b} HTTP/1.1"), 400),
    ]);
}

#[test]
fn one_empty_line_before_a_request_is_let_pass() {
    const RULE: &str = "RFC 9112 section 2.2";
    hold([
        (RULE, format!("\r\n{}", line("GET / HTTP/1.1")), ACCEPTED),
        (RULE, format!("\r\n\r\n{}", line("GET / HTTP/1.1")), 400),
        (RULE, format!("\n{}", line("GET / HTTP/1.1")), 400),
        (RULE, format!("\r{}", line("GET / HTTP/1.1")), 400),
        (RULE, format!(" \r\n{}", line("GET / HTTP/1.1")), 400),
    ]);
}

#[test]
fn lines_end_in_crlf_and_in_nothing_else() {
    const RULE: &str = "RFC 9112 section 2.2";
    hold([
        (RULE, "GET / HTTP/1.1\nHost: a\r\n\r\n", 400),
        (RULE, "GET / HTTP/1.1\rHost: a\r\n\r\n", 400),
        (RULE, "GET / HTTP/1.1\r\nHost: a\n\r\n", 400),
        (RULE, "GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        (RULE, "GET / HTTP/1.1\r\nHost: a\n\n", 400),
        (RULE, "GET / HTTP/1.1\r\nHost: a\r\r\n\r\n", 400),
        (RULE, "GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n", 400),
        (RULE, "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\r\n\r\n", 400),
        (RULE, "GET / HTTP/1.1\r\r\nHost: a\r\n\r\n", 400),
        (RULE, "G\rET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
    ]);
}

#[test]
fn versions_are_1_0_and_1_1_in_capitals() {
    const RULE: &str = "RFC 9112 section 2.3, RFC 9110 sections 2.5 and 15.6.6";
    hold([
        (RULE, line("GET / HTTP/1.2"), 505),
        (RULE, line("GET / HTTP/1.9"), 505),
        (RULE, line("GET / HTTP/0.9"), 505),
        (RULE, line("GET / HTTP/2.0"), 505),
        (RULE, line("GET / HTTP/3.0"), 505),
        (RULE, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".into(), 505),
        (RULE, line("GET / http/1.1"), 400),
        (RULE, line("GET / Http/1.1"), 400),
        (RULE, line("GET / HTTP/1"), 400),
        (RULE, line("GET / HTTP/2"), 400),
        (RULE, line("GET / HTTP/01.1"), 400),
        (RULE, line("GET / HTTP/1.10"), 400),
        (RULE, line("GET / HTTP/1.01"), 400),
        (RULE, line("GET / HTTP/1,1"), 400),
        (RULE, line("GET / HTTP /1.1"), 400),
        (RULE, line("GET / HTTPS/1.1"), 400),
        (RULE, line("GET / RTSP/1.0"), 400),
        (RULE, line("GET / HTTP/-1.1"), 400),
        (RULE, line("GET / HTTP/1.\u{0661}"), 400),
        (RULE, "GET /\r\n\r\n".into(), 400),
    ]);
}

#[test]
fn a_method_is_any_token_and_reaches_the_handler_as_it_is() {
    const RULE: &str = "RFC 9110 section 9.1";
    hold([
        (RULE, line("get / HTTP/1.1"), ACCEPTED),
        (RULE, line("BREW / HTTP/1.1"), ACCEPTED),
        (RULE, line("M-SEARCH / HTTP/1.1"), ACCEPTED),
        (RULE, line("!#$%&'*+-.^_`|~09 / HTTP/1.1"), ACCEPTED),
        (RULE, line("TRACE / HTTP/1.1"), ACCEPTED),
        (RULE, line("G(T / HTTP/1.1"), 400),
        (RULE, line("G\"T / HTTP/1.1"), 400),
        (RULE, line("G/T / HTTP/1.1"), 400),
        (RULE, line("G:T / HTTP/1.1"), 400),
        (RULE, line("G\u{e9}T / HTTP/1.1"), 400),
        (RULE, line("G\0T / HTTP/1.1"), 400),
        (RULE, line("CONNECT a:80 HTTP/1.1"), 501),
    ]);
    let said = evenkeel::internals::converse(&[line("gEt / HTTP/1.1").as_bytes()]);
    assert_eq!(said.requests[0].method, "gEt");
}

#[test]
fn tls_and_random_octets_are_refused_as_soon_as_a_line_ends() {
    const RULE: &str = "RFC 9112 section 2.2";
    let hello = b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\n".to_vec();
    let noise: Vec<u8> = (0..=255).collect();
    hold([(RULE, hello, 400), (RULE, noise, 400)]);
}
