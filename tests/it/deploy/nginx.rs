//! nginx, with the file that is deployed.

use std::path::Path;
use std::process::Command;

use super::file;
use super::front::Proxy;
use super::rolling::restart_loses_nothing;
use crate::harness::privilege::{is_installed, is_root, may};

/// nginx with the file as it stands. What it would write outside of `folder` goes elsewhere.
fn nginx(folder: &Path) -> Vec<String> {
    let configuration = file("nginx.conf").display().to_string();
    let global = format!("daemon off; pid {};", folder.join("pid").display());
    ["nginx", "-e", "stderr", "-c", &configuration, "-g", &global].map(str::to_owned).into()
}

/// It is there, with the module that passes connections on.
fn can_be_tested(what: &str) -> bool {
    if !is_installed("nginx", what) || !is_root(what) {
        return false;
    }
    let folder = tempfile::tempdir().unwrap();
    let command = nginx(folder.path());
    let check = Command::new(&command[0]).arg("-t").args(&command[1..]).output().unwrap();
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    let has_module = !said.contains("unknown directive \"stream\"");
    if !may(has_module, what, "nginx's module stream (libnginx-mod-stream)") {
        return false;
    }
    assert!(check.status.success() && !said.contains("[warn]"), "{said}");
    true
}

#[test]
fn nginx_takes_its_file() {
    can_be_tested("nginx.conf");
}

#[test]
fn both_instances_behind_nginx_are_restarted_and_no_request_fails() {
    if can_be_tested("restarts behind nginx") {
        restart_loses_nothing(&file("nginx.conf"), || Proxy::start(|folder| nginx(&folder)));
    }
}
