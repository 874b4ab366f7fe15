use proptest::option;
use proptest::prelude::*;
use proptest::sample::select as one_of;

use super::*;

const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const THEN_SECONDS: u64 = 784_111_777;
const NOW: u64 = THEN_SECONDS + 1000;

fn facts() -> Facts {
    Facts { length: 100, modified: Some(THEN_SECONDS), etag: Some("\"a\"".into()) }
}

fn answer_of(facts: &Facts, method: &str, fields: &[(&str, &str)]) -> Selection {
    let values = |name| {
        let named = fields.iter().filter(move |(field, _)| *field == name);
        named.map(|(_, value)| value.as_bytes())
    };
    select(method, values, facts, NOW)
}

/// Status, fields in one text, and slices.
fn answer(method: &str, fields: &[(&str, &str)]) -> (u16, String, Vec<(u64, u64)>) {
    let selection = answer_of(&facts(), method, fields);
    let lines = selection.fields.iter().map(|(name, value)| format!("{name}: {value}; "));
    let slices = selection.slices.iter().map(|slice| (slice.first, slice.length));
    (selection.status, lines.collect(), slices.collect())
}

const WHOLE: &str =
    "ETag: \"a\"; Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT; Accept-Ranges: bytes; ";

#[test]
fn a_plain_request_gets_all_of_it_with_its_validators() {
    for method in ["GET", "HEAD"] {
        assert_eq!(answer(method, &[]), (200, WHOLE.into(), vec![(0, 100)]));
    }
    let empty = Facts { length: 0, modified: None, etag: None };
    let selection = answer_of(&empty, "GET", &[]);
    assert_eq!((selection.status, selection.slices.len()), (200, 0));
    assert_eq!(selection.fields, [("Accept-Ranges", "bytes".to_owned())]);
}

#[test]
fn a_range_gets_its_part() {
    let (status, fields, slices) = answer("GET", &[("range", "bytes=10-19")]);
    assert_eq!((status, slices), (206, vec![(10, 10)]));
    let validators = "ETag: \"a\"; Last-Modified: Sun, 06 Nov 1994 08:49:37 GMT; ";
    assert_eq!(
        fields,
        format!("{validators}Content-Range: bytes 10-19/100; Accept-Ranges: bytes; ")
    );
    let (status, fields, slices) = answer("GET", &[("range", "bytes=0-0,-1")]);
    assert_eq!((status, slices), (206, vec![(0, 1), (99, 1)]));
    assert!(!fields.contains("Content-Range"), "{fields}");
}

#[test]
fn a_range_is_heeded_for_get_only_and_once_only() {
    let whole = (200, WHOLE.to_owned(), vec![(0, 100)]);
    assert_eq!(answer("HEAD", &[("range", "bytes=0-0")]), whole);
    assert_eq!(answer("GET", &[("range", "bytes=0-0"), ("range", "bytes=1-1")]), whole);
    assert_eq!(answer("GET", &[("range", "lines=0-0")]), whole);
}

#[test]
fn a_range_behind_the_end_is_told_the_length() {
    let fields = "Content-Range: bytes */100; ".to_owned();
    assert_eq!(answer("GET", &[("range", "bytes=100-")]), (416, fields, vec![]));
}

#[test]
fn preconditions_come_before_the_range_and_if_range_makes_it_whole() {
    let range = ("range", "bytes=100-");
    assert_eq!(answer("GET", &[range, ("if-match", "\"b\"")]).0, 412);
    assert_eq!(answer("GET", &[range, ("if-none-match", "\"a\"")]).0, 304);
    assert_eq!(answer("GET", &[range, ("if-range", "\"b\"")]).0, 200);
    assert_eq!(answer("GET", &[range, ("if-range", THEN)]).0, 416);
    let (status, fields, _) = answer("GET", &[("range", "bytes=1-"), ("if-range", "\"a\"")]);
    assert_eq!(status, 206);
    assert_eq!(fields, "ETag: \"a\"; Content-Range: bytes 1-99/100; Accept-Ranges: bytes; ");
}

#[test]
fn who_has_it_is_told_so_with_the_tag_or_else_with_the_date() {
    let told = (304, "ETag: \"a\"; ".to_owned(), vec![]);
    assert_eq!(answer("GET", &[("if-none-match", "W/\"a\"")]), told);
    assert_eq!(answer("HEAD", &[("if-modified-since", THEN)]), told);
    let tagless = Facts { etag: None, ..facts() };
    let selection = answer_of(&tagless, "GET", &[("if-modified-since", THEN)]);
    assert_eq!(selection.fields, [("Last-Modified", THEN.to_owned())]);
    assert_eq!(answer("PUT", &[("if-none-match", "*")]), (412, String::new(), vec![]));
    assert_eq!(answer("PUT", &[("if-match", "\"a\"")]).0, 200);
}

#[test]
fn a_date_in_the_future_is_not_sent() {
    let future = Facts { modified: Some(NOW + 5), ..facts() };
    let sent = answer_of(&future, "GET", &[]).fields[1].1.clone();
    assert_eq!(date::parse(sent.as_bytes()), Some(NOW));
    let selection = answer_of(&future, "GET", &[("if-modified-since", &sent)]);
    assert_eq!(selection.status, 200, "it may have changed since");
}

proptest! {
    #[test]
    fn every_request_gets_one_of_five_answers_that_fit_together(
        method in one_of(vec!["GET", "HEAD", "PUT"]),
        range in option::of("bytes=([0-9]{0,3}-[0-9]{0,3},?){1,4}"),
        if_range in option::of(one_of(vec!["\"a\"", "\"b\"", THEN, ""])),
        none_match in option::of(one_of(vec!["\"a\"", "*", "\"b\"", "x"])),
        since in option::of(one_of(vec![THEN, "", "Sun, 06 Nov 1994 08:49:36 GMT"])),
        length in one_of(vec![0u64, 1, 100, u64::MAX]),
    ) {
        let all = [
            ("range", range.as_deref()),
            ("if-range", if_range),
            ("if-none-match", none_match),
            ("if-modified-since", since),
        ];
        let fields: Vec<_> =
            all.iter().filter_map(|(name, value)| value.map(|value| (*name, value))).collect();
        let selection = answer_of(&Facts { length, ..facts() }, method, &fields);
        let sent: u64 = selection.slices.iter().map(|slice| slice.length).sum();
        let has = |name| selection.fields.iter().any(|(field, _)| *field == name);
        prop_assert_eq!(has("Content-Range"), match selection.status {
            206 => selection.slices.len() == 1,
            status => status == 416,
        });
        prop_assert_eq!(has("ETag"), matches!(selection.status, 200 | 206 | 304));
        match selection.status {
            200 => prop_assert_eq!(sent, length),
            206 => prop_assert!(sent > 0 && sent <= length && range.is_some() && method == "GET"),
            304 => prop_assert!(sent == 0 && method != "PUT"),
            412 => prop_assert!(sent == 0 && method == "PUT"),
            416 => prop_assert!(sent == 0 && range.is_some() && method == "GET"),
            status => prop_assert!(false, "{}", status),
        }
    }
}
