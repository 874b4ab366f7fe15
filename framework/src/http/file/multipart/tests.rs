use proptest::collection::vec;
use proptest::prelude::*;

use super::super::facts::Facts;
use super::super::selection::select;
use super::*;

fn body(content: &[u8], range: Option<&str>, media_type: &str) -> Body {
    let facts = Facts { length: content.len() as u64, modified: None, etag: None };
    let values = |name| range.filter(|_| name == "range").map(str::as_bytes).into_iter();
    Body::of(&select("GET", values, &facts, 0), media_type, 0xabc)
}

/// What is sent.
fn sent(body: &Body, content: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for segment in &body.segments {
        match segment {
            Segment::Text(text) => out.extend_from_slice(text),
            Segment::Slice(slice) => {
                let first = usize::try_from(slice.first).expect("small");
                let length = usize::try_from(slice.length).expect("small");
                out.extend_from_slice(&content[first..first + length]);
            }
        }
    }
    out
}

#[test]
fn one_part_is_sent_as_it_is_and_several_as_the_rfc_s_example() {
    let content = b"hello, world";
    let whole = body(content, None, "text/plain");
    assert_eq!((whole.content_type.as_deref(), whole.length), (Some("text/plain"), 12));
    assert_eq!(sent(&whole, content), content);
    let part = body(content, Some("bytes=7-"), "text/plain");
    assert_eq!((part.content_type.as_deref(), part.length), (Some("text/plain"), 5));
    assert_eq!(sent(&part, content), b"world");
    let parts = body(content, Some("bytes=0-4,-5"), "text/plain");
    let boundary = "00000000000000000000000000000abc";
    let content_type = format!("multipart/byteranges; boundary={boundary}");
    assert_eq!(parts.content_type, Some(content_type));
    let text = format!(
        "--{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-4/12\r\n\r\nhello\r\n\
         --{boundary}\r\nContent-Type: text/plain\r\nContent-Range: bytes 7-11/12\r\n\r\nworld\r\n\
         --{boundary}--\r\n"
    );
    assert_eq!(String::from_utf8(sent(&parts, content)).expect("text"), text);
    assert_eq!(parts.length, text.len() as u64);
}

#[test]
fn answers_without_a_body_have_none() {
    let nothing = body(b"hello", Some("bytes=5-"), "text/plain");
    assert_eq!(nothing, Body { content_type: None, length: 0, segments: vec![] });
    let empty = body(b"", None, "text/plain");
    assert_eq!((empty.content_type.as_deref(), empty.length), (Some("text/plain"), 0));
}

#[test]
fn a_media_type_cannot_break_out_of_the_head_of_a_part() {
    let parts = body(b"hello", Some("bytes=0-0,4-4"), "a/b\r\n\r\nX");
    let text = String::from_utf8(sent(&parts, b"hello")).expect("text");
    assert!(!text.contains('X') && text.contains("Content-Range: bytes 4-4/5"), "{text}");
}

#[test]
fn the_length_of_the_longest_files_does_not_overflow() {
    let slices =
        [(0, u64::MAX - 2), (u64::MAX - 1, 1)].map(|(first, length)| Slice { first, length });
    assert_eq!(multipart(&slices, u64::MAX, "a/b", 0).length, u64::MAX);
}

/// The parts of a body, read by its boundary alone: their ranges and contents.
fn read(mut bytes: &[u8], boundary: &str) -> Option<Vec<(String, Vec<u8>)>> {
    let delimiter = format!("\r\n--{boundary}");
    let find = |bytes: &[u8], what: &[u8]| bytes.windows(what.len()).position(|part| part == what);
    let mut parts = Vec::new();
    // The first delimiter has no line before it.
    bytes = bytes.strip_prefix(&delimiter.as_bytes()[2..])?;
    while let Some(part) = bytes.strip_prefix(b"\r\n") {
        let blank = find(part, b"\r\n\r\n")?;
        let head = std::str::from_utf8(&part[..blank]).ok()?;
        let mut lines = head.split("\r\n");
        let range = lines.find_map(|line| line.strip_prefix("Content-Range: bytes "))?;
        let content = &part[blank + 4..];
        let end = find(content, delimiter.as_bytes())?;
        parts.push((range.to_owned(), content[..end].to_vec()));
        bytes = &content[end + delimiter.len()..];
    }
    (bytes == b"--\r\n").then_some(parts)
}

proptest! {
    #[test]
    fn the_parts_that_a_client_reads_are_those_of_the_file(
        content in vec(proptest::sample::select(b"\r\n-ab".to_vec()), 1..60),
        starts in vec((0usize..60, 0usize..6), 2..8),
    ) {
        let specs: Vec<String> =
            starts.iter().map(|(first, more)| format!("{first}-{}", first + more)).collect();
        let range = format!("bytes={}", specs.join(","));
        let body = body(&content, Some(&range), "a/b");
        let bytes = sent(&body, &content);
        prop_assert_eq!(bytes.len() as u64, body.length);
        let slices = body.segments.iter().filter(|segment| matches!(segment, Segment::Slice(_))).count();
        if slices < 2 {
            return Ok(());
        }
        let content_type = body.content_type.expect("one");
        let boundary = content_type.strip_prefix("multipart/byteranges; boundary=").expect("parts");
        let parts = read(&bytes, boundary).expect("well formed");
        prop_assert_eq!(parts.len(), slices);
        for (range, part) in parts {
            let (range, whole) = range.split_once('/').expect("a length");
            prop_assert_eq!(whole, content.len().to_string());
            let (first, last) = range.split_once('-').expect("a range");
            let [first, last] = [first, last].map(|at| at.parse::<usize>().expect("a number"));
            prop_assert_eq!(&content[first..=last], part);
        }
    }
}
