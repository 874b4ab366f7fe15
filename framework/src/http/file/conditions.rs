//! Conditional requests (RFC 9110 section 13).

use super::date;
use super::etag::{EntityTag, Listed, look};
use super::facts::{Facts, is_settled};

/// What the preconditions come to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The method is to be carried out.
    Proceed,
    /// 304: the client has it.
    NotModified,
    /// 412: what is there is not what the client thinks.
    Failed,
}

/// Evaluates the preconditions in the order of section 13.2.2. `fields` has the values of all fields
/// of a name; `current` is `None` if there is nothing yet, as before a `PUT`.
///
/// To be asked last, when the answer would otherwise be 2xx (section 13.2.1). A list of entity tags
/// that is malformed lets nothing be changed, and nobody be told that he has the current version.
pub(crate) fn judge<'a, V>(
    method: &str,
    fields: impl Fn(&'static str) -> V,
    current: Option<&Facts>,
) -> Verdict
where
    V: Iterator<Item = &'a [u8]>,
{
    if matches!(method, "CONNECT" | "OPTIONS" | "TRACE") {
        return Verdict::Proceed;
    }
    let reads = matches!(method, "GET" | "HEAD");
    let modified = current.and_then(|facts| facts.modified);
    let holds = if_match(fields("if-match"), current).or_else(|| {
        let (modified, date) = (modified?, date_of(fields("if-unmodified-since"))?);
        Some(modified <= date)
    });
    if holds == Some(false) {
        return Verdict::Failed;
    }
    let holds = if_none_match(fields("if-none-match"), current, reads).or_else(|| {
        let (modified, date) = (modified?, date_of(fields("if-modified-since")).filter(|_| reads)?);
        Some(modified > date)
    });
    match holds {
        Some(false) if reads => Verdict::NotModified,
        Some(false) => Verdict::Failed,
        _ => Verdict::Proceed,
    }
}

/// Section 13.1.5: whether `Range` is to be heeded. `now` is in seconds since the Unix epoch.
///
/// A date is taken if it is the very one of the file and so old that it is strong.
pub(super) fn range_is_wanted<'a>(
    mut if_range: impl Iterator<Item = &'a [u8]>,
    facts: &Facts,
    now: u64,
) -> bool {
    let Some(value) = if_range.next() else { return true };
    if if_range.next().is_some() {
        return false;
    }
    if let Some(tag) = EntityTag::parse(value) {
        return own_tag(facts).is_some_and(|own| own.is_strongly(tag));
    }
    let date = date::parse(value);
    date.is_some() && date == facts.modified.filter(|modified| is_settled(*modified, now))
}

/// Section 13.1.1.
fn if_match<'a>(fields: impl Iterator<Item = &'a [u8]>, current: Option<&Facts>) -> Option<bool> {
    let own = current.and_then(own_tag);
    Some(match look(fields, |tag| own.is_some_and(|own| own.is_strongly(tag)))? {
        Listed::Any => current.is_some(),
        Listed::Tags { found } => found,
        Listed::Malformed => false,
    })
}

/// Section 13.1.2.
fn if_none_match<'a>(
    fields: impl Iterator<Item = &'a [u8]>,
    current: Option<&Facts>,
    reads: bool,
) -> Option<bool> {
    let own = current.and_then(own_tag);
    Some(match look(fields, |tag| own.is_some_and(|own| own.is_weakly(tag)))? {
        Listed::Any => current.is_none(),
        Listed::Tags { found } => !found,
        Listed::Malformed => reads,
    })
}

fn own_tag(facts: &Facts) -> Option<EntityTag<'_>> {
    facts.etag.as_ref().and_then(|etag| EntityTag::parse(etag.as_bytes()))
}

/// Sections 13.1.3 and 13.1.4: one date; a list of them, or what is none, is ignored.
fn date_of<'a>(mut fields: impl Iterator<Item = &'a [u8]>) -> Option<u64> {
    let value = fields.next()?;
    if fields.next().is_some() { None } else { date::parse(value) }
}

#[cfg(test)]
mod tests;
