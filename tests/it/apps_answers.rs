//! What the verbs answer, of one and of several, when they go wrong and when names are left out.

use nix::sys::signal::Signal;

use crate::harness::app::App;
use crate::harness::cli::Cli;
use crate::harness::wait::wait_until;

#[test]
fn what_is_to_be_forgotten_is_stopped_and_what_is_not_known_is_an_error() {
    let cli = Cli::two();
    let master = cli.master("shop");
    for names in [&["chop"][..], &["shop", "chop"]] {
        let said = cli.run(&[&["stop", "--forget"], names].concat());
        assert_eq!(said.code, Some(1), "{}", said.out);
        assert!(
            said.error.contains("chop is not in the saved set, and does not run"),
            "{}",
            said.error
        );
        assert!(master.lives());
    }
    let said = cli.run(&["stop", "--forget"]);
    assert_eq!(said.code, Some(2), "{}", said.out);
    cli.done(&["stop", "blog"]);
    // The only one that runs.
    cli.done(&["stop", "--forget"]);
    assert!(!master.lives());
    assert!(!cli.path("state/shop.started.json").exists());
    let list = cli.json(&["list"]);
    assert_eq!((list.as_array().unwrap().len(), &list[0]["name"]), (1, &"blog".into()));

    cli.done(&["start", "apps.toml"]);
    let master = cli.master("shop");
    cli.done(&["stop", "blog"]);
    let answers = cli.json(&["stop", "--forget", "shop", "blog"]);
    assert_eq!((&answers[0]["name"], &answers[1]["name"]), (&"shop".into(), &"blog".into()));
    assert_eq!(answers[1]["text"], "is forgotten, and did not run");
    assert!(!master.lives());
    assert_eq!(cli.done(&["list"]), "no application runs, and none is saved\n");
    // Nobody named the one that `all` is.
    cli.done(&["start", "apps.toml", "shop"]);
    assert_eq!(cli.done(&["reload", "all"]), "shop: reload done: all workers are new\n");
    cli.done(&["stop", "all"]);
    let forgotten = "shop: is forgotten, and did not run\n";
    assert_eq!(cli.done(&["stop", "all", "--forget"]), forgotten);
    cli.all_gone();
}

#[test]
fn what_stands_still_has_a_reason_for_programs_and_the_others_are_done() {
    let cli = Cli::two();
    let master = cli.master("blog");
    master.signal(Signal::SIGSTOP);
    let cases: [&[&str]; 4] = [&["status"], &["describe"], &["reload"], &["stop", "--forget"]];
    for verb in cases {
        let said = cli.run(&[verb, &["blog", "shop", "--json", "--timeout", "1"]].concat());
        assert_eq!(said.code, Some(69), "{verb:?}: {}{}", said.out, said.error);
        let answers: serde_json::Value = serde_json::from_str(&said.out).unwrap();
        let [blog, shop] = &answers.as_array().unwrap()[..] else { panic!("{answers}") };
        assert_eq!((&blog["name"], &blog["ok"]), (&"blog".into(), &false.into()));
        assert_eq!(blog["code"], 69);
        assert!(blog["text"].as_str().unwrap().contains("no answer in time"), "{answers}");
        assert_eq!((&shop["name"], &shop["ok"]), (&"shop".into(), &true.into()), "{answers}");
    }
    assert_eq!(cli.json(&["list"]).as_array().unwrap().len(), 1, "blog is not forgotten");
    master.signal(Signal::SIGCONT);
    wait_until("the end of what was told to stop", || !master.lives());
}

#[test]
fn a_program_that_goes_on_after_its_server_is_not_stopped_and_not_forgotten() {
    let cli = Cli::new();
    let lines = env!("CARGO_BIN_EXE_lines");
    let text = format!(
        "[app.lines]\nprogram = {lines:?}\nargs = [\"control\", \"each\", \"out.log\"]\n\
         env = {{ LINES_GO_ON_UNTIL = \"enough\" }}\n"
    );
    cli.write("apps.toml", &text);
    cli.done(&["start", "apps.toml"]);
    let master = cli.master("lines");
    let said = cli.run(&["stop", "--forget", "lines", "--timeout", "1"]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.error);
    for part in [
        &format!("process {} goes on", master.pid),
        "evenkeel signal lines KILL",
        "is not forgotten",
    ] {
        assert!(said.error.contains(part), "{part}: {}", said.error);
    }
    assert_eq!(cli.json(&["list"])[0]["saved"], true);
    cli.write("enough", "");
    wait_until("the end", || !master.lives());
    cli.done(&["stop", "--forget", "lines"]);
    assert_eq!(cli.json(&["list"]), serde_json::json!([]));
}

#[test]
fn a_control_socket_is_as_good_as_the_name_of_who_listens_there() {
    let cli = Cli::two();
    let socket = cli.path("run/shop/control.sock").display().to_string();
    let by_socket = |verb: &[&str]| cli.done(&[&["--control", &socket], verb].concat());
    let top = by_socket(&["top", "--once", "--interval", "0.05"]);
    assert!(top.contains("shop: process") && !top.contains("blog: process"), "{top}");
    assert!(by_socket(&["logs", "-n", "1"]).lines().count() == 1);
    assert!(by_socket(&["describe"]).contains("name       shop"));
    let before = cli.master("shop");
    assert!(by_socket(&["restart"]).contains("shop serves at"));
    assert!(!before.lives());
    cli.done(&["stop", "all"]);

    let app = App::controlled(&["--workers", "1"]);
    for verb in [&["top", "--once"][..], &["restart"]] {
        let control = app.control().display().to_string();
        let said = cli.run(&[&["--control", &control], verb].concat());
        assert_eq!(said.code, Some(69), "{}", said.out);
        assert!(said.error.contains("has no name here"), "{}", said.error);
    }
    app.stop();
}
