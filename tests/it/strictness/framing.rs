use evenkeel::internals::converse;

use super::{ACCEPTED, hold, status, with};

/// A request with this `Content-Length` and one octet behind its head.
fn length(value: &str) -> String {
    with(&format!("Content-Length: {value}\r\n")) + "x"
}

/// A request with these fields and an empty chunked body.
fn chunked(fields: &str) -> String {
    with(fields) + "0\r\n\r\n"
}

#[test]
fn a_content_length_is_one_number() {
    const RULE: &str = "RFC 9110 section 8.6, RFC 9112 section 6.3";
    hold([
        (RULE, length("1"), ACCEPTED),
        (RULE, length("0001"), ACCEPTED),
        (RULE, length(" \t1 "), ACCEPTED),
        (RULE, length(""), 400),
        (RULE, length("+1"), 400),
        (RULE, length("-1"), 400),
        (RULE, length("0x1"), 400),
        (RULE, length("1.0"), 400),
        (RULE, length("1e0"), 400),
        (RULE, length("1 1"), 400),
        (RULE, length("one"), 400),
        (RULE, length("\u{0661}"), 400),
        (RULE, length("18446744073709551617"), 400),
        (RULE, length("99999999999999999999999999999999999999999999"), 400),
    ]);
}

#[test]
fn a_content_length_that_is_said_twice_is_refused_even_if_alike() {
    const RULE: &str = "RFC 9110 section 8.6, RFC 9112 section 6.3";
    hold([
        (RULE, length("1, 1"), 400),
        (RULE, length("1, 2"), 400),
        (RULE, length("1,"), 400),
        (RULE, length(",1"), 400),
        (RULE, with("Content-Length: 1\r\nContent-Length: 1\r\n") + "x", 400),
        (RULE, with("Content-Length: 1\r\ncontent-length: 2\r\n") + "x", 400),
        (RULE, with("Content-Length: 0\r\nContent-Length: 1\r\n") + "x", 400),
    ]);
}

#[test]
fn content_length_and_transfer_encoding_exclude_each_other() {
    const RULE: &str = "RFC 9112 sections 6.1 and 6.3";
    hold([
        (RULE, chunked("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n"), 400),
    ]);
}

#[test]
fn chunked_is_the_one_coding_and_comes_last() {
    const RULE: &str = "RFC 9112 sections 6.1 and 6.3";
    hold([
        (RULE, chunked("Transfer-Encoding: chunked\r\n"), ACCEPTED),
        (RULE, chunked("transfer-encoding:\tCHUNKED \r\n"), ACCEPTED),
        (RULE, chunked("Transfer-Encoding: gzip\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: identity\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: xchunked\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunkedx\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: \"chunked\"\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked;q=1\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked chunked\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked, identity\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked, gzip\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked, chunked\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: gzip, chunked\r\n"), 501),
        (RULE, chunked("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n"), 501),
        (RULE, chunked("Transfer-Encoding: identity, chunked\r\n"), 501),
    ]);
}

#[test]
fn empty_elements_among_codings_are_refused() {
    const RULE: &str = "stricter than RFC 9110 section 5.6.1";
    hold([
        (RULE, chunked("Transfer-Encoding:\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: ,chunked\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked,\r\n"), 400),
        (RULE, chunked("Transfer-Encoding: chunked\r\nTransfer-Encoding:\r\n"), 400),
    ]);
}

#[test]
fn http_1_0_has_no_transfer_codings() {
    const RULE: &str = "RFC 9112 section 6.1";
    let old = |fields: &str| format!("POST / HTTP/1.0\r\nConnection: keep-alive\r\n{fields}\r\n");
    hold([
        (RULE, old("Transfer-Encoding: chunked\r\n") + "0\r\n\r\n", 400),
        (RULE, old("Transfer-Encoding: identity\r\n"), 400),
        (RULE, old("Content-Length: 1\r\n") + "x", ACCEPTED),
    ]);
}

#[test]
fn a_message_that_says_nothing_of_a_body_has_none() {
    const RULE: &str = "RFC 9112 section 6.3";
    hold([(RULE, with(""), ACCEPTED), (RULE, with("Content-Type: text/plain\r\n"), ACCEPTED)]);
    let said = converse(&[(with("") + "x").as_bytes()]);
    assert!(said.requests[0].body.is_empty());
}

#[test]
fn methods_without_a_use_for_a_body_may_have_one() {
    const RULE: &str = "RFC 9110 sections 9.3.1 and 9.3.5";
    for method in ["GET", "HEAD", "DELETE", "OPTIONS", "TRACE"] {
        let head = format!("{method} / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n");
        hold([(RULE, head.clone() + "abc", ACCEPTED)]);
        assert_eq!(converse(&[(head + "abc").as_bytes()]).requests[0].body, b"abc");
    }
}

#[test]
fn an_incomplete_body_is_heard_by_nobody() {
    for message in [
        with("Content-Length: 3\r\n") + "ab",
        with("Transfer-Encoding: chunked\r\n") + "2\r\nab\r\n",
    ] {
        let said = converse(&[message.as_bytes()]);
        assert_eq!((status(&said), said.requests.len()), (0, 0), "RFC 9112 section 8");
    }
}
