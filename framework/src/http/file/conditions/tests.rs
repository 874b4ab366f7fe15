use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::super::limits::SETTLED_AFTER_SECONDS;
use super::*;

const THEN: &str = "Sun, 06 Nov 1994 08:49:37 GMT";
const BEFORE: &str = "Sun, 06 Nov 1994 08:49:36 GMT";
const AFTER: &str = "Sun, 06 Nov 1994 08:49:38 GMT";
const THEN_SECONDS: u64 = 784_111_777;

fn facts(etag: &str) -> Facts {
    Facts { length: 10, modified: Some(THEN_SECONDS), etag: Some(etag.into()) }
}

fn judge_all(method: &str, current: Option<&Facts>, fields: &[(&str, &str)]) -> Verdict {
    judge(
        method,
        |name| {
            let named = fields.iter().filter(move |(field, _)| *field == name);
            named.map(|(_, value)| value.as_bytes())
        },
        current,
    )
}

#[test]
fn if_match_wants_the_very_representation() {
    for (etag, value, expected) in [
        ("\"a\"", "\"a\"", Verdict::Proceed),
        ("\"a\"", "*", Verdict::Proceed),
        ("\"a\"", "\"b\", \"a\"", Verdict::Proceed),
        ("\"a\"", "\"b\"", Verdict::Failed),
        ("\"a\"", "W/\"a\"", Verdict::Failed),
        ("W/\"a\"", "W/\"a\"", Verdict::Failed),
        ("W/\"a\"", "\"a\"", Verdict::Failed),
        ("\"a\"", "", Verdict::Failed),
        ("\"a\"", "a", Verdict::Failed),
        ("\"a\"", "*, \"a\"", Verdict::Failed),
    ] {
        for method in ["GET", "HEAD", "PUT", "DELETE", "PATCH"] {
            let verdict = judge_all(method, Some(&facts(etag)), &[("if-match", value)]);
            assert_eq!(verdict, expected, "{method} {etag} {value}");
        }
    }
}

#[test]
fn if_none_match_tells_readers_that_they_have_it_and_keeps_writers_off() {
    for (etag, value, matches) in [
        ("\"a\"", "\"a\"", true),
        ("\"a\"", "W/\"a\"", true),
        ("W/\"a\"", "\"a\"", true),
        ("\"a\"", "\"b\"", false),
        ("\"a\"", "", false),
        ("\"a\"", "*", true),
    ] {
        for (method, otherwise) in [
            ("GET", Verdict::NotModified),
            ("HEAD", Verdict::NotModified),
            ("PUT", Verdict::Failed),
        ] {
            let verdict = judge_all(method, Some(&facts(etag)), &[("if-none-match", value)]);
            let expected = if matches { otherwise } else { Verdict::Proceed };
            assert_eq!(verdict, expected, "{method} {etag} {value}");
        }
    }
    for malformed in ["a", "*, \"a\"", "\"a"] {
        let judged =
            |method| judge_all(method, Some(&facts("\"a\"")), &[("if-none-match", malformed)]);
        assert_eq!(judged("GET"), Verdict::Proceed, "{malformed}");
        assert_eq!(judged("PUT"), Verdict::Failed, "{malformed}");
    }
}

#[test]
fn what_is_not_there_yet_can_be_made_once_and_not_be_changed() {
    for (name, value, expected) in [
        ("if-none-match", "*", Verdict::Proceed),
        ("if-none-match", "\"a\"", Verdict::Proceed),
        ("if-match", "*", Verdict::Failed),
        ("if-match", "\"a\"", Verdict::Failed),
        ("if-unmodified-since", BEFORE, Verdict::Proceed),
    ] {
        assert_eq!(judge_all("PUT", None, &[(name, value)]), expected, "{name}: {value}");
    }
}

#[test]
fn dates_are_compared_to_the_second_and_ignored_when_they_are_none() {
    use Verdict::{Failed, NotModified, Proceed};
    for (value, since, unmodified) in [
        (BEFORE, Proceed, Failed),
        (THEN, NotModified, Proceed),
        (AFTER, NotModified, Proceed),
        ("Sunday, 06-Nov-94 08:49:36 GMT", Proceed, Failed),
        ("yesterday", Proceed, Proceed),
        ("", Proceed, Proceed),
        ("Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT", Proceed, Proceed),
    ] {
        let judged = |name| judge_all("GET", Some(&facts("\"a\"")), &[(name, value)]);
        assert_eq!(judged("if-modified-since"), since, "{value}");
        assert_eq!(judged("if-unmodified-since"), unmodified, "{value}");
    }
    let twice = [("if-modified-since", THEN), ("if-modified-since", THEN)];
    assert_eq!(judge_all("GET", Some(&facts("\"a\"")), &twice), Proceed);
    let dateless = Facts { modified: None, ..facts("\"a\"") };
    assert_eq!(judge_all("GET", Some(&dateless), &[("if-modified-since", AFTER)]), Proceed);
    assert_eq!(judge_all("GET", Some(&dateless), &[("if-unmodified-since", BEFORE)]), Proceed);
    assert_eq!(judge_all("PUT", Some(&facts("\"a\"")), &[("if-modified-since", THEN)]), Proceed);
}

#[test]
fn methods_that_select_nothing_have_no_conditions() {
    for method in ["OPTIONS", "TRACE", "CONNECT"] {
        let verdict = judge_all(method, Some(&facts("\"a\"")), &[("if-match", "\"b\"")]);
        assert_eq!(verdict, Verdict::Proceed, "{method}");
    }
}

#[test]
fn a_range_goes_on_with_what_the_client_began_or_not_at_all() {
    let strong = facts("\"a\"");
    let later = THEN_SECONDS + SETTLED_AFTER_SECONDS;
    let wanted = |facts: &Facts, values: &[&str], now| {
        range_is_wanted(values.iter().map(|value| value.as_bytes()), facts, now)
    };
    for (values, expected) in [
        (&[][..], true),
        (&["\"a\""], true),
        (&["W/\"a\""], false),
        (&["\"b\""], false),
        (&["\"a\", \"b\""], false),
        (&["\"a\"", "\"a\""], false),
        (&["*"], false),
        (&[""], false),
        (&[THEN], true),
        (&[BEFORE], false),
        (&[AFTER], false),
        (&["yesterday"], false),
    ] {
        assert_eq!(wanted(&strong, values, later), expected, "{values:?}");
    }
    assert!(!wanted(&strong, &[THEN], later - 1), "the file may still change");
    assert!(!wanted(&facts("W/\"a\""), &["W/\"a\""], later));
    let bare = Facts { length: 1, modified: None, etag: None };
    assert!(!wanted(&bare, &["\"a\""], later) && !wanted(&bare, &["yesterday"], later));
}

/// Values, and whether the condition holds of [`facts`] `"a"` at [`THEN`]; `None`: to be ignored.
const MATCHES: [(&str, Option<bool>); 4] =
    [("\"a\"", Some(true)), ("*", Some(true)), ("\"b\"", Some(false)), ("W/\"a\"", Some(false))];
const NONE_MATCHES: [(&str, Option<bool>); 4] =
    [("\"a\"", Some(false)), ("*", Some(false)), ("\"b\"", Some(true)), ("W/\"a\"", Some(false))];
const MODIFIED: [(&str, Option<bool>); 4] =
    [(BEFORE, Some(true)), (THEN, Some(false)), (AFTER, Some(false)), ("never", None)];
const UNMODIFIED: [(&str, Option<bool>); 4] =
    [(BEFORE, Some(false)), (THEN, Some(true)), (AFTER, Some(true)), ("never", None)];

/// Section 13.2.2, step by step.
fn by_the_letter(
    reads: bool,
    [matches, unmodified, none_match, modified]: [Option<bool>; 4],
) -> Verdict {
    if let Some(holds) = matches {
        if !holds {
            return Verdict::Failed; // step 1
        }
    } else if unmodified == Some(false) {
        return Verdict::Failed; // step 2
    }
    if let Some(holds) = none_match {
        if !holds {
            return if reads { Verdict::NotModified } else { Verdict::Failed }; // step 3
        }
    } else if reads && modified == Some(false) {
        return Verdict::NotModified; // step 4
    }
    Verdict::Proceed // steps 5 and 6
}

proptest! {
    #[test]
    fn all_conditions_together_are_judged_in_the_order_of_the_rfc(
        method in select(vec!["GET", "HEAD", "PUT", "POST", "DELETE"]),
        matches in option::of(select(MATCHES.to_vec())),
        unmodified in option::of(select(UNMODIFIED.to_vec())),
        none_match in option::of(select(NONE_MATCHES.to_vec())),
        modified in option::of(select(MODIFIED.to_vec())),
    ) {
        let named = [
            ("if-modified-since", modified),
            ("if-match", matches),
            ("if-none-match", none_match),
            ("if-unmodified-since", unmodified),
        ];
        let fields: Vec<_> = named
            .iter()
            .filter_map(|(name, value)| value.map(|(text, _)| (*name, text)))
            .collect();
        let holds = [matches, unmodified, none_match, modified].map(|value| value.and_then(|(_, holds)| holds));
        let reads = matches!(method, "GET" | "HEAD");
        let expected = by_the_letter(reads, holds);
        prop_assert_eq!(judge_all(method, Some(&facts("\"a\"")), &fields), expected, "{:?}", fields);
    }
}
