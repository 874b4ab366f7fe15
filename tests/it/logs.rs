//! `evenkeel logs`, and the logs of what `evenkeel start` began.

use std::fs::{self, File};

use nix::sys::signal::Signal;

use crate::harness::app::App;
use crate::harness::cli::Cli;
use crate::harness::terminal::Terminal;
use crate::harness::wait::wait_until;
use crate::output::outputs;

/// A program with a file for each of its two workers, known as `lines`.
fn lines(cli: &Cli, kind: &str) -> App {
    let mut program = cli.program(env!("CARGO_BIN_EXE_lines"));
    program.arg(cli.path("control")).arg(kind).arg(cli.path("out.log"));
    let app = App::start(program.env("EVENKEEL_NAME", "lines")).listening();
    wait_until("all workers", || {
        let list = cli.json(&["list"]);
        list[0]["workers"] != 0 && list[0]["workers"] == list[0]["workers_ready"]
    });
    app
}

#[test]
fn files_of_workers_are_found_and_followed_also_those_of_new_workers() {
    let cli = Cli::new();
    let mut app = lines(&cli, "each");
    let out = cli.done(&["logs", "lines"]);
    for line in ["lines worker 0 | begin 0.1", "lines worker 1 | begin 1.1"] {
        assert!(out.contains(line), "{out}");
    }
    let describe = cli.done(&["describe", "lines"]);
    assert!(describe.contains("out-1.log (worker 1)"), "{describe}");
    let control = cli.path("control").display().to_string();
    let by_socket = cli.done(&["logs", "--control", &control]);
    assert!(by_socket.contains("worker 0 | begin 0.1"), "{by_socket}");

    let mut follow = cli.command(&["logs", "lines", "-f", "-n", "0", "--json"]);
    let mut follow = App::start(&mut follow);
    cli.done(&["reload", "lines"]);
    follow.out.wait_for(r#"{"line":"begin 0.2","name":"lines","of":"worker 0"}"#);
    fs::rename(cli.path("out-0.log"), cli.path("out-0.log.1")).unwrap();
    cli.done(&["reopen", "lines"]);
    cli.done(&["scale", "lines", "+1"]);
    follow.out.wait_for(r#"{"line":"begin 2.1","name":"lines","of":"worker 2"}"#);
    cli.done(&["reload", "lines"]);
    follow.out.wait_for(r#"{"line":"begin 0.3","name":"lines","of":"worker 0"}"#);
    follow.signal(Signal::SIGTERM);
    follow.ended();

    // What workers said last is found when their master is dead.
    let workers = app.children();
    app.master.signal(Signal::SIGKILL);
    app.ended();
    wait_until("the end of the workers", || workers.iter().all(|worker| !worker.lives()));
    let out = cli.done(&["logs", "lines"]);
    assert!(out.contains("lines worker 2 | begin 2.2"), "{out}");
    let describe = cli.done(&["describe", "lines"]);
    assert!(describe.contains("stopped; its master ended without a word"), "{describe}");
}

#[test]
fn one_file_of_all_workers_is_shown_as_it_is() {
    let cli = Cli::new();
    let mut app = lines(&cli, "merged");
    let out = cli.done(&["logs", "lines"]);
    assert_eq!(out.matches("begin ").count(), 4, "{out}");
    assert!(!out.contains(" | "), "{out}");
    cli.done(&["stop", "lines"]);
    app.ended();
}

/// Master and workers have one file, which nobody moved by hand.
#[test]
fn the_log_of_a_start_is_moved_when_it_is_large_and_all_go_on_in_the_new_one() {
    let cli = Cli::new();
    cli.write_two();
    fs::create_dir(cli.path("state")).unwrap();
    let log = cli.path("state/shop.log");
    // As large as it may be; it takes no room.
    File::create(&log).unwrap().set_len(64 << 20).unwrap();
    cli.done(&["start", "apps.toml", "shop"]);
    wait_until("the rotation", || cli.path("state/shop.log.1").exists() && log.exists());
    let text = || fs::read_to_string(&log).unwrap_or_default();
    cli.done(&["scale", "shop", "+1"]);
    assert!(text().contains("worker 2 (generation 1) is ready"), "the master's: {}", text());
    // A worker that was there before writes there, too.
    wait_until("all workers in the new file", || {
        let mut children = cli.master("shop").children().into_iter();
        children.all(|child| outputs(child) == [log.clone(), log.clone()])
    });
    // By another program and a word; what the master says of it is in the new file.
    fs::rename(&log, cli.path("state/moved")).unwrap();
    cli.done(&["reopen", "shop"]);
    assert!(text().contains("the files of logs are opened anew"), "{}", text());
    // An upgrade goes on with that.
    cli.done(&["upgrade", "shop"]);
    fs::rename(&log, cli.path("state/moved")).unwrap();
    cli.done(&["reload", "shop"]);
    assert!(text().contains("reload done"), "{}", text());
    cli.done(&["stop", "shop"]);
    cli.all_gone();
}

#[test]
fn the_log_of_a_program_of_others_is_moved_when_its_workers_are_replaced() {
    let cli = Cli::new();
    let log = cli.path("state/guest.log");
    let given = ["start", "--name", "guest", "--listen", "127.0.0.1:0", "--set", "workers=1", "--"];
    cli.done(&[&given[..], &["sleep", "600"]].concat());
    let moved = cli.path("state/guest.log.1");
    File::options().append(true).open(&log).unwrap().set_len(64 << 20).unwrap();
    // Not while the file is young.
    wait_until("the rotation", || {
        cli.done(&["reload", "guest"]);
        moved.exists()
    });
    cli.done(&["reload", "guest"]);
    assert_eq!(outputs(cli.master("guest").children()[0]), [log.clone(), log.clone()]);
    assert!(fs::read_to_string(&log).unwrap().contains("reload done"), "the master's lines");
    let said = cli.run(&["reopen", "guest"]);
    assert_eq!(said.code, Some(1));
    assert!(said.error.contains("reload replaces them"), "{}", said.error);
    cli.done(&["stop"]);
    cli.all_gone();
}

/// Whoever can have a line written could do with the terminal what he likes.
#[test]
fn colours_of_a_log_reach_the_terminal_and_other_control_characters_do_not() {
    const LINE: &[u8] =
        b"GET /\x1b]0;owned\x07\t\xc2\x9b2J \xff\x9b \r\x7f \xc3\xa4 \x1b[31;1mred \x1b[2J\x1b[3";
    let cli = Cli::new();
    fs::create_dir(cli.path("state")).unwrap();
    let log = [LINE, b"\n", b"end\n"].concat();
    fs::write(cli.path("state/shop.log"), &log).unwrap();
    let on_terminal = |more: &[&str]| {
        let mut command = cli.command(&[&["logs", "shop"], more].concat());
        let mut terminal = Terminal::run(&mut command, 200, 24);
        assert!(terminal.ended().success());
        terminal.wait_for("end");
        terminal.text()
    };
    let shown = on_terminal(&[]);
    let line = "GET /\\x1b]0;owned\\x07\t\\u{9b}2J \\xff\\x9b \\r\\x7f \u{e4} \u{1b}[31;1mred \\x1b[2J\\x1b[3";
    // What follows has its own colours.
    assert_eq!(shown.trim_end(), format!("{line}\u{1b}[m\r\nend"));
    let json = on_terminal(&["--json"]);
    assert!(!json.contains(|c: char| c.is_control() && !"\r\n".contains(c)), "{json:?}");
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    assert_eq!(first["line"], String::from_utf8_lossy(LINE).as_ref());
    // Programs read what was written.
    let piped = cli.command(&["logs", "shop"]).output().unwrap();
    assert_eq!(piped.stdout, log);
}
