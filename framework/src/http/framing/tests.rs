use super::super::head;
use super::*;

fn framing(version: &str, fields: &str) -> Result<Framing, u16> {
    let bytes = format!("POST / HTTP/{version}\r\nHost: a\r\n{fields}\r\n");
    let mut room = head::room();
    let head = head::parse(bytes.as_bytes(), &mut room).expect("a valid head");
    Framing::of(&head).map_err(|refusal| refusal.status)
}

#[test]
fn the_length_of_a_body_is_read_in_one_way_or_refused() {
    for (fields, expected) in [
        ("", Ok(Body::None)),
        ("Content-Length: 0\r\n", Ok(Body::None)),
        ("content-length: 007\r\n", Ok(Body::Length(7))),
        ("Content-Length: 1048576\r\n", Ok(Body::Length(1_048_576))),
        ("Transfer-Encoding: chunked\r\n", Ok(Body::Chunked)),
        ("Transfer-Encoding: Chunked\r\n", Ok(Body::Chunked)),
        ("Content-Length: 9999999999999999999\r\n", Ok(Body::Length(9_999_999_999_999_999_999))),
        ("Content-Length: 99999999999999999999\r\n", Err(400)),
        ("Content-Length:\r\n", Err(400)),
        ("Content-Length: -1\r\n", Err(400)),
        ("Content-Length: +1\r\n", Err(400)),
        ("Content-Length: 1 1\r\n", Err(400)),
        ("Content-Length: 0x1\r\n", Err(400)),
        ("Content-Length: 1, 1\r\n", Err(400)),
        ("Content-Length: 1\r\nContent-Length: 1\r\n", Err(400)),
        ("Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", Err(400)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 0\r\n", Err(400)),
        ("Transfer-Encoding: gzip\r\n", Err(400)),
        ("Transfer-Encoding: gzip, chunked\r\n", Err(501)),
        ("Transfer-Encoding: \r\n", Err(400)),
        ("Transfer-Encoding: , chunked\r\n", Err(400)),
        ("Transfer-Encoding: chunked,\r\n", Err(400)),
        ("Transfer-Encoding: chunked, gzip\r\n", Err(400)),
        ("Transfer-Encoding: chunked, chunked\r\n", Err(400)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(400)),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", Err(501)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n", Err(400)),
        ("Transfer-Encoding: xchunked\r\n", Err(400)),
        ("Transfer-Encoding: chunked;q=1\r\n", Err(400)),
    ] {
        assert_eq!(framing("1.1", fields).map(|framing| framing.body), expected, "{fields:?}");
    }
    assert_eq!(framing("1.0", "Transfer-Encoding: chunked\r\n"), Err(400));
}

#[test]
fn a_connection_persists_as_its_version_and_options_say() {
    for (version, fields, expected) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: x, CLOSE\r\n", false),
        ("1.1", "Connection: x\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
    ] {
        let keep_alive = framing(version, fields).map(|framing| framing.keep_alive);
        assert_eq!(keep_alive, Ok(expected), "{version} {fields:?}");
    }
}

#[test]
fn the_one_known_expectation_is_met_and_others_refused() {
    let expects = |version, fields| framing(version, fields).map(|f| f.expects_continue);
    assert_eq!(expects("1.1", "Expect: 100-Continue\r\n"), Ok(true));
    assert_eq!(expects("1.0", "Expect: 100-continue\r\n"), Ok(false));
    assert_eq!(expects("1.1", "Expect: a-miracle\r\n"), Err(417));
    assert_eq!(expects("1.1", "Expect: 100-continue\r\nExpect: more\r\n"), Err(417));
}
