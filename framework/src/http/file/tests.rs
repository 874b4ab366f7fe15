use std::path::Path;

use super::super::head;
use super::conditions::{Verdict, judge};
use super::range::Slice;
use super::{Body, Facts, Segment, Selection, Stat, media_type, select};

const STAT: Stat = Stat { length: 1000, inode: 1, seconds: 784_111_777, nanoseconds: 0 };
const NOW: u64 = 784_111_777 + 60;

/// Status, type and segments of the answer to a request.
fn answer(request: &str) -> (u16, Option<String>, Vec<Segment>) {
    let mut room = head::room();
    let head = head::parse(request.as_bytes(), &mut room).expect("a valid head");
    let facts = Facts::of_file(&STAT, NOW);
    let selection: Selection = select(head.method, |name| head.values(name), &facts, NOW);
    let body = Body::of(&selection, media_type(Path::new(head.target)), 7);
    (selection.status, body.content_type, body.segments)
}

#[test]
fn a_file_is_answered_from_its_stat_to_its_last_octet() {
    let slice = |first, length| Segment::Slice(Slice { first, length });
    let get = |fields: &str| answer(&format!("GET /a.txt HTTP/1.1\r\nHost: a\r\n{fields}\r\n"));
    let text = Some("text/plain; charset=utf-8".to_owned());
    assert_eq!(get(""), (200, text.clone(), vec![slice(0, 1000)]));
    assert_eq!(get("Range: bytes=990-\r\n"), (206, text, vec![slice(990, 10)]));
    let (status, content_type, segments) = get("range: bytes=0-0,-1\r\n");
    assert!(
        status == 206 && content_type.is_some_and(|it| it.starts_with("multipart/byteranges;"))
    );
    assert_eq!((&segments[1], &segments[3]), (&slice(0, 1), &slice(999, 1)));
    let etag = Facts::of_file(&STAT, NOW).etag.expect("one");
    let twice = format!("If-None-Match: \"x\"\r\nIF-NONE-MATCH: {etag}\r\n");
    assert_eq!(get(&twice), (304, None, vec![]));
    assert_eq!(get("If-Match: \"x\"\r\n"), (412, None, vec![]));
    assert_eq!(get("Range: bytes=1000-\r\n"), (416, None, vec![]));
}

#[test]
fn what_is_to_be_written_is_judged_by_the_same_fields() {
    let put = "PUT /a HTTP/1.1\r\nHost: a\r\nIf-None-Match: *\r\n\r\n";
    let mut room = head::room();
    let head = head::parse(put.as_bytes(), &mut room).expect("a valid head");
    let verdict = |current| judge(head.method, |name| head.values(name), current);
    assert_eq!(verdict(None), Verdict::Proceed);
    assert_eq!(verdict(Some(&Facts::of_file(&STAT, NOW))), Verdict::Failed);
}
