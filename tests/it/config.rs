//! Settings from a file, the environment and flags.

mod workers;

use std::fs;
use std::os::unix::fs::PermissionsExt;

use evenkeel::control::{Command, Status};
use nix::unistd::getuid;
use serde_json::Value;

use crate::harness::app::{App, ask, demo_path, run_to_end};
use crate::harness::cli::Cli;
use crate::harness::wait::wait_until;

/// The demo with a file, and a control socket.
fn demo(cli: &Cli, flags: &[&str], variables: &[(&str, &str)]) -> App {
    let mut command = cli.program(demo_path());
    command.args(["--config", "demo.toml"]).args(flags).envs(variables.iter().copied());
    App::start(&mut command).listening()
}

fn status(cli: &Cli) -> Status {
    ask(&cli.path("control"), Command::Status {}).status.unwrap()
}

const FILE: &str = "listen = [\"127.0.0.1:0\"]\nworkers = 2\ncontrol = \"control\"\n";

#[test]
fn flags_go_before_the_environment_and_that_before_the_file() {
    let cli = Cli::new();
    let workers = |flags: &[&str], variables: &[(&str, &str)], text: &str| {
        cli.write("demo.toml", text);
        let app = demo(&cli, flags, variables);
        let found = status(&cli).workers_wanted;
        app.stop();
        found
    };
    assert_eq!(workers(&[], &[], FILE), 2);
    assert_eq!(workers(&[], &[("EVENKEEL_WORKERS", "3")], FILE), 3);
    assert_eq!(workers(&["--workers", "1"], &[("EVENKEEL_WORKERS", "3")], FILE), 1);
    assert_eq!(workers(&["--workers", "1"], &[], FILE), 1);
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let cli = Cli::new();
    let refused = |text: &str, why: &str| {
        cli.write("demo.toml", text);
        let mut command = cli.program(demo_path());
        let (code, _, log) = run_to_end(command.args(["--config", "demo.toml"]));
        assert_eq!(code, Some(64), "{log}");
        assert!(log.contains(why), "{log}");
        let said = cli.run(&["config", "check", "demo.toml"]);
        assert_eq!(said.code, Some(64));
        assert!(said.error.contains(why), "{}", said.error);
    };
    refused(
        "workers = 2\nwokers = 3\n",
        "demo.toml:2:1: unknown key `wokers`: did you mean `workers`?",
    );
    refused("grace = \"30\"", "demo.toml:1:9: grace: \"30\" is no time");
    refused(
        "policy = \"rr\"\nlistener = \"reuseport\"",
        "policy rr does not go with listener reuseport",
    );
    refused("name = \"Shop\"", "is no name for an application");
    refused("listen = \"nowhere\"", "is no address to listen on");
}

#[test]
fn a_check_binds_nothing_and_says_what_each_change_takes() {
    let cli = Cli::new();
    cli.write_two();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    cli.write("demo.toml", &format!("listen = \"127.0.0.1:{port}\"\ngrace = \"1500ms\"\n"));
    let json = cli.json(&["config", "check", "demo.toml"]);
    assert_eq!((&json[0]["ok"], &json[0]["name"]), (&true.into(), &serde_json::Value::Null));
    let change = |key: &str| {
        let all = json[0]["settings"].as_array().unwrap();
        all.iter().find(|said| said["key"] == key).map(|said| said["change"].clone())
    };
    assert_eq!(
        (change("listen"), change("grace")),
        (Some("restart".into()), Some("upgrade".into()))
    );
    let apps = cli.json(&["config", "check", "apps.toml"]);
    assert_eq!((&apps[0]["name"], &apps[1]["name"]), (&"blog".into(), &"shop".into()));
    let all = apps[1]["settings"].as_array().unwrap();
    assert!(all.iter().any(|said| said["key"] == "workers"));
    // They stand in the environment of each master, which an upgrade keeps.
    assert!(all.iter().all(|said| said["change"] == "restart"), "{apps}");
    let out = cli.done(&["config", "check", "apps.toml"]);
    assert!(out.contains("shop") && out.ends_with("apps.toml is good\n"), "{out}");
    assert!(!cli.path("run").exists() && !cli.path("state").exists(), "nothing is made");
}

#[test]
fn a_file_of_settings_of_one_program_is_good_and_names_nothing_to_start() {
    let cli = Cli::new();
    cli.write("s.toml", "workers = 3\ngrace = \"4s\"\n");
    assert!(cli.done(&["config", "check", "s.toml"]).ends_with("s.toml is good\n"));
    let (start, install) = (["start", "s.toml"], ["systemd", "show", "s.toml"]);
    for verb in [&start[..], &install] {
        let said = cli.run(verb);
        assert_eq!(said.code, Some(64), "{}{}", said.out, said.error);
        let mend = "this is a file of settings of one program: put them below [app.NAME]";
        assert!(said.error.contains(mend) && said.error.contains("--config"), "{}", said.error);
    }
}

#[test]
fn the_schema_is_printed() {
    let cli = Cli::new();
    let schema: Value = serde_json::from_str(&cli.done(&["config", "schema"])).unwrap();
    assert_eq!(schema["properties"]["workers"]["x-change"], "upgrade");
    let app = &schema["properties"]["app"]["additionalProperties"]["properties"];
    assert_eq!(app["program"]["type"], "string");
    assert_eq!(app["workers"]["x-change"], "restart");
}

/// A value that differs from the default and from what the file says.
fn other(key: &str) -> Option<&'static str> {
    Some(match key {
        // A token wants a file, and an admin process; the others do not go with `seccomp` and `user`.
        "admin_token_file" | "allow_new_privileges" | "keep_capabilities" => return None,
        "access_log_format" => "\"json\"",
        "user" | "group" => "\"65534\"",
        "seccomp" => "\"deny\"",
        "output" => "\"out.log\"",
        "output_per_worker" => "true",
        "output_keep" | "access_log_keep" => "3",
        "limit_address_space" => "\"4GiB\"",
        "limit_core" => "0",
        "limit_processes" => "1000",
        "admin" => "\"127.0.0.1:0\"",
        "name" => "\"shop\"",
        "listen" | "udp" => "\"127.0.0.2:0\"",
        "policy" => "\"cpu\"",
        "listener" => "\"inherited\"",
        "control" => "\"elsewhere\"",
        "pre_stop_delay" => "\"10ms\"",
        "access_log" => "\"access.log\"",
        "hang_timeout" => "\"never\"",
        "proxy_protocol" => "\"unix\"",
        "workers"
        | "backlog"
        | "connections_max"
        | "rate_min"
        | "connection_requests_max"
        | "offload_threads"
        | "max_requests"
        | "limit_open_files"
        | "give_up" => "100",
        "head_bytes_max" | "body_bytes_max" | "output_high_water" | "max_memory" | "output_max"
        | "access_log_max" => "\"9MiB\"",
        _ => "\"90s\"",
    })
}

#[test]
fn each_key_needs_what_it_is_said_to_need() {
    let cli = Cli::new();
    cli.write("demo.toml", FILE);
    // Another user writes there, and keeps what the test goes by.
    fs::set_permissions(cli.path(""), fs::Permissions::from_mode(0o777)).unwrap();
    let app = demo(&cli, &[], &[]);
    let upgrade = || ask(&cli.path("control"), Command::Upgrade {});
    let list = cli.done(&["config", "schema"]);
    let schema: Value = serde_json::from_str(&list).unwrap();
    let mut all = FILE.to_owned();
    for (key, form) in schema["properties"].as_object().unwrap() {
        // Only root becomes somebody else.
        let may = key != "app" && (getuid().is_root() || !["user", "group"].contains(&&**key));
        let Some(value) = other(key).filter(|_| may) else { continue };
        // Alone it means nothing.
        let value = if key == "accept_wake" { "\"herd\"\nlistener = \"inherited\"" } else { value };
        let changed: Vec<&str> =
            FILE.lines().filter(|line| !line.starts_with(&format!("{key} "))).collect();
        match form["x-change"].as_str().unwrap() {
            "restart" => {
                cli.write("demo.toml", &format!("{}\n{key} = {value}\n", changed.join("\n")));
                let reply = upgrade();
                assert!(
                    !reply.ok && reply.text.contains("an upgrade cannot change"),
                    "{key}: {}",
                    reply.text
                );
            }
            // Those of the file itself are changed below.
            "upgrade" if FILE.contains(&format!("{key} =")) => {}
            "upgrade" => all.push_str(&[key, " = ", value, "\n"].concat()),
            other => panic!("{key} needs {other}"),
        }
    }
    cli.write("demo.toml", &all.replace("workers = 2", "workers = 3"));
    let reply = upgrade();
    assert!(reply.ok, "{}", reply.text);
    wait_until("three workers", || status(&cli).workers_ready == 3);
    app.get("/");
    wait_until("the access log", || {
        fs::read_to_string(cli.path("access.log"))
            .is_ok_and(|text| text.contains("\"target\":\"/\""))
    });
    assert!(cli.path("out-0.log").exists());
    app.stop();
}
