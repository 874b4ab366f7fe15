//! `evenkeel …` as the pages say it, run by a user whose one application is called `app`.

use std::fs;

use crate::harness::app::{App, demo_path};
use crate::harness::cli::{Cli, evenkeel_path};
use crate::harness::deployed::replace;

use super::programs;

/// Programs of others that pages start under an Evenkeel master. They wait, as ones that serve do.
const OF_OTHERS: [&str; 3] = ["node", "gunicorn", "uvicorn"];

/// One command line, without `evenkeel`. It is done; or it only names a verb, which there is.
pub(super) fn runs(place: &str, arguments: &[String]) {
    if arguments.iter().any(|word| word == "--now") && arguments[0] == "systemd" {
        // This machine's service manager would start it; `systemd_real` has one of its own for that.
        let program = std::process::Command::new(evenkeel_path());
        return programs::understands(place, program, arguments);
    }
    let user = User::new();
    let words = user.words(arguments);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if words.contains(&"-f") {
        let follow = App::start(&mut user.command(&words));
        follow.out.wait_for("worker 0");
        return;
    }
    if words.contains(&"--foreground") && words.contains(&"apps.toml") {
        user.cli.done(&["stop", "app"]);
        let app = App::start(&mut user.command(&words));
        app.log.wait_for("worker 0 (generation 1) is ready");
        return;
    }
    let output = user.command(&words).output().unwrap();
    let names_a_verb = output.status.code() == Some(2)
        && arguments.len() <= 2
        && arguments.iter().all(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()));
    if names_a_verb {
        let program = std::process::Command::new(evenkeel_path());
        return programs::understands(place, program, arguments);
    }
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{place}: {words:?}: {}: {error}", output.status);
}

struct User {
    cli: Cli,
}

impl User {
    fn new() -> Self {
        let cli = Cli::new();
        for name in OF_OTHERS {
            replace(&cli.path(name), b"#!/bin/sh\nexec sleep 600\n");
        }
        let text = format!(
            "[app.app]\nprogram = {:?}\nargs = [\"--output\", \"app.log\"]\nlisten = \"127.0.0.1:0\"\nworkers = 1\n",
            demo_path().display().to_string()
        );
        cli.write("apps.toml", &text);
        cli.done(&["start", "apps.toml"]);
        Self { cli }
    }

    /// With the system's programs, and those of others that stand in for what may not be installed.
    fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = self.cli.command(words);
        let path = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{path}", self.cli.path(".").display()));
        command
    }

    /// On ports, sockets and folders of this user instead of those that are said.
    fn words(&self, arguments: &[String]) -> Vec<String> {
        let mut words = Vec::new();
        let mut before = "";
        for word in arguments {
            match (before, word.as_str()) {
                // There is one of that name.
                ("--name", "app") => words.push("guest".to_owned()),
                ("--control", _) => words.push(self.control()),
                ("--listen", address) => {
                    let (host, port) = address.rsplit_once(':').expect("HOST:PORT");
                    assert!(port.parse::<u16>().is_ok(), "{address}");
                    words.push(format!("{host}:0"));
                }
                (_, "NAME") => words.push("app".to_owned()),
                (_, "FILE") => words.push("apps.toml".to_owned()),
                (_, "PROGRAM") => words.push(demo_path().display().to_string()),
                (_, "ARGS") => {}
                ("systemd", "install") if arguments.len() > 2 => {
                    let folder = self.cli.path("units");
                    fs::create_dir_all(&folder).unwrap();
                    let folder = folder.display().to_string();
                    words.extend(["install".to_owned(), "--dir".to_owned(), folder]);
                }
                ("", "top") => {
                    words.extend(["top", "--once", "--interval", "0.05"].map(str::to_owned));
                }
                _ => words.push(word.clone()),
            }
            before = word;
        }
        words
    }

    fn control(&self) -> String {
        self.cli.record("app").unwrap()["control"].as_str().unwrap().to_owned()
    }
}

/// What `evenkeel config check` says of a file with this text.
pub(super) fn configures(place: &str, text: &str) {
    let cli = Cli::new();
    cli.write("page.toml", text);
    let said = cli.run(&["config", "check", "page.toml"]);
    assert_eq!(said.code, Some(0), "{place}: {}", said.error);
}
