use evenkeel::internals::{Awaited, converse};

use super::{ACCEPTED, hold, says_close, status, text, with};

#[test]
fn the_one_expectation_is_100_continue() {
    const RULE: &str = "RFC 9110 section 10.1.1";
    hold([
        (RULE, with("Expect: 100-continue\r\nContent-Length: 1\r\n") + "x", ACCEPTED),
        (RULE, with("Expect: 100-Continue\r\n"), ACCEPTED),
        (RULE, with("Expect: 200-ok\r\n"), 417),
        (RULE, with("Expect:\r\n"), 417),
        (RULE, with("Expect: 100-continue, more\r\n"), 417),
        (RULE, with("Expect: 100-continue\r\nExpect: more\r\n"), 417),
    ]);
}

#[test]
fn continue_is_said_to_a_client_of_1_1_that_waits_with_its_body() {
    const CONTINUE: &str = "HTTP/1.1 100 Continue\r\n\r\n";
    let head = with("Expect: 100-continue\r\nContent-Length: 1\r\n");
    assert_eq!(text(&converse(&[head.as_bytes()])), CONTINUE);
    let said = converse(&[head.as_bytes(), b"x"]);
    assert_eq!((text(&said).matches(CONTINUE).count(), status(&said)), (1, 200));
    assert!(!text(&converse(&[(head.clone() + "x").as_bytes()])).contains(CONTINUE));
    let old = head.replace("HTTP/1.1", "HTTP/1.0");
    assert_eq!(text(&converse(&[old.as_bytes()])), "");
    let nobody = with("Expect: 100-continue\r\n");
    assert!(!text(&converse(&[nobody.as_bytes()])).contains(CONTINUE));
    let unwanted = with("Expect: 100-continue\r\nContent-Length: 9999999\r\n");
    assert_eq!(status(&converse(&[unwanted.as_bytes()])), 413);
}

#[test]
fn a_connection_persists_unless_one_side_says_otherwise() {
    for (fields, version, persists) in [
        ("", "1.1", true),
        ("Connection: keep-alive\r\n", "1.1", true),
        ("Connection: close\r\n", "1.1", false),
        ("Connection: x, Close\r\n", "1.1", false),
        ("Connection: ,,close,\r\n", "1.1", false),
        ("Connection: x\r\nConnection: close\r\n", "1.1", false),
        ("", "1.0", false),
        ("Connection: Keep-Alive\r\n", "1.0", true),
        ("Connection: keep-alive, close\r\n", "1.0", false),
    ] {
        let request = format!("GET / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
        let said = converse(&[request.repeat(2).as_bytes()]);
        let heard = if persists { 2 } else { 1 };
        let rule = "RFC 9112 section 9.3";
        assert_eq!(said.requests.len(), heard, "{rule}: {version} {fields:?}");
        assert_eq!((said.closed, says_close(&said)), (!persists, !persists), "{rule}: {fields:?}");
        let awaited = if persists { Awaited::Request } else { Awaited::Nothing };
        assert_eq!(said.awaits, awaited);
    }
}

#[test]
fn requests_are_answered_in_their_order() {
    let one = |length: usize| {
        let body = "x".repeat(length);
        format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n{body}")
    };
    let requests: String = (1..20).map(one).collect();
    let said = converse(&[requests.as_bytes()]);
    let text = text(&said);
    let answers: Vec<&str> = text.lines().filter(|line| line.ends_with(" octets")).collect();
    let expected: Vec<String> = (1..20).map(|length| format!("{length} octets")).collect();
    assert_eq!(answers, expected, "RFC 9112 section 9.3.2");
}

#[test]
fn an_answer_has_the_servers_version_a_date_and_its_length() {
    let expected =
        "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nContent-Length: 9\r\n";
    for version in ["1.0", "1.1"] {
        let request = format!("GET / HTTP/{version}\r\nHost: a\r\n\r\n");
        let text = text(&converse(&[request.as_bytes()]));
        assert!(text.starts_with(expected), "RFC 9110 sections 6.2 and 6.6.1: {text}");
        assert!(text.ends_with("\r\n\r\n0 octets\n"), "{text}");
    }
}

#[test]
fn the_answer_to_head_is_that_to_get_without_its_body() {
    let ask = |method: &str| {
        let request = format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n");
        text(&converse(&[request.as_bytes()]))
    };
    assert_eq!(ask("GET"), ask("HEAD") + "0 octets\n", "RFC 9110 section 9.3.2");
}

#[test]
fn upgrades_are_not_offered_and_the_request_is_answered() {
    const RULE: &str = "RFC 9110 section 7.8";
    let h2c = "Connection: upgrade, http2-settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AA\r\n";
    hold([(RULE, with("Connection: upgrade\r\nUpgrade: websocket\r\n"), ACCEPTED)]);
    hold([(RULE, with(h2c), ACCEPTED)]);
}
