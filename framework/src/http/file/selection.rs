//! The answer to a request for a representation.

use super::conditions::{Verdict, judge, range_is_wanted};
use super::date;
use super::facts::Facts;
use super::range::{Slice, Wanted, wanted};

/// Status, fields, and which octets make the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    /// 200, 206, 304, 412 or 416.
    pub(crate) status: u16,
    /// What a `GET` is sent, in this order; none if there is nothing to send. `HEAD` has the same
    /// length, and nothing of it.
    pub(crate) slices: Vec<Slice>,
    /// Names and values of the fields that go with it. `Content-Type` and `Content-Length` are those
    /// of the [`Body`](super::Body).
    pub(crate) fields: Vec<(&'static str, String)>,
    /// Octets of the whole representation.
    pub(crate) length: u64,
}

/// Evaluates preconditions and range in the order of RFC 9110 section 13.2.2.
///
/// `fields` has the values of all fields of a name; `now` is in seconds since the Unix epoch. For
/// other methods than `GET` and `HEAD`, 200 means that nothing speaks against them.
pub(crate) fn select<'a, V>(
    method: &str,
    fields: impl Fn(&'static str) -> V,
    facts: &Facts,
    now: u64,
) -> Selection
where
    V: Iterator<Item = &'a [u8]>,
{
    match judge(method, &fields, Some(facts)) {
        Verdict::Failed => return Selection::new(412, vec![], facts),
        Verdict::NotModified => {
            let mut selection = Selection::new(304, vec![], facts);
            selection.validators(facts, now, false);
            return selection;
        }
        Verdict::Proceed => {}
    }
    let mut ranges = fields("range");
    // Section 14.2: only GET has ranges, and the field is no list.
    let range = match (method, ranges.next(), ranges.next()) {
        ("GET", Some(value), None) if range_is_wanted(fields("if-range"), facts, now) => value,
        _ => return Selection::whole(facts, now),
    };
    match wanted(range, facts.length) {
        Wanted::Whole => Selection::whole(facts, now),
        Wanted::Nothing => {
            let mut selection = Selection::new(416, vec![], facts);
            selection.add("Content-Range", format!("bytes */{}", facts.length));
            selection
        }
        Wanted::Slices(slices) => {
            let mut selection = Selection::new(206, slices, facts);
            selection.validators(facts, now, fields("if-range").next().is_none());
            // Section 15.3.7.2: of many parts each has its own.
            if let [slice] = selection.slices[..] {
                selection.add("Content-Range", content_range(slice, facts.length));
            }
            selection.add("Accept-Ranges", "bytes".into());
            selection
        }
    }
}

/// Section 14.4.
pub(super) fn content_range(slice: Slice, length: u64) -> String {
    format!("bytes {}-{}/{length}", slice.first, slice.first + (slice.length - 1))
}

impl Selection {
    fn whole(facts: &Facts, now: u64) -> Self {
        let slice = Slice { first: 0, length: facts.length };
        let slices = if facts.length > 0 { vec![slice] } else { vec![] };
        let mut selection = Self::new(200, slices, facts);
        selection.validators(facts, now, true);
        selection.add("Accept-Ranges", "bytes".into());
        selection
    }

    fn new(status: u16, slices: Vec<Slice>, facts: &Facts) -> Self {
        Self { status, slices, fields: Vec::new(), length: facts.length }
    }

    /// A client that has named what it has (sections 15.3.7 and 15.4.5) needs the date only if there
    /// is no tag.
    fn validators(&mut self, facts: &Facts, now: u64, all: bool) {
        if let Some(etag) = &facts.etag {
            self.add("ETag", etag.clone());
        }
        if let Some(modified) = facts.modified.filter(|_| all || facts.etag.is_none()) {
            // Section 8.8.2.1: never later than the answer.
            self.add("Last-Modified", date::text(modified.min(now)));
        }
    }

    fn add(&mut self, name: &'static str, value: String) {
        self.fields.push((name, value));
    }
}

#[cfg(test)]
mod tests;
