use proptest::prelude::*;

use super::*;

/// Decodes in portions of `step` octets: the body and the octets used, `None` if more is wanted.
fn decode(input: &[u8], step: usize) -> Result<Option<(Vec<u8>, usize)>, u16> {
    let mut decoder = Decoder::default();
    let (mut body, mut at) = (Vec::new(), 0);
    for part in input.chunks(step) {
        let portion = decoder
            .decode(part, &mut body, &Limits::default())
            .map_err(|refusal| refusal.status)?;
        at += portion.consumed;
        if portion.done {
            return Ok(Some((body, at)));
        }
        assert_eq!(portion.consumed, part.len(), "what is not the end is used up");
    }
    Ok(None)
}

#[test]
fn valid_bodies_are_decoded_in_any_portions() {
    for (input, body) in [
        ("0\r\n\r\n", ""),
        ("5\r\nhello\r\n0\r\n\r\n", "hello"),
        ("1\r\na\r\n002\r\nbc\r\n000\r\n\r\n", "abc"),
        ("A\r\n0123456789\r\n0\r\n\r\n", "0123456789"),
        ("1;x=\"y z\"\r\na\r\n0;end\r\nTrailer-One: 1\r\nTwo:\r\n\r\n", "a"),
        ("1 ;x\r\na\r\n0\r\n\r\n", "a"),
        ("1 ; x = y\t; z=\"\\\" ;\u{e9}\"\r\na\r\n0\r\n\r\n", "a"),
    ] {
        for step in 1..=input.len() {
            let decoded = decode(input.as_bytes(), step);
            assert_eq!(decoded, Ok(Some((body.into(), input.len()))), "{input:?} by {step}");
        }
        for end in 0..input.len() {
            assert_eq!(decode(&input.as_bytes()[..end], 3), Ok(None), "{input:?} to {end}");
        }
    }
}

#[test]
fn what_follows_the_body_is_left_alone() {
    assert_eq!(decode(b"0\r\n\r\nGET /", 100), Ok(Some((Vec::new(), 5))));
}

#[test]
fn malformed_bodies_are_refused() {
    for (input, status) in [
        ("\r\n\r\n", 400),
        (";x\r\n", 400),
        ("-1\r\n", 400),
        ("0x1\r\n", 400),
        (" 1\r\n", 400),
        ("g\r\n", 400),
        ("1 x\r\n", 400),
        ("1 \r\n", 400),
        ("1\na\r\n0\r\n\r\n", 400),
        ("1\r\nab\r\n", 400),
        ("1\r\na\n", 400),
        ("1\r\na\rb", 400),
        ("1\rx", 400),
        ("1;\r\n", 400),
        ("1;x \r\n", 400),
        ("1;x;\r\n", 400),
        ("1;x y\r\n", 400),
        ("1;=y\r\n", 400),
        ("1;x=\r\n", 400),
        ("1;x=\"y\r\n", 400),
        ("1;x=\"y\"z\r\n", 400),
        ("1;x=\"\\\"\r\n", 400),
        ("1;a\nb\r\n", 400),
        ("1;a\rb\r\n", 400),
        ("1;a\0b\r\n", 400),
        ("0\r\n\n", 400),
        ("0\r\nX: a\n\r\n", 400),
        ("0\r\nX\r\n\r\n", 400),
        ("0\r\n: a\r\n\r\n", 400),
        ("0\r\nX : a\r\n\r\n", 400),
        ("0\r\nX: a\r\n b\r\n\r\n", 400),
        ("0\r\nX: a\rb\r\n\r\n", 400),
        ("0\r\nContent-Length: 3\r\n\r\n", 400),
        ("0\r\ntransfer-encoding: chunked\r\n\r\n", 400),
        ("0\r\nHost: b\r\n\r\n", 400),
        ("0\r\nCookie: a=b\r\n\r\n", 400),
        ("0\r\nContent-Type: text/plain\r\n\r\n", 400),
        ("100001\r\n", 413),
        ("fffffffffffffffff\r\n", 413),
        ("100000\r\n", 0),
    ] {
        let expected = if status == 0 { Ok(None) } else { Err(status) };
        assert_eq!(decode(input.as_bytes(), 1), expected, "{input:?}");
        assert_eq!(decode(input.as_bytes(), 1000), expected, "{input:?}");
    }
}

#[test]
fn lines_and_trailers_have_their_limits() {
    let extension = |length| format!("1;{}\r\na\r\n0\r\n\r\n", "x".repeat(length));
    assert!(decode(extension(CHUNK_LINE_BYTES_MAX - 2).as_bytes(), 7).is_ok());
    assert_eq!(decode(extension(CHUNK_LINE_BYTES_MAX - 1).as_bytes(), 7), Err(400));
    assert_eq!(decode("0".repeat(CHUNK_LINE_BYTES_MAX + 1).as_bytes(), 7), Err(400));
    let trailer = |length: usize| format!("0\r\nX: {}\r\n\r\n", "x".repeat(length - 3));
    assert!(decode(trailer(TRAILER_BYTES_MAX).as_bytes(), 999).is_ok());
    assert_eq!(decode(trailer(TRAILER_BYTES_MAX + 1).as_bytes(), 999), Err(431));
    let many = |count| format!("0\r\n{}\r\n", "X: y\r\n".repeat(count));
    assert!(decode(many(HEADERS_MAX).as_bytes(), 999).is_ok());
    assert_eq!(decode(many(HEADERS_MAX + 1).as_bytes(), 999), Err(431));
}

proptest! {
    #[test]
    fn any_octets_are_decoded_alike_whole_and_in_portions(
        input in proptest::collection::vec(
            proptest::sample::select(b"0123aF;\r\nxX: \t\0".to_vec()), 0..60),
        step in 1usize..8,
    ) {
        prop_assert_eq!(decode(&input, step), decode(&input, 1000));
    }

    #[test]
    fn what_was_encoded_is_decoded(
        chunks in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 1..300), 0..8),
        step in 1usize..500,
    ) {
        let mut input = Vec::new();
        for chunk in &chunks {
            input.extend(format!("{:x}\r\n", chunk.len()).bytes());
            input.extend(chunk);
            input.extend(b"\r\n");
        }
        input.extend(b"0\r\n\r\n");
        prop_assert_eq!(decode(&input, step), Ok(Some((chunks.concat(), input.len()))));
    }
}
