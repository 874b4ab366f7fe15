//! The table of `evenkeel::conformance` tells the truth about its tests.

use std::collections::BTreeSet;

use crate::tidy::source_files;

const TABLE: &str = include_str!("../../framework/src/http/strictness.md");

#[test]
fn each_rule_of_the_table_names_a_test_that_exists() {
    let tests = tests();
    let rows = TABLE.lines().filter(|line| line.starts_with("| ") && !line.contains("| test |"));
    let mut count = 0;
    for row in rows {
        let named = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        let name = named.trim_matches('`');
        assert!(tests.contains(name), "no test is called {named}: {row}");
        count += 1;
    }
    assert!(count > 70, "the table has {count} rules");
}

#[test]
fn each_test_of_strictness_stands_in_the_table() {
    for (path, text) in source_files("tests/it/strictness") {
        for name in names(&text) {
            assert!(TABLE.contains(&format!("`{name}`")), "{}: {name}", path.display());
        }
    }
}

/// The names of all test functions.
fn tests() -> BTreeSet<String> {
    let sources = ["framework/src", "tests/it"].map(source_files).concat();
    sources.iter().flat_map(|(_, text)| names(text)).collect()
}

fn names(text: &str) -> Vec<String> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let pairs = lines.windows(2).filter(|pair| pair[0] == "#[test]");
    let functions = pairs.filter_map(|pair| pair[1].strip_prefix("fn "));
    functions.filter_map(|line| line.split_once('(').map(|(name, _)| name.to_owned())).collect()
}
