//! Starting applications, from a file, from the saved set and from the command line.

use std::net::TcpListener;

use nix::sys::signal::Signal;

use crate::harness::app::{App, demo_path, fixture};
use crate::harness::cli::Cli;
use crate::harness::client;
use crate::harness::wait::wait_until;

fn demo() -> String {
    demo_path().display().to_string()
}

#[test]
fn a_start_waits_until_all_serve_and_starts_only_what_is_missing() {
    let cli = Cli::new();
    cli.write_two();
    let out = cli.done(&["start", "apps.toml", "shop"]);
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(
        out.starts_with("shop serves at 127.0.0.1:") && out.contains("with 2 workers"),
        "{out}"
    );
    assert_eq!(client::get(cli.port("shop"), "/").unwrap().status, 200);
    assert!(cli.record("blog").is_none());
    let master = cli.master("shop");
    let results = cli.json(&["start", "apps.toml"]);
    assert_eq!((&results[0]["name"], &results[0]["ok"]), (&"blog".into(), &true.into()));
    assert!(results[1]["text"].as_str().unwrap().starts_with("runs already: process"));
    assert_eq!(cli.master("shop"), master);
    // It is nobody's child who would wait for it, and has no terminal.
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", master.pid)).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
    assert_eq!((fields[3], fields[4]), (master.pid.to_string().as_str(), "0"), "its session");
    cli.done(&["stop", "all"]);
    cli.all_gone();
}

#[test]
fn the_saved_set_is_started_again_and_can_be_forgotten() {
    let cli = Cli::new();
    assert_eq!(cli.run(&["start"]).code, Some(1));
    cli.write_two();
    cli.done(&["start", "apps.toml"]);
    cli.done(&["stop", "all"]);
    std::fs::remove_file(cli.path("apps.toml")).unwrap();
    assert_eq!(cli.done(&["start"]).matches("serves at").count(), 2);
    cli.done(&["stop", "shop", "--forget"]);
    cli.done(&["stop", "blog"]);
    assert_eq!(cli.done(&["start"]).lines().count(), 1);
    assert_eq!(cli.run(&["start", "shop"]).code, Some(2), "it is forgotten");
    let mode = std::fs::metadata(cli.path("state/apps.json")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o600);
    cli.done(&["stop", "all"]);
    cli.all_gone();
}

#[test]
fn a_restart_is_a_new_master_with_the_saved_settings() {
    let cli = Cli::new();
    cli.write_two();
    cli.done(&["start", "apps.toml"]);
    let before = cli.master("shop");
    let text = std::fs::read_to_string(cli.path("apps.toml")).unwrap();
    cli.write("apps.toml", &text.replace("workers = 2", "workers = 3"));
    // What runs is left alone, and what is saved is new.
    let out = cli.done(&["start", "apps.toml"]);
    assert_eq!(out.matches("`evenkeel restart shop` applies it").count(), 1, "{out}");
    assert_eq!(cli.master("shop"), before);
    assert!(cli.done(&["restart", "shop"]).contains("with 3 workers"));
    assert_ne!(cli.master("shop"), before);
    assert!(!before.lives());
    assert_eq!(cli.run(&["restart", "nobody"]).code, Some(1));
    cli.done(&["stop", "all"]);
    cli.all_gone();
}

#[test]
fn a_start_that_fails_says_why() {
    let cli = Cli::new();
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let run = |settings: &[&str], program: &[&str]| {
        let given = ["start", "--name", "shop", "--protocol", "evenkeel"];
        cli.run(&[&given[..], settings, &["--"], program].concat())
    };
    let said = run(&["--listen", &address], &[&demo()]);
    assert_eq!(said.code, Some(1));
    let port = address.rsplit(':').next().unwrap();
    assert!(said.error.contains("exit status: 69"), "{}", said.error);
    assert!(
        said.error.contains(&format!("port {port} on 127.0.0.1 is in use by")),
        "{}",
        said.error
    );

    let said = run(&[], &["/no/such/program"]);
    assert_eq!(said.code, Some(1));
    assert!(said.error.contains("cannot run /no/such/program"), "{}", said.error);

    let said = run(&["--listen", "nonsense"], &[&demo()]);
    assert!(
        said.error.contains("exit status: 64") && said.error.contains("is no address"),
        "{}",
        said.error
    );
    let said = run(&["--set", "wokers=3"], &[&demo()]);
    assert_eq!(said.code, Some(64));
    assert!(said.error.contains("did you mean `workers`?"), "{}", said.error);
    assert_eq!(cli.run(&["start", "--", "true"]).code, Some(2), "it needs a name");
    assert!(!cli.path("state/apps.json").exists(), "what cannot run is not saved");
}

/// It would serve elsewhere, and nobody would find it.
#[test]
fn a_program_that_does_not_take_its_settings_is_refused() {
    let cli = Cli::new();
    let fixture = fixture(&[]).get_program().to_str().unwrap().to_owned();
    let given = ["start", "--name", "shop", "--protocol", "evenkeel", "--listen", "127.0.0.1:0"];
    let said = cli.run(&[&given[..], &["--", &fixture, "serve"]].concat());
    assert_eq!(said.code, Some(1), "{}", said.error);
    for text in ["exit status: 64", "it was started as shop", "Settings::from_env()"] {
        assert!(said.error.contains(text), "{}", said.error);
    }
    let said = cli.run(&[&given[..], &["--", &demo(), "--name", "other"]].concat());
    assert_eq!(said.code, Some(1), "{}", said.error);
    assert!(said.error.contains("started as shop, and calls itself other"), "{}", said.error);
    // Who has been started by one that was is another matter.
    let mut own = cli.program(&fixture);
    own.arg("serve").env("EVENKEEL_STARTED", "1").env("EVENKEEL_NAME", "shop");
    App::start(&mut own).listening().stop();
}

/// One that does not know of names is not waited for longer than the user wants.
#[test]
fn a_program_that_does_not_show_itself_is_told_of() {
    let cli = Cli::new();
    let given = ["start", "--timeout", "1", "--name", "shop", "--protocol", "evenkeel", "--"];
    let said = cli.run(&[&given[..], &["sh", "-c", "echo hello; exec sleep 600"]].concat());
    assert_eq!(said.code, Some(1));
    assert!(said.error.contains("no master of that name shows itself"), "{}", said.error);
    assert!(said.error.contains("  hello"), "{}", said.error);
    let pid = said.error.split("process ").nth(1).unwrap().split(')').next().unwrap();
    let process = crate::harness::process::Process::of(pid.parse().unwrap()).unwrap();
    process.signal(Signal::SIGKILL);
}

#[test]
fn the_foreground_is_the_program_itself() {
    let cli = Cli::new();
    cli.write_two();
    let said = cli.run(&["start", "--foreground", "apps.toml"]);
    assert_eq!(said.code, Some(2), "two cannot be there");
    let mut app =
        App::start(&mut cli.command(&["start", "--foreground", "apps.toml", "shop"])).listening();
    assert_eq!(cli.master("shop"), app.master);
    assert_eq!(app.get("/").status, 200);
    cli.done(&["stop", "shop"]);
    assert_eq!(app.ended().code(), Some(0));
    assert!(!cli.path("state/apps.json").exists(), "it is not saved");
}

#[test]
fn variables_of_the_file_and_not_of_the_shell_are_the_applications() {
    let cli = Cli::new();
    let text = format!(
        "[app.shop]\nprogram = {:?}\nargs = [\"--files\", \".\"]\nlisten = \"127.0.0.1:0\"\nworkers = 1\n\
         env = {{ RUST_LOG = \"debug\" }}\n",
        demo()
    );
    cli.write("apps.toml", &text);
    let mut start = cli.command(&["start", "apps.toml"]);
    let output = start.env("EVENKEEL_WORKERS", "7").env("EVENKEEL_POLICY", "rr").output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let status = cli.json(&["status"]);
    assert_eq!(status[0]["status"]["workers_wanted"], 1);
    assert_eq!(status[0]["status"]["policy"], "none");
    let environment = std::fs::read(format!("/proc/{}/environ", cli.master("shop").pid)).unwrap();
    assert!(String::from_utf8_lossy(&environment).contains("RUST_LOG=debug"));
    // Its directory is that of the file.
    assert_eq!(client::get(cli.port("shop"), "/files/apps.toml").unwrap().text(), text);
    cli.done(&["stop"]);
    wait_until("the end", || !cli.path("run/shop").exists());
}
