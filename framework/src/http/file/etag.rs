//! Entity tags (RFC 9110 section 8.8.3), and lists of them.

/// An entity tag, as it stands in a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct EntityTag<'a> {
    weak: bool,
    opaque: &'a [u8],
}

impl<'a> EntityTag<'a> {
    /// A value that is one tag and nothing else.
    pub(super) fn parse(value: &'a [u8]) -> Option<Self> {
        Self::split(value).filter(|(_, rest)| rest.is_empty()).map(|(tag, _)| tag)
    }

    /// The tag that `bytes` begin with, and what follows it.
    fn split(bytes: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let (weak, bytes) = match bytes.strip_prefix(b"W/") {
            Some(rest) => (true, rest),
            None => (false, bytes),
        };
        let bytes = bytes.strip_prefix(b"\"")?;
        let end = bytes.iter().position(|byte| *byte == b'"')?;
        let (opaque, rest) = (&bytes[..end], &bytes[end + 1..]);
        let is_etagc = |byte: &u8| *byte > b' ' && *byte != 0x7f;
        opaque.iter().all(is_etagc).then_some((Self { weak, opaque }, rest))
    }

    /// Section 8.8.3.2: octet for octet the same representation.
    pub(super) fn is_strongly(self, other: Self) -> bool {
        !self.weak && !other.weak && self.opaque == other.opaque
    }

    /// Section 8.8.3.2: one that may stand for the other.
    pub(super) fn is_weakly(self, other: Self) -> bool {
        self.opaque == other.opaque
    }
}

/// What `If-Match` and `If-None-Match` name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listed {
    /// `*`, alone.
    Any,
    /// Tags, and whether the sought one is among them.
    Tags { found: bool },
    /// Neither of the two. The RFC does not say what then.
    Malformed,
}

/// Looks for a tag in all fields of a name, which are one list (sections 5.3 and 5.6.1). `None` if
/// there is no field.
pub(super) fn look<'a>(
    fields: impl Iterator<Item = &'a [u8]>,
    is_sought: impl Fn(EntityTag<'a>) -> bool,
) -> Option<Listed> {
    let (mut present, mut stars, mut tags, mut found) = (false, 0, 0, false);
    for mut rest in fields {
        present = true;
        loop {
            // Empty members are let pass.
            let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b',');
            let Some(at) = rest.iter().position(|byte| !is_space(byte)) else { break };
            rest = &rest[at..];
            if let Some(after) = rest.strip_prefix(b"*") {
                stars += 1;
                rest = after;
            } else if let Some((tag, after)) = EntityTag::split(rest) {
                tags += 1;
                found |= is_sought(tag);
                rest = after;
            } else {
                return Some(Listed::Malformed);
            }
            rest = rest.trim_ascii_start();
            if !rest.is_empty() && !rest.starts_with(b",") {
                return Some(Listed::Malformed);
            }
        }
    }
    present.then_some(match (stars, tags) {
        (0, _) => Listed::Tags { found },
        (1, 0) => Listed::Any,
        _ => Listed::Malformed,
    })
}

#[cfg(test)]
mod tests;
