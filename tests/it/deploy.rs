//! The files that the demo is deployed with: read by the programs that they are for, and in use.

mod container;
mod flags;
mod front;
mod haproxy;
mod kubernetes;
mod nginx;
mod pod;
mod posts;
mod rolling;

use std::path::PathBuf;

/// A file of `demo-app/deploy`.
fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../demo-app/deploy")).join(name)
}
