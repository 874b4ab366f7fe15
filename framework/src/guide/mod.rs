//! How things are done with this crate, a chapter each.

#[doc = include_str!("logs.md")]
pub mod logs {}
