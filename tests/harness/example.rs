//! The small programs that serve with other servers than ours.

use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

use super::app::{App, built_with};

/// Those that speak plain HTTP.
pub(crate) const PLAIN: [&str; 4] = ["axum", "hyper_tower", "actix", "raw_mio"];

/// One of them, built once for all tests.
pub(crate) fn example(name: &str) -> Command {
    static DEMO: OnceLock<PathBuf> = OnceLock::new();
    let demo = DEMO.get_or_init(|| built_with("demo-app", &["--examples"]));
    Command::new(demo.with_file_name("examples").join(name))
}

impl App {
    /// One of them with these arguments, on a free port, listening, and on a control socket.
    pub(crate) fn example(name: &str, arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::controlled_in(folder, example(name).args(["--port", "0"]).args(arguments))
    }
}
