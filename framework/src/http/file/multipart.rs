//! The body of an answer: text, and slices of the representation, in the order of sending.

use super::super::characters::is_field_value;
use super::range::Slice;
use super::selection::{Selection, content_range};

/// A body whose length is known before anything of it is read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Body {
    /// `None` where there is no body.
    pub(crate) content_type: Option<String>,
    /// Octets of all segments: the `Content-Length`.
    pub(crate) length: u64,
    pub(crate) segments: Vec<Segment>,
}

/// One of the things that are sent after another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Segment {
    Text(Vec<u8>),
    /// Of the representation, as for sendfile(2).
    Slice(Slice),
}

impl Body {
    /// The body of a selection of a representation of this media type. `random` makes the boundary of
    /// `multipart/byteranges` (RFC 9110 section 14.6); it must be new for each answer, and nobody may be
    /// able to tell it before: then no file contains it but by a chance of one in 2¹²⁸.
    pub(crate) fn of(selection: &Selection, media_type: &str, random: u128) -> Self {
        let content_type = Some(media_type.to_owned());
        match (selection.status, &selection.slices[..]) {
            (200, []) => Self { content_type, length: 0, segments: vec![] },
            (_, []) => Self { content_type: None, length: 0, segments: vec![] },
            (_, [slice]) => {
                Self { content_type, length: slice.length, segments: vec![Segment::Slice(*slice)] }
            }
            (_, slices) => multipart(slices, selection.length, media_type, random),
        }
    }
}

/// RFC 2046 section 5.1.1.
fn multipart(slices: &[Slice], whole: u64, media_type: &str, random: u128) -> Body {
    let boundary = format!("{random:032x}");
    let mut segments = Vec::with_capacity(2 * slices.len() + 1);
    // What a handler says must not end the head.
    let media = if is_field_value(media_type.as_bytes()) {
        format!("Content-Type: {media_type}\r\n")
    } else {
        String::new()
    };
    let mut before = "";
    for slice in slices {
        let range = content_range(*slice, whole);
        let head = format!("{before}--{boundary}\r\n{media}Content-Range: {range}\r\n\r\n");
        segments.push(Segment::Text(head.into_bytes()));
        segments.push(Segment::Slice(*slice));
        before = "\r\n";
    }
    segments.push(Segment::Text(format!("\r\n--{boundary}--\r\n").into_bytes()));
    let lengths = segments.iter().map(|segment| match segment {
        Segment::Text(text) => text.len() as u64,
        Segment::Slice(slice) => slice.length,
    });
    let length = lengths.fold(0, u64::saturating_add);
    let content_type = Some(format!("multipart/byteranges; boundary={boundary}"));
    Body { content_type, length, segments }
}

#[cfg(test)]
mod tests;
