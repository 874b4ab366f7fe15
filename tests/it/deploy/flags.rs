//! Flags that the files use.

use std::process::Command;

use crate::harness::app::demo_path;

/// Each flag is one of the demo's.
pub(super) fn known(arguments: &[String]) {
    let help = Command::new(demo_path()).arg("--help").output().unwrap();
    let help = String::from_utf8(help.stdout).unwrap();
    let is_named = |flag: &str| help.split_whitespace().any(|word| word == flag);
    for argument in arguments.iter().filter(|argument| argument.starts_with("--")) {
        let flag = argument.split('=').next().unwrap();
        assert!(is_named(flag), "the demo has no {flag}");
    }
}

/// The value of a flag: after a `=`, or the next argument.
pub(super) fn value_of<'a>(arguments: &'a [String], flag: &str) -> &'a str {
    let at = arguments.iter().position(|argument| argument.split('=').next() == Some(flag));
    let at = at.unwrap_or_else(|| panic!("{flag} in {arguments:?}"));
    arguments[at].split_once('=').map_or_else(|| arguments[at + 1].as_str(), |(_, value)| value)
}
