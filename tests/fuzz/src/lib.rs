//! What the fuzz targets have in common: rules that hold of any input, whatever it is.

mod pieces;
#[path = "../../second_reader/mod.rs"]
mod second_reader;

use evenkeel::Limits;
use evenkeel::internals::{Conversation, Terms, converse_on};
use peak_alloc::PeakAlloc;

pub use pieces::spell;

#[global_allocator]
static HELD: PeakAlloc = PeakAlloc;

/// The limits by default.
pub fn usual() -> Limits {
    Limits::default()
}

/// Limits that short inputs reach.
pub fn narrow() -> Limits {
    let mut limits = Limits::default();
    limits.head_bytes_max = 160;
    limits.body_bytes_max = 40;
    limits.output_high_water_bytes = 200;
    limits
}

/// Whole, by single octets and in portions the input is the same conversation, which the second reader
/// confirms; each request has its answer; and no more is held than was sent, by a factor.
///
/// # Panics
/// When one of them is not so.
pub fn check(input: &[u8], limits: Limits) -> Conversation {
    held_is_bounded(input, limits);
    match second_reader::agree(input, limits) {
        Ok(said) => said,
        Err(why) => panic!("{why}"),
    }
}

/// The shortest field takes four octets and some fifty of memory, in a vector that doubles; nothing is
/// set aside for what is only announced.
fn held_is_bounded(input: &[u8], limits: Limits) {
    const FACTOR: usize = 100;
    const FIXED_BYTES: usize = 64 * 1024;
    let terms = Terms { limits, proxied: false };
    let octets: Vec<&[u8]> = input.chunks(1).collect();
    HELD.reset_peak_usage();
    let before = HELD.current_usage();
    drop(converse_on(&terms, &octets));
    let held = HELD.peak_usage() - before;
    assert!(held <= FIXED_BYTES + FACTOR * input.len(), "{} octets, {held} held", input.len());
}
