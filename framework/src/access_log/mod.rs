//! What was asked and answered, in a line each.
//!
//! ```text
//! loop ── record ──▶ own lines ── end of turn ──▶ handover ──▶ writer: a thread ──▶ outlet: the file
//!                                                (never waits)
//! ```
//!
//! The loop only appends to memory. A thread of the worker owns the file, and waits for disks and for
//! readers of pipes. What waits is bounded; what does not fit is dropped in whole lines and counted.

mod format;
mod handover;
mod logger;
mod outlet;
mod text;
mod time;
mod writer;

pub(crate) use format::Record;
pub(crate) use logger::AccessLogger;
pub(crate) use outlet::check;
