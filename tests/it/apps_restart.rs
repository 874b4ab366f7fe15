//! Restarts, starts that meet another of their name, and what is remembered of them.

use std::fs;

use crate::harness::app::demo_path;
use crate::harness::cli::Cli;
use crate::harness::client::Client;
use crate::harness::load::Load;
use crate::harness::wait::wait_until;

fn write_shop(cli: &Cli, file: &str, further: &str) {
    let demo = demo_path().display().to_string();
    let text = format!("[app.shop]\nprogram = {demo:?}\nlisten = \"127.0.0.1:0\"\n{further}\n");
    cli.write(file, &text);
}

#[test]
fn a_restart_that_cannot_work_leaves_alone_what_runs() {
    let cli = Cli::new();
    fs::create_dir(cli.path("place")).unwrap();
    write_shop(&cli, "apps.toml", "workers = 1\ndirectory = \"place\"");
    cli.done(&["start", "apps.toml"]);
    let master = cli.master("shop");
    fs::remove_dir(cli.path("place")).unwrap();
    let said = cli.run(&["restart", "shop"]);
    assert_eq!(said.code, Some(1), "{}", said.out);
    assert!(said.error.contains("place is no directory"), "{}", said.error);
    let saved = fs::read_to_string(cli.path("state/apps.json")).unwrap();
    let other = saved.replace(demo_path().to_str().unwrap(), "/no/such/program");
    fs::create_dir(cli.path("place")).unwrap();
    cli.write("state/apps.json", &other);
    let said = cli.run(&["restart", "shop"]);
    assert!(said.error.contains("there is no such program"), "{}", said.error);
    assert!(master.lives());
    cli.done(&["stop"]);
}

#[test]
fn a_restart_goes_on_when_the_drain_takes_longer_than_it_is_waited_for() {
    let cli = Cli::new();
    write_shop(&cli, "apps.toml", "workers = 1\ngrace = \"20s\"");
    cli.done(&["start", "apps.toml"]);
    let master = cli.master("shop");
    let mut busy = Client::connect(cli.port("shop")).unwrap();
    busy.ask("/sleep?ms=2500").unwrap();
    let worker = master.children()[0];
    wait_until("the handler", || worker.sleeps_in_handler());
    // The new one may need longer than that as well.
    let said = cli.run(&["restart", "shop", "missing", "--timeout", "1", "--json"]);
    assert!(!master.lives());
    let answers: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((&answers[1]["name"], &answers[1]["ok"]), (&"missing".into(), &false.into()));
    wait_until("the new one", || cli.record("shop").is_some_and(|it| it["control"] != ""));
    assert_ne!(cli.master("shop"), master);
    cli.done(&["stop"]);
}

#[test]
fn a_change_is_told_of_until_it_is_applied() {
    let cli = Cli::new();
    write_shop(&cli, "apps.toml", "workers = 1");
    let start = || cli.done(&["start", "apps.toml"]);
    start();
    assert!(!start().contains("has changed"));
    write_shop(&cli, "apps.toml", "workers = 2");
    for _ in 0..2 {
        assert!(start().contains("`evenkeel restart shop` applies it"));
    }
    let differ = "; the saved settings differ: `evenkeel restart shop` applies them";
    for verb in ["reload", "upgrade"] {
        let said = cli.json(&[verb, "shop"]);
        assert_eq!(said[0]["text"], format!("{verb} done: all workers are new{differ}"));
    }
    cli.done(&["restart", "shop"]);
    assert!(!start().contains("has changed"));
    for verb in ["reload", "upgrade"] {
        assert_eq!(cli.done(&[verb, "shop"]), format!("{verb} done: all workers are new\n"));
    }
    cli.done(&["stop"]);
}

/// As `pm2 reload ecosystem.config.js` and `startOrReload --update-env` do with what is in their file.
#[test]
fn settings_in_a_file_of_the_program_are_changed_by_an_upgrade_without_a_loss() {
    const POST: &str = "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    let cli = Cli::new();
    write_shop(&cli, "apps.toml", "args = [\"--config\", \"shop.toml\"]");
    cli.write("shop.toml", "workers = 2\n");
    cli.done(&["start", "apps.toml"]);
    let (master, port) = (cli.master("shop"), cli.port("shop"));
    let upload = || {
        let mut client = Client::connect(port).unwrap();
        client.send(POST).unwrap();
        client.answer().unwrap().status
    };
    assert_eq!(upload(), 200);
    let load = Load::start(port, 4, "/whoami");
    cli.write("shop.toml", "workers = 2\nbody_bytes_max = \"4B\"\n");
    assert_eq!(cli.done(&["upgrade", "shop"]), "upgrade done: all workers are new\n");
    assert_eq!(load.stop().failed(), 0);
    assert_eq!((upload(), cli.master("shop")), (413, master));
    cli.done(&["stop"]);
}

#[test]
fn a_start_that_lost_saves_nothing() {
    let cli = Cli::new();
    write_shop(&cli, "apps.toml", "workers = 1");
    let slow = "while [ ! -e \"$EVENKEEL_STATE_DIR/apps.json\" ]; do sleep 0.02; done; exec \"$0\"";
    let demo = demo_path().display().to_string();
    let given = ["start", "--name", "shop", "--protocol", "evenkeel", "--set", "workers=3", "--"];
    let mut late = cli.command(&[&given[..], &["sh", "-c", slow, &demo]].concat());
    let late = late.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let late = late.spawn().unwrap();
    wait_until("its start", || cli.path("state/shop.log").exists());
    cli.done(&["start", "apps.toml"]);
    let late = late.wait_with_output().unwrap();
    assert_eq!(late.status.code(), Some(1), "{late:?}");
    let saved = fs::read_to_string(cli.path("state/apps.json")).unwrap();
    assert!(saved.contains("\"workers\": \"1\"") || saved.contains("\"workers\": 1"), "{saved}");
    cli.done(&["stop"]);
}

#[test]
fn a_program_that_starts_the_server_and_is_not_it_is_told_of() {
    let cli = Cli::new();
    let demo = demo_path().display().to_string();
    let given = ["start", "--timeout", "3", "--name", "shop", "--protocol", "evenkeel", "--listen"];
    let program = ["127.0.0.1:0", "--", "sh", "-c", "\"$0\" & wait", &demo];
    let said = cli.run(&[&given[..], &program].concat());
    assert_eq!(said.code, Some(1), "{}", said.out);
    let text = format!("the master of that name is process {}", cli.master("shop").pid);
    assert!(said.error.contains(&text), "{}", said.error);
    cli.done(&["stop"]);
}

#[test]
fn what_the_caller_has_open_is_not_handed_on() {
    let cli = Cli::new();
    write_shop(&cli, "apps.toml", "workers = 1");
    let evenkeel = crate::harness::cli::evenkeel_path();
    let mut shell = cli.program("sh");
    shell.args(["-c", "exec \"$0\" start apps.toml 7</dev/zero"]).arg(evenkeel);
    assert!(shell.output().unwrap().status.success());
    let zero = std::path::Path::new("/dev/zero");
    assert!(!cli.master("shop").files().contains(zero));
    cli.done(&["stop"]);
}

/// What runs well is not given up for what could not run.
#[test]
fn a_file_that_could_not_work_takes_nothing_from_the_saved_set() {
    let cli = Cli::two();
    let good = fs::read_to_string(cli.path("apps.toml")).unwrap();
    cli.write("apps.toml", &good.replace("workers = 2", "workers = 2\noutput_keep = 0"));
    let said = cli.run(&["start", "apps.toml"]);
    assert_ne!(said.code, Some(0), "{}", said.out);
    cli.done(&["stop", "all"]);
    cli.done(&["start", "all"]);
    cli.done(&["stop", "all"]);
    cli.all_gone();
}
