//! All verbs of the command line: what they print for programs, the codes with which they end, completions.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::app::demo_path;
use crate::harness::cli::{Cli, Said};
use crate::harness::privilege::is_installed;

/// Each verb answers with one value of JSON, and nothing else: a list, with an object for each application.
#[test]
fn each_verb_prints_json() {
    let cli = Cli::new();
    cli.write_two();
    let ok = |arguments: &[&str], names: &[&str]| {
        let value = cli.json(arguments);
        let all = value.as_array().unwrap_or_else(|| panic!("{arguments:?}: {value}"));
        let said: Vec<&str> = all.iter().map(|one| one["name"].as_str().unwrap()).collect();
        assert_eq!(said, names, "{arguments:?}: {value}");
        assert!(all.iter().all(|one| one["ok"] == true && one.get("code").is_none()), "{value}");
        value
    };
    let (both, shop) = (["blog", "shop"], ["shop"]);
    ok(&["start", "apps.toml"], &both);
    ok(&["list"], &both);
    ok(&["config", "check", "apps.toml"], &both);
    for verb in ["status", "reload", "upgrade", "restart", "describe", "reopen"] {
        ok(&[verb, "shop"], &shop);
        ok(&[verb, "shop", "blog"], &["shop", "blog"]);
        ok(&[verb, "all"], &both);
    }
    let top = ok(&["top", "--interval", "0.1"], &both);
    assert_eq!(top[1]["workers"][1]["worker"], 1);
    assert_eq!(ok(&["status", "shop"], &shop)[0]["status"]["workers_ready"], 2);
    assert_eq!(ok(&["scale", "shop", "-1"], &shop)[0]["text"], "1 worker serves");
    let sent = ok(&["signal", "shop", "WINCH"], &shop);
    assert!(sent[0]["text"].as_str().unwrap().starts_with("SIGWINCH was sent"), "{sent}");
    let line = cli.done(&["logs", "shop", "-n", "1", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["name"], "shop");
    assert!(cli.json(&["config", "schema"])["properties"].is_object());
    ok(&["stop", "blog"], &["blog"]);
    // The only one that runs.
    for verb in ["status", "reload", "upgrade", "restart", "describe", "reopen", "top"] {
        ok(&[verb], &shop);
    }
    ok(&["scale", "2"], &shop);
    ok(&["signal", "WINCH"], &shop);
    ok(&["stop"], &shop);
    ok(&["start"], &both);
    ok(&["stop", "all"], &both);
    ok(&["stop", "shop", "--forget"], &shop);
    ok(&["list"], &["blog"]);
    cli.all_gone();
}

/// A name, and a code; 0 for what was done.
type Answer<'a> = (Option<&'a str>, u64);

/// What was said.
fn codes(said: &Said) -> Vec<(Option<String>, u64)> {
    let all: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.out));
    let one = |one: &Value| {
        let code = one.get("code").map_or(0, |code| code.as_u64().unwrap());
        assert_eq!(one["ok"], code == 0, "{one}");
        assert!(code == 0 || one["text"].as_str().is_some_and(|text| !text.is_empty()), "{one}");
        (one["name"].as_str().map(str::to_owned), code)
    };
    all.as_array().unwrap_or_else(|| panic!("{all}")).iter().map(one).collect()
}

#[test]
fn a_failure_of_each_verb_has_an_object_for_each_name() {
    let cli = Cli::two();
    cli.write("wrong.toml", "[app.shop]\nprogam = \"x\"\n");
    let master = cli.master("shop");
    let (shop, chop, nobody) = (Some("shop"), Some("chop"), None);
    let all_or_nothing = [(shop, 1), (chop, 69)];
    let cases: [(&[&str], i32, &[Answer<'_>]); 22] = [
        (&["status", "shop", "chop"], 69, &all_or_nothing),
        (&["reload", "shop", "chop"], 69, &all_or_nothing),
        (&["upgrade", "shop", "chop"], 69, &all_or_nothing),
        (&["reopen", "shop", "chop"], 69, &all_or_nothing),
        (&["stop", "shop", "chop"], 69, &all_or_nothing),
        (&["top", "shop", "chop"], 69, &all_or_nothing),
        (&["stop", "shop", "chop", "--forget"], 1, &[(shop, 1), (chop, 1)]),
        (&["start", "shop", "chop"], 2, &[(shop, 1), (chop, 2)]),
        (&["start", "apps.toml", "chop"], 2, &[(chop, 2)]),
        (&["describe", "shop", "chop"], 69, &[(shop, 0), (chop, 69)]),
        (&["restart", "chop"], 1, &[(chop, 1)]),
        (&["scale", "chop", "2"], 69, &[(chop, 69)]),
        (&["scale", "shop", "1000"], 1, &[(shop, 1)]),
        (&["signal", "chop", "WINCH"], 69, &[(chop, 69)]),
        (&["signal", "shop", "NO"], 2, &[(shop, 2)]),
        (&["reload", "../shop"], 64, &[(Some("../shop"), 64)]),
        (&["reload"], 2, &[(nobody, 2)]),
        (&["describe"], 2, &[(nobody, 2)]),
        (&["restart"], 2, &[(nobody, 2)]),
        (&["dance"], 2, &[(nobody, 2)]),
        (&["start", "wrong.toml"], 64, &[(nobody, 64)]),
        (&["config", "check", "wrong.toml"], 64, &[(nobody, 64)]),
    ];
    for (arguments, code, answers) in cases {
        let said = cli.run(&[arguments, &["--json"]].concat());
        assert_eq!(said.code, Some(code), "{arguments:?}: {}{}", said.out, said.error);
        let owned = answers.iter().map(|(name, code)| (name.map(str::to_owned), *code));
        assert_eq!(codes(&said), owned.collect::<Vec<_>>(), "{arguments:?}: {}", said.out);
        assert!(said.error.starts_with("error: "), "{arguments:?}: {}", said.error);
    }
    let said = cli.run(&["logs", "chop", "--json"]);
    let line: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &line["name"], &line["ok"]), (Some(1), &"chop".into(), &false.into()));
    assert!(master.lives(), "nothing was done");
    cli.done(&["stop", "all"]);
}

#[test]
fn all_of_nothing_is_said_and_is_no_failure() {
    let cli = Cli::new();
    let verbs = ["status", "reload", "upgrade", "restart", "reopen", "describe", "stop"];
    let verbs = verbs.iter().map(|verb| vec![*verb, "all"]);
    let more =
        [vec!["signal", "all", "HUP"], vec!["scale", "all", "2"], vec!["stop", "all", "--forget"]];
    for verb in verbs.chain(more) {
        let said = cli.run(&verb);
        assert_eq!((said.code, said.out.as_str()), (Some(0), ""), "{verb:?}");
        assert!(said.error.starts_with("no application runs"), "{verb:?}: {}", said.error);
        assert_eq!(cli.json(&verb), serde_json::json!([]), "{verb:?}");
    }
}

#[test]
fn units_are_printed_and_installed_as_json() {
    let cli = Cli::new();
    let folder = cli.path("units");
    std::fs::create_dir(&folder).unwrap();
    let run = |verb: &[&str]| {
        let tail = ["--json", "--name", "app", "--socket", "127.0.0.1:80", "--", "/bin/sh"];
        serde_json::from_str::<Value>(&cli.done(&[verb, &tail].concat())).unwrap()
    };
    let shown = run(&["systemd", "show"]);
    assert_eq!(
        (&shown[0]["name"], &shown[1]["name"]),
        (&"app.service".into(), &"app.socket".into())
    );
    assert!(shown[0]["text"].as_str().unwrap().contains("\nExecStart=/bin/sh\n"));
    let wrote = run(&["systemd", "install", "--dir", folder.to_str().unwrap()]);
    assert_eq!(wrote["next"][1], "systemctl enable --now app.socket app.service");
    assert!(Path::new(wrote["wrote"][0].as_str().unwrap()).exists());
}

/// A failure says on standard error what to do, and standard output is left to answers, as for programs (`--json`).
#[test]
fn each_kind_of_failure_has_its_code() {
    let cli = Cli::two();
    cli.write("wrong.toml", "[app.shop]\nprogam = \"x\"\n");
    let cases: [(&[&str], i32, &str); 12] = [
        (&["scale", "shop", "1000"], 1, "there can be 1 to 256 workers"),
        (&["start", "--name", "bad", "--", "/no/such/program"], 64, "listen is missing"),
        (&["restart", "nobody"], 1, "is not in the saved set"),
        (&["logs", "nobody"], 1, "no log of nobody is known"),
        (&["dance"], 2, "unrecognized subcommand"),
        (&["reload"], 2, "several applications run"),
        (&["scale", "shop", "many"], 2, "invalid value"),
        (&["start", "nobody"], 2, "no application named nobody"),
        (&["config", "check", "wrong.toml"], 64, "did you mean `program`?"),
        (&["start", "wrong.toml"], 64, "did you mean `program`?"),
        (&["describe", "nobody"], 69, "these run: blog, shop"),
        (&["--control", "nowhere", "status"], 69, "nowhere"),
    ];
    for (arguments, code, text) in cases {
        let said = cli.run(arguments);
        assert_eq!(said.code, Some(code), "{arguments:?}: {}{}", said.out, said.error);
        assert!(said.error.contains(text) && said.out.is_empty(), "{arguments:?}: {}", said.error);
    }
    cli.done(&["stop", "all"]);
}

#[test]
fn a_start_that_needs_a_port_that_is_taken_ends_with_1_and_the_programs_own_code_is_said() {
    let cli = Cli::two();
    let address = format!("127.0.0.1:{}", cli.port("shop"));
    let demo = demo_path().display().to_string();
    let given = ["start", "--name", "third", "--protocol", "evenkeel", "--listen", &address];
    let said = cli.run(&[&given[..], &["--", &demo]].concat());
    assert_eq!(said.code, Some(1));
    assert!(said.error.contains("exit status: 69"), "{}", said.error);
    let failed: Value =
        serde_json::from_str(&cli.run(&[&given[..], &["--json", "--", &demo]].concat()).out)
            .unwrap();
    assert_eq!((&failed[0]["name"], &failed[0]["ok"]), (&"third".into(), &false.into()));
    cli.done(&["stop", "all"]);
}

/// What bash offers for these words, of which the last one is begun.
fn offers(script: &Path, words: &[&str]) -> Vec<String> {
    let ask = "source \"$1\"; shift; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); \
               _evenkeel evenkeel \"${@: -1}\" \"${@: -2:1}\"; printf '%s\\n' \"${COMPREPLY[@]}\"";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", ask, "bash"]).arg(script).args(words);
    let output = bash.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && error.is_empty(), "{words:?}: {error}");
    let words = String::from_utf8(output.stdout).unwrap();
    words.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn bash_completes_verbs_and_flags() {
    let cli = Cli::new();
    cli.write("evenkeel.bash", &cli.done(&["completions", "bash"]));
    let offers = |words: &[&str]| offers(&cli.path("evenkeel.bash"), words);
    assert_eq!(offers(&["evenkeel", "desc"]), ["describe"]);
    assert_eq!(offers(&["evenkeel", "re"]), ["reload", "restart", "reopen"]);
    assert_eq!(offers(&["evenkeel", "logs", "--fo"]), ["--follow"]);
    assert_eq!(offers(&["evenkeel", "config", "ch"]), ["check"]);
    assert_eq!(offers(&["evenkeel", "systemd", "install", "--no"]), ["--now"]);
    // What is not for people is not offered.
    assert!(offers(&["evenkeel", "laun"]).is_empty() && offers(&["evenkeel", "serve-"]).is_empty());
}

#[test]
fn who_has_read_enough_of_completions_ends_them_without_a_word() {
    let cli = Cli::new();
    for shell in ["bash", "zsh", "fish"] {
        let (_, nobody_reads) = std::io::pipe().unwrap();
        let mut command = cli.command(&["completions", shell]);
        let ended = command.stdout(nobody_reads).output().unwrap();
        let error = String::from_utf8_lossy(&ended.stderr);
        assert!(ended.status.success() && error.is_empty(), "{shell}: {ended:?}");
    }
}

#[test]
fn other_shells_take_their_completions() {
    let cli = Cli::new();
    for (shell, name) in [("zsh", "_evenkeel"), ("fish", "evenkeel.fish")] {
        let script = cli.done(&["completions", shell]);
        assert!(script.contains("describe") && script.contains("evenkeel"), "{shell}");
        cli.write(name, &script);
        if is_installed(shell, &format!("completions, read by {shell}")) {
            let read = Command::new(shell).arg("-n").arg(cli.path(name)).output().unwrap();
            assert!(read.status.success() && read.stderr.is_empty(), "{shell}: {read:?}");
        }
    }
}
