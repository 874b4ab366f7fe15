use evenkeel::internals::converse;

use super::{ACCEPTED, hold};

fn get(target: &str) -> String {
    format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n")
}

#[test]
fn a_target_has_one_of_four_forms() {
    hold([
        ("origin-form, RFC 9112 section 3.2.1", get("/"), ACCEPTED),
        ("origin-form, RFC 9112 section 3.2.1", get("//a//b/../c"), ACCEPTED),
        ("origin-form, RFC 9112 section 3.2.1", get("/a?b=c&d?/"), ACCEPTED),
        ("origin-form, RFC 9112 section 3.2.1", get("a"), 400),
        ("origin-form, RFC 9112 section 3.2.1", get("?a"), 400),
        ("absolute-form, RFC 9112 section 3.2.2", get("http://a"), ACCEPTED),
        ("absolute-form, RFC 9112 section 3.2.2", get("http://b.c:8080/d?e"), ACCEPTED),
        ("absolute-form, RFC 9112 section 3.2.2", get("HTTPS://[::1]/"), ACCEPTED),
        ("absolute-form, RFC 9112 section 3.2.2", get("ftp://a/"), 400),
        ("absolute-form, RFC 9112 section 3.2.2", get("file:///etc/passwd"), 400),
        ("absolute-form, RFC 9112 section 3.2.2", get("javascript:0"), 400),
        ("empty host, RFC 9110 section 4.2.1", get("http://"), 400),
        ("empty host, RFC 9110 section 4.2.1", get("http:///a"), 400),
        ("empty host, RFC 9110 section 4.2.1", get("http://:80/a"), 400),
        ("user information, RFC 9110 section 4.2.4", get("http://u@a/"), 400),
        ("user information, RFC 9110 section 4.2.4", get("http://u:p@a/"), 400),
        ("bad port, RFC 3986 section 3.2.3", get("http://a:65536/"), 400),
        ("authority-form, RFC 9112 section 3.2.3", get("a:80"), 400),
        (
            "authority-form, RFC 9112 section 3.2.3",
            "CONNECT a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n".into(),
            501,
        ),
        ("asterisk-form, RFC 9112 section 3.2.4", get("*"), 400),
        (
            "asterisk-form, RFC 9112 section 3.2.4",
            "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            ACCEPTED,
        ),
        (
            "asterisk-form, RFC 9112 section 3.2.4",
            "OPTIONS *a HTTP/1.1\r\nHost: a\r\n\r\n".into(),
            400,
        ),
    ]);
}

#[test]
fn a_target_is_written_in_the_characters_of_a_uri() {
    const RULE: &str = "RFC 9112 section 3.2, RFC 3986 section 3.3";
    hold([
        (RULE, get("/%C3%A9/%41"), ACCEPTED),
        (RULE, get("/!$&'()*+,;=:@-._~"), ACCEPTED),
        (RULE, get("/a#b"), 400),
        (RULE, get("/#"), 400),
        (RULE, get("/\u{e9}"), 400),
        (RULE, get("/\u{7f}"), 400),
        (RULE, get("/a\"b"), 400),
        (RULE, get("/<a>"), 400),
        (RULE, get("/?<a>"), 400),
        (RULE, get("/`"), 400),
        (RULE, get("/%"), 400),
        (RULE, get("/%4"), 400),
        (RULE, get("/%zz"), 400),
    ]);
}

#[test]
fn what_browsers_send_unencoded_is_let_pass_as_it_is() {
    const RULE: &str = "leniency: the URL Standard's percent-encode sets";
    hold([
        (RULE, get("/[a]{b}|c^d\\e"), ACCEPTED),
        (RULE, get("/?`[a]{b}|c^d\\e"), ACCEPTED),
        (RULE, get("/?100%"), ACCEPTED),
    ]);
    let said = converse(&[get("/a|b?100%").as_bytes()]);
    assert_eq!(said.requests[0].target, "/a|b?100%");
}

#[test]
fn an_absolute_target_reaches_the_handler_whole_with_its_authority() {
    let said = converse(&[b"GET http://b:81/c HTTP/1.1\r\nHost: a\r\n\r\n"]);
    let heard = &said.requests[0];
    assert_eq!(heard.target, "http://b:81/c");
    assert_eq!(heard.headers, [("Host".to_owned(), b"a".to_vec())]);
}
