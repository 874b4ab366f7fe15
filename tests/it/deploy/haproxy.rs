//! HAProxy, with the file that is deployed.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::file;
use super::front::Proxy;
use super::rolling::restart_loses_nothing;
use crate::harness::privilege::{is_installed, is_root};

/// Where the file has its socket.
const SOCKET: &str = "/run/haproxy/admin.sock";

fn can_be_tested(what: &str) -> bool {
    is_installed("haproxy", what) && is_root(what)
}

/// HAProxy with the file at `path`, but for the path of its socket.
fn started(path: &Path) -> Proxy {
    Proxy::start(|folder| {
        let socket = folder.join("admin.sock");
        let text = fs::read_to_string(path).unwrap();
        let path = folder.join("haproxy.cfg");
        fs::write(&path, text.replace(SOCKET, socket.to_str().unwrap())).unwrap();
        ["haproxy", "-db", "-f", path.to_str().unwrap()].map(str::to_owned).into()
    })
}

#[test]
fn haproxy_takes_its_file() {
    if !can_be_tested("haproxy.cfg") {
        return;
    }
    let check = Command::new("haproxy").arg("-c").arg("-f").arg(file("haproxy.cfg")).output();
    let check = check.unwrap();
    let said = String::from_utf8_lossy(&check.stderr).into_owned();
    assert!(check.status.success() && !said.contains("WARNING"), "{said}");
}

#[test]
fn both_instances_behind_haproxy_are_restarted_and_no_request_fails() {
    if can_be_tested("restarts behind HAProxy") {
        let file = file("haproxy.cfg");
        restart_loses_nothing(&file, || started(&file));
    }
}

/// What the file says of `http-reuse`; and nothing is under way when the drain begins, so that none is needed.
#[test]
fn the_same_with_connections_that_haproxy_shares_among_its_clients() {
    if !can_be_tested("restarts behind HAProxy's shared connections") {
        return;
    }
    let mut text = fs::read_to_string(file("haproxy.cfg")).unwrap();
    for (old, new) in [
        ("default-server send-proxy-v2 ", "default-server "),
        (" --proxy-protocol 192.0.2.1", ""),
        (" --grace 30", " --grace 0"),
        ("http-reuse never", "http-reuse always"),
    ] {
        assert!(text.contains(old), "{old}");
        text = text.replace(old, new);
    }
    let folder = tempfile::tempdir().unwrap();
    let shared = folder.path().join("shared.cfg");
    fs::write(&shared, text).unwrap();
    restart_loses_nothing(&shared, || started(&shared));
}
