//! `cargo …` as the pages say it: each package, feature, program, example and test is there.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;

use super::programs;
use crate::tidy::ROOT;

/// Flags of cargo without a value.
const PLAIN: [&str; 7] =
    ["--release", "--workspace", "--all-features", "--open", "--no-deps", "--locked", "--offline"];

fn packages() -> &'static [Value] {
    static PACKAGES: OnceLock<Vec<Value>> = OnceLock::new();
    PACKAGES.get_or_init(|| {
        let mut cargo = cargo(Path::new(ROOT));
        let output = cargo.args(["--no-deps", "--offline"]).output().unwrap();
        let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
        metadata["packages"].as_array().unwrap().clone()
    })
}

fn cargo(folder: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["metadata", "--format-version", "1"]).current_dir(folder);
    command
}

fn package(name: &str) -> Option<&'static Value> {
    packages().iter().find(|package| package["name"] == name)
}

fn has_target(package: &Value, kind: &str, name: &str) -> bool {
    let targets = package["targets"].as_array().unwrap();
    targets.iter().any(|target| target["kind"][0] == kind && target["name"] == name)
}

/// A program that `cargo build` makes.
pub(super) fn is_built(name: &str) -> bool {
    packages().iter().any(|package| has_target(package, "bin", name))
}

/// One command line, without `cargo`; the place is for what is said when it is wrong.
pub(super) fn check(place: &str, words: &[String]) {
    let split = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let (own, after) = words.split_at(split);
    let after = after.get(1..).unwrap_or_default();
    let Some((verb, own)) = own.split_first() else { panic!("{place}: cargo does nothing") };
    let said = flags(place, own);
    match verb.as_str() {
        "build" | "doc" => assert!(said.rest.is_empty() && after.is_empty(), "{place}"),
        "install" => assert!(said.package.is_some() && after.is_empty(), "{place}"),
        "run" => run(place, &said, after),
        "test" => tests(place, &said, after),
        "deny" => assert!(Path::new(ROOT).join("deny.toml").exists(), "{place}"),
        other => panic!("{place}: nobody checks `cargo {other}`"),
    }
}

/// What stands before `--`.
#[derive(Default)]
struct Said {
    package: Option<&'static Value>,
    example: Option<String>,
    rest: Vec<String>,
}

fn flags(place: &str, words: &[String]) -> Said {
    let mut said = Said::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let mut value = || words.next().unwrap_or_else(|| panic!("{place}: {word} has no value"));
        match word.as_str() {
            "-p" | "--package" => {
                let name = value();
                said.package = package(name);
                assert!(said.package.is_some(), "{place}: there is no package {name}");
            }
            "--path" => {
                let manifest = Path::new(ROOT).join(value()).join("Cargo.toml");
                let manifest = manifest.canonicalize().expect(place);
                let found = packages().iter().find(|package| {
                    package["manifest_path"]
                        .as_str()
                        .is_some_and(|path| manifest == Path::new(path))
                });
                said.package = Some(found.expect(place));
            }
            "--features" => {
                let package = said.package.unwrap_or_else(|| panic!("{place}: of which package?"));
                for feature in value().split(',') {
                    let known = package["features"].get(feature).is_some();
                    assert!(known, "{place}: there is no feature {feature}");
                }
            }
            "--example" => said.example = Some(value().clone()),
            plain if PLAIN.contains(&plain) => {}
            flag if flag.starts_with('-') => panic!("{place}: nobody checks cargo's {flag}"),
            rest => said.rest.push(rest.to_owned()),
        }
    }
    said
}

fn run(place: &str, said: &Said, arguments: &[String]) {
    let package = said.package.unwrap_or_else(|| panic!("{place}: which package?"));
    let name = package["name"].as_str().unwrap();
    if let Some(example) = &said.example {
        assert!(has_target(package, "example", example), "{place}: no example {example}");
        programs::serves(place, crate::harness::example::example(example), arguments);
    } else {
        assert!(has_target(package, "bin", name), "{place}: {name} is no program");
        programs::check(place, name, arguments);
    }
}

/// Each filter finds a test in the program that runs this one, which is the only one of its package.
fn tests(place: &str, said: &Said, arguments: &[String]) {
    let ours = said.package.is_some_and(|package| package["name"] == "tests");
    assert!(ours || (said.rest.is_empty() && arguments.is_empty()), "{place}: which package?");
    let (flags, filters): (Vec<&String>, Vec<&String>) = arguments
        .iter()
        .filter(|word| word.parse::<u32>().is_err())
        .partition(|word| word.starts_with('-'));
    for filter in said.rest.iter().chain(filters) {
        let mut list = Command::new(std::env::current_exe().unwrap());
        list.args(&flags).args(flags.iter().any(|flag| *flag == "--test-threads").then_some("1"));
        let output = list.args(["--list", "--format", "terse"]).arg(filter).output().unwrap();
        let found = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
        assert!(found.contains(": test"), "{place}: no test is called so: {filter}");
    }
}

/// Lines for a user's `Cargo.toml`: cargo finds version and features, on the versions that are locked here.
pub(super) fn depends(place: &str, lines: &str) {
    let folder = tempfile::tempdir().unwrap();
    let root = Path::new(ROOT).canonicalize().unwrap();
    let here = format!("{{ path = \"{}\", ", root.join("framework").display());
    let manifest = format!(
        "[package]\nname = \"user\"\nedition = \"2024\"\n[lib]\npath = \"lib.rs\"\n[dependencies]\n{}",
        lines.replace("{ ", &here)
    );
    std::fs::write(folder.path().join("Cargo.toml"), manifest).unwrap();
    std::fs::write(folder.path().join("lib.rs"), "").unwrap();
    std::fs::copy(root.join("Cargo.lock"), folder.path().join("Cargo.lock")).unwrap();
    let output = cargo(folder.path()).arg("--offline").output().unwrap();
    assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
}
