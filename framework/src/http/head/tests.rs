use super::*;

fn read(bytes: &[u8]) -> Result<(String, String, usize), u16> {
    let limits = Limits::default();
    let refused = |refusal: Refusal| refusal.status;
    let end = find_end(bytes, 0, &limits).map_err(refused)?.ok_or(0u16)?;
    let mut room = room();
    let head = parse(&bytes[..end], &mut room).map_err(refused)?;
    Ok((head.method.into(), head.target.into(), head.headers.len()))
}

#[test]
fn heads_that_are_valid_are_read() {
    for (bytes, method, target, headers) in [
        ("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", 1),
        ("\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "/", 1),
        ("GET / HTTP/1.0\r\n\r\n", "GET", "/", 0),
        ("GET /a?b=c HTTP/1.1\r\nHost: a.b:80\r\nX: \t y \r\n\r\n", "GET", "/a?b=c", 2),
        ("GET http://a:8080/x HTTP/1.1\r\nHost: a\r\n\r\n", "GET", "http://a:8080/x", 1),
        ("OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "OPTIONS", "*", 1),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET", "/", 1),
        ("M-SEARCH / HTTP/1.1\r\nHost: a\r\n\r\n", "M-SEARCH", "/", 1),
    ] {
        let expected = Ok((method.to_owned(), target.to_owned(), headers));
        assert_eq!(read(bytes.as_bytes()), expected, "{bytes:?}");
    }
}

#[test]
fn heads_that_are_not_valid_are_refused() {
    for (bytes, status) in [
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
        ("\n", 400),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a@b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n folded\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n X: b\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\rc\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nX: b\0c\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nNo colon\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n: no name\r\n\r\n", 400),
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1 \r\nHost: a\r\n\r\n", 400),
        ("GET /\r\nHost: a\r\n\r\n", 400),
        ("G\u{e9}T / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /\u{e9} HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET a HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET http://u@a/x HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        ("GET / b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / http/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.11\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/2.0 \r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/2.0\r\nHost: a\r\n\r\n", 505),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
        ("GET / HTTP/1.2\r\nHost: a\r\n\r\n", 505),
    ] {
        assert_eq!(read(bytes.as_bytes()), Err(status), "{bytes:?}");
    }
}

#[test]
fn the_limits_hold_to_the_octet_and_for_unfinished_heads_too() {
    let limits = Limits::default();
    let head = |length: usize| {
        let fixed = "GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n".len();
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "x".repeat(length - fixed))
    };
    assert!(read(head(limits.head_bytes_max).as_bytes()).is_ok());
    assert_eq!(read(head(limits.head_bytes_max + 1).as_bytes()), Err(431));
    let unfinished = head(limits.head_bytes_max);
    let unfinished = &unfinished.as_bytes()[..limits.head_bytes_max - 1];
    assert_eq!(find_end(unfinished, 0, &limits), Ok(None));
    let line = format!("GET /{}", "x".repeat(limits.head_bytes_max));
    assert_eq!(read(line.as_bytes()), Err(414));
    let many = |count| format!("GET / HTTP/1.1\r\nHost: a\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert!(read(many(HEADERS_MAX - 1).as_bytes()).is_ok());
    assert_eq!(read(many(HEADERS_MAX).as_bytes()), Err(431));
}

#[test]
fn the_end_is_found_wherever_an_earlier_search_stopped() {
    let bytes = b"\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\nnext";
    for searched in 0..bytes.len() - 4 {
        assert_eq!(find_end(&bytes[..searched], 0, &Limits::default()), Ok(None));
        let end = find_end(bytes, searched, &Limits::default());
        assert_eq!(end, Ok(Some(bytes.len() - 4)), "searched {searched}");
    }
}
