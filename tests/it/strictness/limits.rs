use super::{ACCEPTED, hold, with};

fn target(octets: usize) -> String {
    format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "x".repeat(octets - 1))
}

#[test]
fn request_lines_of_8000_octets_are_read_and_longer_ones_than_the_limit_are_414() {
    const RULE: &str = "RFC 9112 section 3";
    hold([(RULE, target(8000), ACCEPTED), (RULE, target(17_000), 414)]);
    hold([(RULE, format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", "M".repeat(17_000)), 414)]);
}

#[test]
fn fields_that_are_too_many_or_too_long_are_431() {
    const RULE: &str = "RFC 9110 section 5.4, RFC 6585 section 5";
    let many = |count: usize| with(&"X: y\r\n".repeat(count));
    hold([
        (RULE, many(99), ACCEPTED),
        (RULE, many(100), 431),
        (RULE, with(&format!("X: {}\r\n", "y".repeat(17_000))), 431),
        (RULE, with(&format!("{}: y\r\n", "X".repeat(17_000))), 431),
    ]);
}

#[test]
fn bodies_that_are_too_long_are_413() {
    const RULE: &str = "RFC 9110 section 15.5.14";
    let chunked = with("Transfer-Encoding: chunked\r\n");
    hold([
        (RULE, with("Content-Length: 1048577\r\n"), 413),
        (RULE, with("Content-Length: 9999999999999999999\r\n"), 413),
        (RULE, chunked.clone() + "100001\r\n", 413),
        (RULE, chunked.clone() + "1\r\na\r\n100000\r\n", 413),
        (RULE, chunked + &format!("100000\r\n{}\r\n0\r\n\r\n", "x".repeat(1 << 20)), ACCEPTED),
    ]);
}

#[test]
fn lines_of_a_chunked_body_have_limits() {
    const RULE: &str = "RFC 9112 section 7.1.1";
    let chunked = with("Transfer-Encoding: chunked\r\n");
    hold([
        (RULE, chunked.clone() + &format!("1;{}\r\n", "x".repeat(255)), 400),
        (RULE, chunked.clone() + &format!("{}\r\n", "0".repeat(257)), 400),
        (RULE, chunked + &format!("0\r\nX: {}\r\n\r\n", "x".repeat(5000)), 431),
    ]);
}
