//! What the verbs answer, of one and of several, when they go wrong and when names are left out.

use crate::harness::app::App;
use crate::harness::cli::Cli;

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
    assert_eq!((&answers[0]["app"], &answers[1]["app"]), (&"shop".into(), &"blog".into()));
    assert_eq!(answers[1]["text"], "is forgotten, and did not run");
    assert!(!master.lives());
    assert_eq!(cli.done(&["list"]), "no application runs, and none is saved\n");
    cli.all_gone();
}

#[test]
fn programs_read_a_list_where_names_are_said_and_each_failure() {
    let cli = Cli::two();
    assert!(cli.json(&["status", "shop"])[0]["status"].is_object());
    let json = |verb: &[&str]| -> (Option<i32>, serde_json::Value) {
        let said = cli.run(&[verb, &["--json"]].concat());
        (said.code, serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.out)))
    };
    // As one stands still.
    let master = cli.master("blog");
    master.signal(nix::sys::signal::Signal::SIGSTOP);
    let (code, answers) = json(&["--timeout", "1", "status", "blog", "shop"]);
    master.signal(nix::sys::signal::Signal::SIGCONT);
    assert_eq!(code, Some(69));
    assert_eq!((&answers[0]["app"], &answers[0]["ok"]), (&"blog".into(), &false.into()));
    assert_eq!(answers[0]["code"], 69);
    assert!(answers[0]["text"].as_str().unwrap().contains("no answer in time"), "{answers}");
    assert_eq!((&answers[1]["app"], &answers[1]["ok"]), (&"shop".into(), &true.into()));

    let (code, answer) = json(&["reload", "chop"]);
    assert_eq!((code, &answer["ok"], &answer["code"]), (Some(69), &false.into(), &69.into()));
    let (code, answer) = json(&["reload"]);
    assert_eq!((code, &answer["ok"], &answer["code"]), (Some(2), &false.into(), &2.into()));
    let (code, answer) = json(&["dance"]);
    assert_eq!((code, &answer["ok"], &answer["code"]), (Some(2), &false.into(), &2.into()));
    cli.done(&["stop", "blog"]);
    assert!(cli.json(&["status"])["status"].is_object());
    assert_eq!(cli.json(&["stop", "all"])[0]["ok"], true);
    assert_eq!(cli.json(&["reload", "all"]), serde_json::json!([]));
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
