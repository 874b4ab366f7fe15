use evenkeel::internals::converse;

use super::{ACCEPTED, hold, with};

fn body(coded: &str) -> String {
    with("Transfer-Encoding: chunked\r\n") + coded
}

#[test]
fn a_chunk_size_is_a_hexadecimal_number_and_nothing_else() {
    const RULE: &str = "RFC 9112 section 7.1";
    hold([
        (RULE, body("0\r\n\r\n"), ACCEPTED),
        (RULE, body("a\r\n0123456789\r\n0\r\n\r\n"), ACCEPTED),
        (RULE, body("A\r\n0123456789\r\n000\r\n\r\n"), ACCEPTED),
        (RULE, body("\r\n\r\n"), 400),
        (RULE, body(";a\r\n\r\n"), 400),
        (RULE, body("-1\r\n"), 400),
        (RULE, body("+1\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("0x1\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1h\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1.0\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body(" 1\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1 \r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1 1\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1_0\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("ffffffffffffffff\r\n"), 413),
        (RULE, body("10000000000000001\r\na\r\n0\r\n\r\n"), 413),
    ]);
}

#[test]
fn a_chunk_ends_where_its_size_says_in_crlf() {
    const RULE: &str = "RFC 9112 section 7.1";
    hold([
        (RULE, body("1\r\nab\r\n0\r\n\r\n"), 400),
        (RULE, body("2\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1\ra\r\n0\r\n\r\n"), 400),
        (RULE, body("1\r\na\n0\r\n\r\n"), 400),
        (RULE, body("1\r\na0\r\n\r\n"), 400),
        (RULE, body("1\r\na\r0\r\n\r\n"), 400),
        (RULE, body("0\n\n"), 400),
        (RULE, body("0\r\n\n"), 400),
        (RULE, body("0\r\n\rX"), 400),
    ]);
}

#[test]
fn chunk_extensions_are_ignored_if_they_are_well_formed() {
    const RULE: &str = "RFC 9112 section 7.1.1";
    hold([
        (RULE, body("1;x\r\na\r\n0;y\r\n\r\n"), ACCEPTED),
        (RULE, body("1;x=y;z=\"a b;c\\\"d\"\r\na\r\n0\r\n\r\n"), ACCEPTED),
        (RULE, body("1 ; x = y ;z\r\na\r\n0\r\n\r\n"), ACCEPTED),
        (RULE, body("1;\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1;;x\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1;=y\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1;x=\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1;x y\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1;x \r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1;x=\"y\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1;x\ny\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1;x\ry\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1;x=\"\n\"\r\na\r\n0\r\n\r\n"), 400),
        (RULE, body("1;x\0\r\na\r\n0\r\n\r\n"), 400),
    ]);
}

#[test]
fn trailer_fields_have_the_form_of_fields_and_are_kept_from_the_handler() {
    const RULE: &str = "RFC 9112 section 7.1.2, RFC 9110 section 6.5";
    hold([
        (RULE, body("0\r\nX: y\r\nZ:\r\n\r\n"), ACCEPTED),
        (RULE, body("0\r\nX : y\r\n\r\n"), 400),
        (RULE, body("0\r\n X: y\r\n\r\n"), 400),
        (RULE, body("0\r\nX: y\r\n z\r\n\r\n"), 400),
        (RULE, body("0\r\nX\r\n\r\n"), 400),
        (RULE, body("0\r\n: y\r\n\r\n"), 400),
        (RULE, body("0\r\nX: a\0\r\n\r\n"), 400),
        (RULE, body("0\r\nX: a\n\r\n"), 400),
        (RULE, body("0\r\nX: a\rb\r\n\r\n"), 400),
    ]);
    let said = converse(&[body("1\r\na\r\n0\r\nX: y\r\n\r\n").as_bytes()]);
    let heard = &said.requests[0];
    assert_eq!(heard.body, b"a");
    assert!(heard.headers.iter().all(|(name, _)| name != "X"));
}

#[test]
fn trailer_fields_that_frame_route_or_authorize_are_refused() {
    const RULE: &str = "RFC 9110 section 6.5.1";
    for name in [
        "Content-Length",
        "transfer-encoding",
        "Host",
        "Connection",
        "Expect",
        "TE",
        "Trailer",
        "Authorization",
        "Cookie",
        "Range",
        "Content-Type",
        "Content-Encoding",
        "Max-Forwards",
    ] {
        hold([(RULE, body(&format!("0\r\n{name}: 1\r\n\r\n")), 400)]);
    }
}
