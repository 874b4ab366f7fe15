//! What pages show works as it stands there. Rust in them is compiled by rustdoc; the rest is checked here.

mod cargo;
mod markdown;
mod programs;
mod user;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::harness::privilege::is_installed;
use crate::tidy::{ROOT, files};
use markdown::{Block, Page, pages};

/// The attributes that rustdoc knows: such a block is compiled, in a page that it reads.
const RUST: [&str; 5] = ["", "no_run", "rust", "rust,no_run", "compile_fail"];

#[test]
fn every_block_of_every_page_is_checked_by_somebody() {
    let mut kinds: BTreeMap<String, usize> = BTreeMap::new();
    for page in pages() {
        for block in page.blocks() {
            check(&page, &block);
            *kinds.entry(block.language).or_default() += 1;
        }
    }
    for language in ["sh", "toml", "no_run", "text"] {
        assert!(kinds.contains_key(language), "{kinds:?}");
    }
}

/// The block of a page that begins so.
pub(crate) fn block_of(name: &str, begin: &str) -> String {
    let page =
        pages().into_iter().find(|page| page.path == Path::new(ROOT).join(name)).expect(name);
    let block = page.blocks().into_iter().find(|block| block.text.starts_with(begin));
    block.unwrap_or_else(|| panic!("{name} has no block that begins with {begin}")).text
}

fn check(page: &Page, block: &Block) {
    let Block { place, language, text } = block;
    match language.as_str() {
        "sh" => commands(text).iter().for_each(|line| command(place, line)),
        "toml" if text.starts_with("evenkeel = ") => cargo::depends(place, text),
        "toml" => user::configures(place, text),
        "json" => drop(serde_json::from_str::<serde_json::Value>(text).expect(place)),
        "js" => node_reads(place, text),
        "python" => python_reads(place, text),
        // A picture, or what a program wrote; a command may stand in it.
        "text" => {
            let ours = |line: &&str| line.trim_start().starts_with("evenkeel ");
            text.lines().filter(ours).for_each(|line| command(place, line));
        }
        rust if RUST.contains(&rust) => {
            assert!(
                page.is_source() || is_read_by_rustdoc(&page.path),
                "{place}: nobody compiles it"
            );
        }
        other => panic!("{place}: nobody checks blocks of {other:?}"),
    }
}

/// Lines of a shell; one that ends with a backslash goes on.
fn commands(text: &str) -> Vec<String> {
    let text = text.replace("\\\n", " ");
    let lines = text.lines().map(str::trim);
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// A line that has to be a command that somebody knows.
fn command(place: &str, line: &str) {
    let words = words(line);
    let known = programs::check(place, &words[0], &words[1..]);
    assert!(known, "{place}: nobody checks `{line}`");
}

/// As a shell splits them, without settings of the environment.
fn words(line: &str) -> Vec<String> {
    assert!(!line.contains(['$', '`', '|', '>', ';', '&']), "this shell would do more: {line}");
    let script = format!("set -f -- {line}\nprintf '%s\\n' \"$@\"");
    let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
    assert!(output.status.success(), "{line}");
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().skip_while(|word| word.contains('=')).map(str::to_owned).collect()
}

fn node_reads(place: &str, text: &str) {
    if is_installed("node", "examples of node") {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page.mjs");
        fs::write(&path, text).unwrap();
        let output = Command::new("node").arg("--check").arg(&path).output().unwrap();
        assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn python_reads(place: &str, text: &str) {
    if is_installed("python3", "examples of python") {
        let script = "import sys; compile(sys.argv[1], sys.argv[2], 'exec')";
        let output = Command::new("python3").args(["-c", script, text, place]).output().unwrap();
        assert!(output.status.success(), "{place}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

fn is_read_by_rustdoc(page: &Path) -> bool {
    let reads = |(source, text): &(PathBuf, String)| {
        text.split("include_str!(\"").skip(1).any(|after| {
            let name = after.split('"').next().unwrap();
            source.parent().unwrap().join(name).canonicalize().ok() == page.canonicalize().ok()
        })
    };
    files("framework/src", ".rs").iter().any(reads)
}

#[test]
fn commands_within_sentences_and_tables_can_be_given() {
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for page in pages().into_iter().filter(|page| !page.is_source()) {
        for (place, span) in page.spans() {
            // A word alone is a name.
            if span.contains(' ') {
                seen.entry(span).or_insert(place);
            }
        }
    }
    let quoted = |span: &&String| !span.contains(['$', '|', '>', ';', '&', '<', '(', '\'']);
    let checked = seen.iter().filter(|(span, _)| quoted(span)).filter(|(span, place)| {
        let words = words(span);
        !words.is_empty() && programs::check(place, &words[0], &words[1..])
    });
    let checked = checked.count();
    println!("{checked} command lines within sentences");
    assert!(checked > 60, "{checked}");
}

#[test]
fn the_examples_in_the_demos_help_can_be_given() {
    let help = Command::new(crate::harness::app::demo_path()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let mut examples = 0;
    for line in help.lines().filter_map(|line| line.strip_prefix("  demo-app ")) {
        let (command, _) = line.split_once("   ").unwrap_or((line, ""));
        let demo = Command::new(crate::harness::app::demo_path());
        programs::understands("demo-app --help", demo, &words(command));
        examples += 1;
    }
    assert!(examples > 5, "{help}");
}

#[test]
fn every_file_for_deploying_is_one_that_a_test_reads() {
    let tests = files("tests/it/deploy", ".rs").into_iter().map(|(_, text)| text);
    let tests: String = tests.collect();
    for (path, text) in files("demo-app/deploy", "") {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(tests.contains(name), "no test reads {}", path.display());
        // What is said of docker and kubectl in a comment names files that are there.
        let lines =
            text.lines().filter_map(|line| line.trim_start_matches('#').trim().split_once(" -f "));
        for (_, after) in lines {
            let file = after.split_whitespace().next().unwrap();
            assert!(Path::new(ROOT).join(file).exists(), "{}: {file}", path.display());
        }
    }
}
