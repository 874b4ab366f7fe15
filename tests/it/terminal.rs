//! The command line on a terminal: widths, colours, and `top`.

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::harness::cli::Cli;
use crate::harness::load::Load;
use crate::harness::terminal::Terminal;
use crate::harness::wait::wait_until;

fn one() -> Cli {
    let cli = Cli::new();
    cli.write_two();
    cli.done(&["start", "apps.toml", "shop"]);
    cli
}

/// What a terminal shows of it, without sequences for colours.
fn shown(text: &str) -> Vec<String> {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain += before;
        rest = after.split_once('m').map_or("", |(_, after)| after);
    }
    plain += rest;
    plain.lines().map(|line| line.trim_end().to_owned()).collect()
}

#[test]
fn tables_fit_the_terminal_and_have_colours_there_only() {
    let cli = one();
    let on_terminal = |columns: u16, no_colour: &str| {
        let mut command = cli.command(&["list"]);
        let mut terminal = Terminal::run(command.env("NO_COLOR", no_colour), columns, 24);
        assert!(terminal.ended().success());
        terminal.wait_for("shop");
        terminal.wait_for("127.0.0.1");
        terminal.text()
    };
    for columns in [50, 70, 100, 160] {
        let text = on_terminal(columns, "");
        assert!(text.contains("\u{1b}[38;5;10m"), "green: {text:?}");
        let lines = shown(&text);
        let longest = lines.iter().map(|line| line.chars().count()).max().unwrap();
        assert!(longest <= usize::from(columns), "{columns}: {lines:?}");
        assert!(lines[0].contains("name") && lines[0].contains("workers"), "{lines:?}");
        assert_eq!(lines[0].contains("deaths"), columns >= 100, "{lines:?}");
    }
    assert!(!on_terminal(100, "1").contains('\u{1b}'), "NO_COLOR");
    assert!(!cli.done(&["list"]).contains('\u{1b}'), "no terminal");
    cli.done(&["stop", "all"]);
}

#[test]
fn what_is_described_goes_on_in_the_next_line_where_a_line_is_full() {
    let cli = one();
    for columns in [40, 80] {
        let mut terminal = Terminal::run(&mut cli.command(&["describe", "shop"]), columns, 200);
        assert!(terminal.ended().success());
        terminal.wait_for("last events");
        wait_until("the last event", || terminal.text().trim_end().ends_with("ready"));
        let lines = shown(&terminal.text());
        assert!(lines.iter().all(|line| line.chars().count() <= usize::from(columns)), "{lines:?}");
        let goes_on = lines.iter().any(|line| line.starts_with("            "));
        assert!(goes_on || columns > 40, "{lines:?}");
    }
    cli.done(&["stop", "all"]);
}

#[test]
fn top_shows_workers_live_and_gives_the_terminal_back() {
    let cli = one();
    let start = || Terminal::run(&mut cli.command(&["top", "--interval", "0.1"]), 100, 24);
    let mut terminal = start();
    terminal.wait_for("shop: process");
    terminal.wait_for("ready");
    assert!(!terminal.is_as_it_was());
    cli.done(&["scale", "shop", "+1"]);
    let third = cli.master("shop").children()[2].pid;
    terminal.wait_for(&third.to_string());
    terminal.press("q");
    assert_eq!(terminal.ended().code(), Some(0));
    assert!(terminal.is_as_it_was());
    terminal.wait_for("\u{1b}[?1049l");

    let mut terminal = start();
    terminal.wait_for("ready");
    let pid = i32::try_from(terminal.pid()).unwrap();
    kill(Pid::from_raw(pid), Signal::SIGTERM).unwrap();
    assert_eq!(terminal.ended().code(), Some(0));
    assert!(terminal.is_as_it_was(), "after a signal, too");
    cli.done(&["stop", "all"]);
}

#[test]
fn top_once_is_for_programs() {
    let cli = one();
    let out = cli.done(&["top", "shop", "--once", "--interval", "0.1"]);
    assert!(out.starts_with("shop: process ") && out.matches(" ready ").count() == 2, "{out}");
    let json = cli.json(&["top", "--once", "--interval", "0.1"]);
    assert_eq!((&json[0]["name"], &json[0]["workers"][1]["worker"]), (&"shop".into(), &1.into()));
    cli.done(&["stop", "all"]);
    assert_eq!(cli.done(&["top", "--once", "--interval", "0.1"]), "no application runs\n");
}

/// Root looks at applications of all users.
#[test]
fn what_a_record_says_does_not_command_the_terminal() {
    let cli = one();
    let mut record = cli.record("shop").unwrap();
    for key in ["policy", "directory", "program"] {
        record[key] = "\u{1b}]0;owned\u{7}\u{9b}2J".into();
    }
    record["addresses"] = serde_json::json!(["\u{1b}[2J"]);
    cli.write("run/shop/app.json", &record.to_string());
    let verbs = [&["list"][..], &["describe", "shop"], &["top", "--once", "--interval", "0.1"]];
    for verb in verbs {
        let mut command = cli.command(verb);
        let mut terminal = Terminal::run(command.env("NO_COLOR", "1"), 300, 50);
        assert!(terminal.ended().success(), "{verb:?}");
        terminal.wait_for("shop");
        terminal.wait_for("\\x1b");
        let text = terminal.text();
        let commands = |c: char| c.is_control() && !"\r\n".contains(c);
        assert!(!text.contains(commands), "{verb:?}: {text:?}");
    }
    cli.done(&["stop", "all"]);
}

#[test]
fn top_shows_latencies_of_requests_between_two_looks() {
    let cli = one();
    let look = || cli.json(&["top", "--once", "--interval", "0.2"])[0]["workers"].clone();
    let load = Load::start(cli.port("shop"), 2, "/whoami");
    wait_until("latencies", || (0..2).all(|at| look()[at]["p99_us"].is_u64()));
    load.stop();
    for worker in look().as_array().unwrap() {
        assert!(worker["p50_us"].is_null() && worker["p99_us"].is_null(), "{worker}");
    }
    cli.done(&["stop", "all"]);
}
