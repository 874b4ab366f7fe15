//! Each key, and what goes together.

use std::time::Duration;

use super::*;
use crate::plan::{AccessLog, LogFormat, Output};

/// Each key changes something: none is forgotten here.
#[test]
fn every_setting_reaches_the_server() {
    let other = |name: &str| match name {
        "name" => "shop",
        "listen" => "127.0.0.1:1,127.0.0.1:2",
        "workers"
        | "backlog"
        | "connections_max"
        | "offload_threads"
        | "give_up"
        | "rate_min"
        | "max_requests"
        | "access_log_keep"
        | "output_keep"
        | "limit_open_files"
        | "limit_processes"
        | "user"
        | "group"
        | "connection_requests_max" => "7",
        "output_per_worker" | "allow_new_privileges" | "keep_capabilities" => "true",
        "seccomp" => "deny",
        "policy" => "rr",
        "listener" => "inherited",
        "accept_wake" => "herd",
        "control" | "access_log" | "output" => "/x",
        "access_log_format" => "json",
        "proxy_protocol" => "unix",
        name if name.contains("bytes")
            || ["max_memory", "access_log_max", "output_max"].contains(&name)
            || ["limit_address_space", "limit_core"].contains(&name)
            || name == "output_high_water" =>
        {
            "7MiB"
        }
        _ => "7s",
    };
    for key in Settings::KEYS {
        let mut settings = Settings::default();
        let mut without = Settings::default();
        // Some keys mean something only beside another one.
        for (name, value) in beside(key.name) {
            without.set(name, value).unwrap();
        }
        if key.name == "seccomp" && cfg!(not(feature = "seccomp")) {
            continue;
        }
        settings.set(key.name, other(key.name)).unwrap();
        let server =
            |settings: &Settings| format!("{:?}", Server::bind("127.0.0.1:0").settings(settings));
        let with = settings.over(without.clone());
        assert_ne!(server(&with), server(&without), "{} changes nothing", key.name);
    }
}

/// What a key means nothing without.
fn beside(name: &str) -> &'static [(&'static str, &'static str)] {
    match name {
        "access_log_format" | "access_log_max" => &[("access_log", "/x")],
        "access_log_keep" => &[("access_log", "/x"), ("access_log_max", "1MiB")],
        "output_per_worker" | "output_max" => &[("output", "/x")],
        "output_keep" => &[("output", "/x"), ("output_max", "1MiB")],
        "give_up_within" => &[("give_up", "3")],
        _ => &[],
    }
}

/// Whether a server could be made of that; what is wrong with it.
fn check(texts: &[(&str, &str)], protocol: Protocol) -> Result<(), String> {
    let mut settings = Settings::default();
    for (name, text) in texts {
        settings.set(name, text).unwrap();
    }
    settings.check(protocol).map_err(|error| {
        assert!(error.is_config(), "{error}");
        error.to_string()
    })
}

#[test]
fn a_key_without_the_one_that_gives_it_a_meaning_is_an_error() {
    for key in Settings::KEYS {
        if let Some((last, before)) = beside(key.name).split_last() {
            let value = match key.name {
                "access_log_format" => "json",
                "output_per_worker" => "true",
                name if name.ends_with("max") => "1MiB",
                name if name.ends_with("within") => "1s",
                _ => "3",
            };
            let said =
                |more| check(&[before, &[(key.name, value)], more].concat(), Protocol::Evenkeel);
            let why = said(&[]).unwrap_err();
            let named = format!("{} means nothing without {}", key.name, last.0);
            assert!(why.starts_with(&named), "{why}");
            assert_eq!(said(&[*last]), Ok(()), "{}", key.name);
        }
    }
    assert!(check(&[("group", "0")], Protocol::Evenkeel).unwrap_err().contains("goes with a user"));
}

#[test]
fn what_the_program_said_itself_stays_where_settings_say_less() {
    let log = AccessLog::new("/old").format(LogFormat::Json).rotate(7, 8);
    let said = [("access_log", "/new"), ("access_log_keep", "2"), ("output_max", "9B")];
    let mut settings = Settings::default();
    for (name, text) in said {
        settings.set(name, text).unwrap();
    }
    let server = Server::bind("127.0.0.1:0").access_log(log).output(Output::per_worker("/out"));
    let plan = server.give_up(3, Duration::from_secs(5)).settings(&settings).config.plan().unwrap();
    let expected = AccessLog::new("/new").format(LogFormat::Json).rotate(7, 2);
    assert_eq!(plan.access_log, Some(expected));
    assert_eq!(plan.output, Some(Output::per_worker("/out").rotate(9, 5)));
    assert_eq!(plan.give_up, Some((3, Duration::from_secs(5))));
}

#[test]
fn details_go_with_what_the_program_names_after_them() {
    let mut settings = Settings::default();
    for (name, text) in [
        ("output_max", "9B"),
        ("output_per_worker", "true"),
        ("access_log_format", "json"),
        ("access_log_keep", "2"),
        ("give_up_within", "5s"),
    ] {
        settings.set(name, text).unwrap();
    }
    let server = || Server::bind("127.0.0.1:0").settings(&settings).output(Output::merged("/out"));
    let log = AccessLog::new("/log");
    let planned = |server: Server<'_>| server.config.plan().map_err(|error| error.to_string());
    let all = server().access_log(log.clone().rotate(7, 8)).give_up(3, Duration::from_secs(60));
    let plan = planned(all).unwrap();
    assert_eq!(plan.output, Some(Output::per_worker("/out").rotate(9, 5)));
    assert_eq!(plan.access_log, Some(log.clone().format(LogFormat::Json).rotate(7, 2)));
    assert_eq!(plan.give_up, Some((3, Duration::from_secs(5))));
    let why = planned(server()).unwrap_err();
    assert!(why.starts_with("access_log_format means nothing without access_log:"), "{why}");
    let why = planned(server().access_log(log)).unwrap_err();
    assert!(why.starts_with("access_log_keep means nothing without access_log_max:"), "{why}");
}

#[test]
fn what_cannot_be_had_with_another_program_is_an_error_that_says_why() {
    let refused = |texts: &[(&str, &str)]| check(texts, Protocol::ListenFds).unwrap_err();
    assert!(refused(&[("output", "/x"), ("output_max", "1MiB")]).contains("evenkeel reload"));
    assert!(refused(&[("udp", "127.0.0.1:0")]).contains("listeners only"));
    if cfg!(feature = "seccomp") {
        assert!(refused(&[("seccomp", "deny-exec")]).contains("choose deny"));
        assert_eq!(check(&[("seccomp", "deny")], Protocol::ListenFds), Ok(()));
    }
    let good = [("output", "/x"), ("output_per_worker", "true"), ("limit_core", "0")];
    assert_eq!(check(&good, Protocol::ListenFds), Ok(()));
}

#[test]
fn a_size_of_nothing_is_an_error() {
    for (log, max) in [("output", "output_max"), ("access_log", "access_log_max")] {
        let why = check(&[(log, "/x"), (max, "0")], Protocol::Evenkeel).unwrap_err();
        assert!(why.contains("at least 1 byte"), "{why}");
    }
    let why = check(&[("limit_open_files", "0")], Protocol::Evenkeel).unwrap_err();
    assert!(why.contains("the limit of open-files must be at least 1"), "{why}");
    let standard = [("access_log", "-"), ("access_log_max", "1MiB")];
    assert!(check(&standard, Protocol::Evenkeel).unwrap_err().contains("is not moved away"));
    assert!(check(&[("output", "-")], Protocol::Evenkeel).unwrap_err().contains("leave it out"));
}
