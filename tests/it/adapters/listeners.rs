//! Listeners of a worker, and those who wait for its drain.

use std::process::Command;

use crate::harness::app::App;

/// The program whose tasks do what `mode` says.
fn hosted(mode: &str) -> App {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hosted"));
    App::controlled_in(tempfile::tempdir().unwrap(), command.arg(mode))
}

#[test]
fn who_gives_up_waiting_for_the_drain_leaves_nothing_behind() {
    let app = hosted("wakers");
    assert_eq!(app.get("/").text(), "0", "wakers");
    app.stop();
}
