//! What an answer goes by.

use super::super::limits::SETTLED_AFTER_SECONDS;

/// What is known of a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Facts {
    /// In octets.
    pub(crate) length: u64,
    /// Seconds since the Unix epoch.
    pub(crate) modified: Option<u64>,
    /// As it is sent: `"…"`, or `W/"…"` for a weak one.
    pub(crate) etag: Option<String>,
}

/// What stat(2) says of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stat {
    /// In octets.
    pub(crate) length: u64,
    pub(crate) inode: u64,
    /// Of the last modification, since the Unix epoch.
    pub(crate) seconds: i64,
    /// Added to `seconds`; below a thousand million.
    pub(crate) nanoseconds: i64,
}

impl Facts {
    /// The facts of a file, at `now`, in seconds since the Unix epoch.
    ///
    /// The tag is made of the time of modification and the length, as nginx's, but in nanoseconds; and
    /// of the inode, which tells apart files that were put in each other's place with the times of
    /// their source (images whose files are all of the year 1970). It differs between machines. A file
    /// that is rewritten in place, to the same length, by a program that sets the time back, keeps its
    /// tag.
    ///
    /// RFC 9110 section 8.8.1: strong only if it changes whenever the file does. The kernel's clock for
    /// files advances a few milliseconds at a time, so one that was written a moment ago may be written
    /// again with the same time: its tag is weak, and another one than the strong one that follows, so
    /// that who has the first writing is not told that it is the last.
    pub(crate) fn of_file(stat: &Stat, now: u64) -> Self {
        let Stat { length, inode, seconds, nanoseconds } = *stat;
        let modified = u64::try_from(seconds).ok();
        let settled = modified.is_none_or(|modified| is_settled(modified, now));
        let (before, after) = if settled { ("\"", "\"") } else { ("W/\"", "-w\"") };
        let etag = format!("{before}{seconds:x}.{nanoseconds:08x}-{length:x}-{inode:x}{after}");
        Self { length, modified, etag: Some(etag) }
    }
}

/// Nothing more happens in that second; section 8.8.2.2 wants this of a date that is to be strong.
pub(super) fn is_settled(modified: u64, now: u64) -> bool {
    now.checked_sub(modified).is_some_and(|age| age >= SETTLED_AFTER_SECONDS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::etag::EntityTag;
    use super::*;

    fn tag(stat: &Stat, now: u64) -> String {
        Facts::of_file(stat, now).etag.expect("files have one")
    }

    #[test]
    fn a_file_that_may_still_change_has_a_weak_tag_that_is_not_its_later_one() {
        let stat = Stat { length: 5, inode: 7, seconds: 1000, nanoseconds: 999_999_999 };
        let settled = "\"3e8.3b9ac9ff-5-7\"";
        for (now, expected) in [
            (1000, "W/\"3e8.3b9ac9ff-5-7-w\""),
            (1001, "W/\"3e8.3b9ac9ff-5-7-w\""),
            (999, "W/\"3e8.3b9ac9ff-5-7-w\""),
            (0, "W/\"3e8.3b9ac9ff-5-7-w\""),
            (1002, settled),
            (u64::MAX, settled),
        ] {
            assert_eq!(tag(&stat, now), expected, "at {now}");
        }
    }

    #[test]
    fn a_file_from_before_the_epoch_has_no_date_and_still_a_tag() {
        let stat = Stat { length: 0, inode: 1, seconds: -1, nanoseconds: 0 };
        let facts = Facts::of_file(&stat, 5);
        assert_eq!(facts.modified, None);
        assert_eq!(facts.etag.as_deref(), Some("\"ffffffffffffffff.00000000-0-1\""));
    }

    fn stats() -> impl Strategy<Value = Stat> {
        let seconds = prop_oneof![any::<i64>(), 0i64..20];
        (0u64..20, 0u64..20, seconds, 0i64..1_000_000_000).prop_map(
            |(length, inode, seconds, nanoseconds)| Stat { length, inode, seconds, nanoseconds },
        )
    }

    proptest! {
        #[test]
        fn tags_are_valid_and_the_same_only_for_the_same_file(
            one in stats(), other in stats(), now in prop_oneof![any::<u64>(), 0u64..20],
        ) {
            let tags = [tag(&one, now), tag(&other, now)];
            let [first, second] =
                [0, 1].map(|at: usize| EntityTag::parse(tags[at].as_bytes()).expect("valid"));
            prop_assert_eq!(first.is_weakly(second), one == other);
        }
    }
}
