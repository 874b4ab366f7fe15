//! Dates in fields (RFC 9110 section 5.6.7), as whole seconds since the Unix epoch.

use std::time::UNIX_EPOCH;

use super::super::date::DateCache;

/// A date in any of the three forms; `None` for anything else, which a recipient must ignore.
pub(super) fn parse(value: &[u8]) -> Option<u64> {
    let text = std::str::from_utf8(value).ok()?;
    let time = httpdate::parse_http_date(text).ok()?;
    time.duration_since(UNIX_EPOCH).ok().map(|time| time.as_secs())
}

/// The form that is sent.
pub(super) fn text(unix_seconds: u64) -> String {
    let line = *DateCache::default().at(unix_seconds);
    line.map(char::from).iter().collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_forms_of_a_date_are_read_and_others_are_none() {
        for text in [
            "Sun, 06 Nov 1994 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(parse(text.as_bytes()), Some(784_111_777), "{text}");
        }
        for text in [
            "",
            "0",
            "784111777",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 08:49:37 CET",
            "Sun, 06 Nov 1994 08:49:37 GMT, Sun, 06 Nov 1994 08:49:37 GMT",
            "Wed, 30 Feb 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "\u{ff}",
        ] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
        assert_eq!(parse(b"\xff\xfe"), None);
    }

    proptest! {
        #[test]
        fn what_is_sent_is_read_back(unix_seconds in 0u64..=253_370_764_800) {
            prop_assert_eq!(parse(text(unix_seconds).as_bytes()), Some(unix_seconds));
        }

        #[test]
        fn no_text_is_too_much(value: Vec<u8>, text in "[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9:]{8} GMT") {
            let _ = (parse(&value), parse(text.as_bytes()));
        }
    }
}
