use proptest::collection::vec;
use proptest::prelude::*;

use super::*;

fn look_for(tag: &str, fields: &[&str]) -> Option<Listed> {
    let sought = EntityTag::parse(tag.as_bytes()).expect("a tag");
    look(fields.iter().map(|field| field.as_bytes()), |tag| tag.is_weakly(sought))
}

#[test]
fn tags_are_compared_as_the_rfc_s_table_has_it() {
    // RFC 9110 section 8.8.3.2.
    for (one, other, strongly, weakly) in [
        ("W/\"1\"", "W/\"1\"", false, true),
        ("W/\"1\"", "W/\"2\"", false, false),
        ("W/\"1\"", "\"1\"", false, true),
        ("\"1\"", "\"1\"", true, true),
    ] {
        let tag = |text: &'static str| EntityTag::parse(text.as_bytes()).expect("a tag");
        assert_eq!(tag(one).is_strongly(tag(other)), strongly, "{one} {other}");
        assert_eq!(tag(other).is_strongly(tag(one)), strongly, "{one} {other}");
        assert_eq!(tag(one).is_weakly(tag(other)), weakly, "{one} {other}");
    }
}

#[test]
fn what_is_no_tag_is_none() {
    for text in
        ["", "a", "\"", "\"a", "a\"", "w/\"a\"", "W/a", "W\"a\"", "W/ \"a\"", "\"a\" ", "'a'"]
    {
        assert_eq!(EntityTag::parse(text.as_bytes()), None, "{text}");
    }
    for text in ["\"a b\"", "\"a\tb\"", "\"a\x7f\"", "\"a\0\""] {
        assert_eq!(EntityTag::parse(text.as_bytes()), None, "{text:?}");
    }
    assert!(EntityTag::parse(b"\"\"").is_some());
    assert!(EntityTag::parse(b"\"\xe9!#,\\\"").is_some());
}

#[test]
fn lists_are_read_over_all_their_fields() {
    let tags = |found| Some(Listed::Tags { found });
    for (fields, expected) in [
        (&[][..], None),
        (&[""], tags(false)),
        (&["\"a\""], tags(true)),
        (&["\"b\""], tags(false)),
        (&["\"b\", \"a\""], tags(true)),
        (&["\"b\",\"a\""], tags(true)),
        (&["\"b\"", "W/\"a\""], tags(true)),
        (&[" ,, \"b\" ,\t, \"a\",, "], tags(true)),
        (&["\"b,\"", "\"x, \"a"], Some(Listed::Malformed)),
        (&["\"b,a\""], tags(false)),
        (&["*"], Some(Listed::Any)),
        (&["\t* ,"], Some(Listed::Any)),
        (&["*", ""], Some(Listed::Any)),
        (&["*, *"], Some(Listed::Malformed)),
        (&["*", "\"a\""], Some(Listed::Malformed)),
        (&["\"a\", *"], Some(Listed::Malformed)),
        (&["**"], Some(Listed::Malformed)),
        (&["a"], Some(Listed::Malformed)),
        (&["\"a\" \"b\""], Some(Listed::Malformed)),
        (&["\"a\"\"b\""], Some(Listed::Malformed)),
        (&["\"a\"; \"b\""], Some(Listed::Malformed)),
    ] {
        assert_eq!(look_for("\"a\"", fields), expected, "{fields:?}");
    }
}

proptest! {
    #[test]
    fn a_tag_is_found_if_and_only_if_it_was_put_in(
        tags in vec(("(W/)?", "[a-c,*]{0,3}"), 0..8),
        spaces in vec("[ \t,]{0,3}", 9),
        breaks in vec(any::<bool>(), 8),
        sought in "[a-c,*]{0,3}",
    ) {
        let mut fields = vec![spaces[8].clone()];
        for (at, (weak, opaque)) in tags.iter().enumerate() {
            if breaks[at] {
                fields.push(String::new());
            }
            let field = fields.last_mut().expect("at least one");
            *field = format!("{field},{}{weak}\"{opaque}\"", spaces[at]);
        }
        let fields: Vec<&str> = fields.iter().map(String::as_str).collect();
        let found = tags.iter().any(|(_, opaque)| *opaque == sought);
        let sought = format!("\"{sought}\"");
        prop_assert_eq!(look_for(&sought, &fields), Some(Listed::Tags { found }), "{:?}", fields);
    }

    #[test]
    fn any_octets_are_read_as_something(
        fields in vec(vec(proptest::sample::select(b"W/\"a,* \t\0\xff".to_vec()), 0..12), 0..4),
    ) {
        let listed = look(fields.iter().map(Vec::as_slice), |_| true);
        prop_assert_eq!(listed.is_none(), fields.is_empty());
    }
}
