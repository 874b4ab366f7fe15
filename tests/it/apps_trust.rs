//! Whose word the command line takes, and to whom it speaks.

use std::fs;

use crate::harness::app::demo_path;
use crate::harness::cli::Cli;

/// A file with one application, in a folder of its own, whose control socket is named relative to there.
fn write_with_relative_control(cli: &Cli, name: &str) -> String {
    fs::create_dir(cli.path(name)).unwrap();
    let file = format!("{name}/apps.toml");
    let demo = demo_path().display().to_string();
    let text = format!(
        "[app.{name}]\nprogram = {demo:?}\nlisten = \"127.0.0.1:0\"\nworkers = 1\ncontrol = \"own.sock\"\n"
    );
    cli.write(&file, &text);
    file
}

#[test]
fn a_control_socket_of_a_relative_path_is_found_from_anywhere() {
    let cli = Cli::new();
    for name in ["one", "two"] {
        let file = write_with_relative_control(&cli, name);
        cli.done(&["start", &file]);
    }
    assert_eq!(cli.record("one").unwrap()["control"], cli.path("one/own.sock").to_str().unwrap());
    cli.done(&["upgrade", "one"]);
    let other = cli.master("two");
    let mut stop = cli.command(&["stop", "one"]);
    let output = stop.current_dir(cli.path("two")).output().unwrap();
    assert!(output.status.success(), "{output:?}");
    assert!(cli.record("one").is_none() && other.lives());
    cli.done(&["stop"]);
    cli.all_gone();
}

#[test]
fn nothing_is_said_to_another_process_than_the_master_that_is_meant() {
    let cli = Cli::new();
    cli.write_two();
    cli.done(&["start", "apps.toml"]);
    // As if one had taken the other's place.
    let mut record = cli.record("shop").unwrap();
    record["control"] = cli.record("blog").unwrap()["control"].clone();
    cli.write("run/shop/app.json", &record.to_string());
    for verb in ["stop", "reload", "status", "describe"] {
        let said = cli.run(&[verb, "shop"]);
        assert_eq!(said.code, Some(69), "{verb}: {}", said.out);
        let pid = cli.master("blog").pid;
        let text = format!("process {pid} listens there, and the master of shop is");
        assert!(said.error.contains(&text), "{verb}: {}", said.error);
    }
    assert!(cli.master("blog").lives());
}
