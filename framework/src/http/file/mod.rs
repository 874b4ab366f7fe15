//! Which answer a file gets, or anything else with a length, a date and an entity tag: all of it,
//! parts of it, or a word that the client has it already. No file is touched here.
//!
//! ```text
//! conditions (RFC 9110 section 13) ──▶ range (section 14) ──▶ Selection ──▶ Body: text and slices
//! ```

mod conditions;
mod date;
mod etag;
mod facts;
mod media;
mod multipart;
mod range;
mod selection;

pub(crate) use facts::{Facts, Stat};
pub(crate) use media::media_type;
pub(crate) use multipart::{Body, Segment};
pub(crate) use selection::{Selection, select};

#[cfg(test)]
mod tests;
