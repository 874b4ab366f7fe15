//! Our programs, as the pages call them.

use std::process::Command;

use super::{cargo, user};
use crate::bench::bench;
use crate::harness::app::{App, demo_path, run_to_end};
use crate::harness::client;

/// A command line of one of our programs; `false`, if it is none.
pub(super) fn check(place: &str, program: &str, arguments: &[String]) -> bool {
    match program {
        "cargo" => cargo::check(place, arguments),
        "evenkeel" => user::runs(place, arguments),
        "demo-app" => demo(place, arguments),
        "bench" => understands(place, bench(&[]), arguments),
        "bench/distribution.sh" => {
            is_a_script(place, program);
            understands(place, bench(&["distribution"]), arguments);
        }
        ".ci/run" => is_a_script(place, program),
        "tests/fuzz/run.sh" => {
            is_a_script(place, program);
            let seconds = arguments.iter().all(|word| word.parse::<u32>().is_ok());
            assert!(seconds && arguments.len() < 2, "{place}");
        }
        "curl" => curl(place, arguments),
        built => match built.strip_prefix("target/release/") {
            Some(name) => {
                assert!(cargo::is_built(name), "{place}: cargo builds no {name}");
                check(place, name, arguments);
            }
            None => return false,
        },
    }
    true
}

/// It serves with them, or ends as told.
fn demo(place: &str, arguments: &[String]) {
    // These are for addresses and users that are not of this machine.
    let foreign = ["--bind", "--user", "--also", "--files"];
    if arguments.iter().any(|word| foreign.contains(&word.as_str())) {
        understands(place, Command::new(demo_path()), arguments);
    } else if arguments.iter().any(|word| word == "--help") {
        let (code, _, error) = run_to_end(Command::new(demo_path()).args(arguments));
        assert_eq!(code, Some(0), "{place}: {error}");
    } else {
        serves(place, Command::new(demo_path()), arguments);
    }
}

/// Really starts it, on a port of the kernel's choice instead of the one that is said.
pub(super) fn serves(place: &str, mut command: Command, arguments: &[String]) {
    let mut words = arguments.iter();
    while let Some(word) = words.next() {
        if word == "--port" {
            assert!(
                words.next().is_some_and(|port| port.parse::<u16>().is_ok()),
                "{place}: {word}"
            );
        } else {
            command.arg(word);
        }
    }
    let app = App::start(command.args(["--port", "0"])).listening();
    assert_eq!(app.get("/whoami").status, 200, "{place}");
    app.stop();
}

/// It reads the whole line, and shows its help instead of doing it.
pub(super) fn understands(place: &str, mut command: Command, arguments: &[String]) {
    let output = command.args(arguments).arg("--help").output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{place}: {arguments:?}: {error}");
}

fn is_a_script(place: &str, path: &str) {
    let path = std::path::Path::new(crate::tidy::ROOT).join(path);
    let output = Command::new("bash").arg("-n").arg(&path).output().unwrap();
    assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
}

/// The demo knows the path.
fn curl(place: &str, arguments: &[String]) {
    let app = App::demo(&["--workers", "1"]);
    let urls: Vec<&str> =
        arguments.iter().filter_map(|word| word.strip_prefix("http://127.0.0.1:8080")).collect();
    assert!(urls.len() == arguments.len() && !urls.is_empty(), "{place}: nobody checks this");
    for url in urls {
        assert_eq!(client::get(app.port, url).unwrap().status, 200, "{place}: {url}");
    }
    app.stop();
}
