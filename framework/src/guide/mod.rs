//! How things are done here.

#[doc = include_str!("deploy.md")]
pub mod deploy {}
