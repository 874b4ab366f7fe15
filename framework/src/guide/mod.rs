//! How things are done here that are done elsewhere in other ways.

#[doc = include_str!("node.md")]
pub mod node {}
