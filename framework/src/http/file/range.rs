//! Which octets a `Range` field asks for (RFC 9110 section 14).

use super::super::characters::is_token;
use super::super::limits::RANGES_MAX;

/// Octets of a representation that follow each other: at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slice {
    pub(crate) first: u64,
    pub(crate) length: u64,
}

/// What the field comes to for a representation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The field is to be ignored.
    Whole,
    /// Slices that do not meet, in the order in which they were asked for.
    Slices(Vec<Slice>),
    /// 416: all of them begin behind the end.
    Nothing,
}

/// Reads the value of the one `Range` field. What is malformed, in another unit, or has too many
/// ranges is ignored, as section 14.2 allows.
pub(super) fn wanted(value: &[u8], length: u64) -> Wanted {
    let Some(specs) = specs(value) else { return Wanted::Whole };
    let mut slices = Vec::new();
    let mut whole = false;
    for spec in specs {
        match spec.slice(length) {
            Some(slice) if slice.length > 0 => join(&mut slices, slice),
            // The last octets of nothing are nothing, which no 206 can say.
            Some(_) => whole = true,
            None => {}
        }
    }
    match slices.is_empty() {
        false => Wanted::Slices(slices),
        true if whole => Wanted::Whole,
        true => Wanted::Nothing,
    }
}

/// One range of the set (section 14.1.1).
#[derive(Clone, Copy, Debug)]
enum Spec {
    Between { first: u64, last: u64 },
    Suffix(u64),
}

impl Spec {
    /// `None` for what is malformed.
    fn parse(text: &[u8]) -> Option<Self> {
        let dash = text.iter().position(|byte| *byte == b'-')?;
        let (first, last) = (&text[..dash], &text[dash + 1..]);
        match (first.is_empty(), last.is_empty()) {
            (true, true) => None,
            (true, false) => Some(Self::Suffix(position(last)?)),
            (false, true) => Some(Self::Between { first: position(first)?, last: u64::MAX }),
            (false, false) => {
                let (first, last) = (position(first)?, position(last)?);
                (first <= last).then_some(Self::Between { first, last })
            }
        }
    }

    /// Section 14.1.2: what there is of it; `None` if it cannot be satisfied.
    fn slice(self, length: u64) -> Option<Slice> {
        match self {
            Self::Between { first, .. } if first >= length => None,
            Self::Between { first, last } => {
                Some(Slice { first, length: last.min(length - 1) - first + 1 })
            }
            Self::Suffix(0) => None,
            Self::Suffix(suffix) => {
                let suffix = suffix.min(length);
                Some(Slice { first: length - suffix, length: suffix })
            }
        }
    }
}

/// `bytes=` and one range to [`RANGES_MAX`].
fn specs(value: &[u8]) -> Option<Vec<Spec>> {
    let equals = value.iter().position(|byte| *byte == b'=')?;
    let (unit, set) = (&value[..equals], &value[equals + 1..]);
    if !is_token(unit) || !unit.eq_ignore_ascii_case(b"bytes") {
        return None;
    }
    let members = set.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    let members = members.filter(|member| !member.is_empty());
    // One more tells that there are too many.
    let specs: Option<Vec<Spec>> = members.take(RANGES_MAX + 1).map(Spec::parse).collect();
    specs.filter(|specs| (1..=RANGES_MAX).contains(&specs.len()))
}

/// A number of any length; what does not fit is behind the end of everything.
fn position(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let digits = digits.iter().map(|digit| u64::from(digit - b'0'));
    Some(digits.fold(0u64, |sum, digit| sum.saturating_mul(10).saturating_add(digit)))
}

/// Adds a slice; those that it meets become one with it, at the place of the foremost (section
/// 15.3.7.2).
fn join(slices: &mut Vec<Slice>, mut slice: Slice) {
    let mut place = slices.len();
    while let Some(at) = slices.iter().position(|other| meet(*other, slice)) {
        let other = slices.remove(at);
        let first = slice.first.min(other.first);
        let end = (slice.first + slice.length).max(other.first + other.length);
        slice = Slice { first, length: end - first };
        place = place.min(at);
    }
    slices.insert(place, slice);
}

/// They overlap, or one begins where the other ends.
fn meet(one: Slice, other: Slice) -> bool {
    one.first <= other.first + other.length && other.first <= one.first + one.length
}

#[cfg(test)]
mod tests;
