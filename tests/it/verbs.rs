//! All verbs of the command line: what they print for programs, the codes with which they end, completions.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::harness::app::demo_path;
use crate::harness::cli::Cli;
use crate::harness::privilege::is_installed;

/// Each verb that has an outcome says it as one value of JSON, and nothing else.
#[test]
fn each_verb_prints_json() {
    let cli = Cli::new();
    cli.write_two();
    let ok = |arguments: &[&str]| {
        let value = cli.json(arguments);
        let one = if value.is_array() { &value[0] } else { &value };
        assert_eq!(one["ok"], true, "{arguments:?}: {value}");
        value
    };
    assert_eq!(ok(&["start", "apps.toml"])[1]["app"], "shop");
    assert_eq!(cli.json(&["list"])[0]["name"], "blog");
    assert_eq!(cli.json(&["describe", "shop"])[0]["state"], "running");
    assert_eq!(cli.json(&["top", "--once", "--interval", "0.1"])[0]["app"], "blog");
    assert_eq!(ok(&["status", "shop"])[0]["status"]["workers_ready"], 2);
    for verb in ["reload", "upgrade", "restart"] {
        ok(&[verb, "shop"]);
        assert_eq!(ok(&[verb, "all"])[1]["app"], "shop", "{verb}");
    }
    assert_eq!(ok(&["scale", "shop", "-1"])[0]["text"], "1 worker serves");
    assert_eq!(ok(&["reopen", "shop"])[0]["text"], "the files of logs are open anew");
    assert_eq!(ok(&["signal", "shop", "WINCH"])[0]["app"], "shop");
    let line = cli.done(&["logs", "shop", "-n", "1", "--json"]);
    assert_eq!(serde_json::from_str::<Value>(&line).unwrap()["name"], "shop");
    assert_eq!(ok(&["config", "check", "apps.toml"])["settings"][0]["app"], "blog");
    assert!(cli.json(&["config", "schema"])["properties"].is_object());
    ok(&["stop", "shop"]);
    ok(&["stop", "all"]);
    ok(&["stop", "shop", "--forget"]);
    assert_eq!(cli.json(&["list"]).as_array().unwrap().len(), 1);
    cli.all_gone();
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
    assert_eq!((&failed[0]["app"], &failed[0]["ok"]), (&"third".into(), &false.into()));
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
