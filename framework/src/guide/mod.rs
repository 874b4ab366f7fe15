//! How things are done with this crate, a chapter each.

#[doc = include_str!("deploy.md")]
pub mod deploy {}

#[doc = include_str!("logs.md")]
pub mod logs {}

#[doc = include_str!("node.md")]
pub mod node {}
