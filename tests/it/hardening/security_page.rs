//! What SECURITY.md says is tested has its test.

use std::fs;
use std::path::Path;

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/..");

/// The names in a line of the page: `` `path::to::a_test` ``, below tests/it/ or framework/src/.
fn names(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2).filter(|word| {
        word.contains("::")
            && word.chars().all(|c| c.is_ascii_lowercase() || ":_0123456789".contains(c))
    })
}

/// A file of this module, or of tests that stand beside it, has a test of this name.
fn is_there(name: &str) -> bool {
    let (module, test) = name.rsplit_once("::").unwrap();
    let path = module.replace("::", "/");
    let files = ["tests/it", "framework/src"]
        .iter()
        .flat_map(|folder| [format!("{folder}/{path}.rs"), format!("{folder}/{path}/tests.rs")]);
    let texts = files.filter_map(|file| fs::read_to_string(Path::new(ROOT).join(file)).ok());
    texts.into_iter().any(|text| text.contains(&format!("fn {test}()")))
}

#[test]
fn each_row_of_the_threat_model_names_tests_that_are_there() {
    let page = fs::read_to_string(Path::new(ROOT).join("SECURITY.md")).unwrap();
    let (_, tested) = page.split_once("| what is tested |").expect("a table");
    let rows = tested.lines().skip(2).take_while(|line| line.starts_with('|'));
    let mut seen = 0;
    for row in rows {
        assert!(names(row).next().is_some(), "no test in {row}");
        seen += 1;
    }
    assert!(seen >= 10, "{seen} rows");
    for name in page.lines().flat_map(names) {
        assert!(is_there(name), "SECURITY.md names {name}, and there is no such test");
    }
}
