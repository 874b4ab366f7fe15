//! What the settings of an application make of its unit.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::systemd::{run, verify};
use crate::harness::app::demo_path;
use crate::harness::privilege::{is_installed, skip};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// A file with one application, in a folder that a service sees, if there is one.
struct Set(TempDir);

impl Set {
    fn new(settings: &str) -> Self {
        let folder = tempfile::tempdir_in(demo_path().parent().unwrap()).unwrap();
        let program = demo_path().display().to_string();
        let text = format!("[app.shop]\nprogram = {program:?}\n{settings}\n");
        fs::write(folder.path().join("apps.toml"), text).unwrap();
        Self(folder)
    }

    fn token(self, text: &str, mode: u32) -> Self {
        let token = self.0.path().join("token");
        fs::write(&token, text).unwrap();
        fs::set_permissions(token, fs::Permissions::from_mode(mode)).unwrap();
        self
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("apps.toml")
    }

    /// Its unit, or why there is none.
    fn show(&self, how: &[&str]) -> (Option<i32>, String) {
        let file = self.file();
        run(&[&["show"], how, &[file.to_str().unwrap()]].concat())
    }
}

/// The services' own folders for passing files would hide what is tested.
fn is_seen(what: &str) -> bool {
    let hidden = ["/tmp", "/var/tmp"].iter().any(|folder| demo_path().starts_with(folder));
    if hidden {
        skip(what, "a project that lies elsewhere than in /tmp");
    }
    !hidden
}

#[test]
fn what_an_application_is_told_to_do_is_what_its_unit_lets_it_do() {
    if !is_seen("what a unit lets an application do") {
        return;
    }
    let cases = [
        ("udp = [\"127.0.0.1:53\"]", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE"),
        ("admin = \"127.0.0.1:81\"", "CapabilityBoundingSet=CAP_NET_BIND_SERVICE"),
        ("udp = [\"127.0.0.1:5353\"]\nadmin = \"127.0.0.1:8181\"", "CapabilityBoundingSet="),
        ("listen = [\"unix:/run/evenkeel/shop/web:80\"]", "CapabilityBoundingSet="),
        ("admin = \"unix:/run/evenkeel/shop/admin\"", "CapabilityBoundingSet="),
        ("control = \"/run/evenkeel/shop/orders\"", "CapabilityBoundingSet="),
        ("output = \"/var/log/evenkeel/shop/out\"\naccess_log = \"-\"", "CapabilityBoundingSet="),
        ("access_log = \"/var/lib/evenkeel/shop/access\"", "CapabilityBoundingSet="),
        ("user = \"daemon\"", "User=daemon"),
        ("user = \"daemon\"\ngroup = \"mail\"", "Group=mail"),
        ("seccomp = \"deny\"", "SystemCallFilter=@system-service seccomp"),
        ("limit_open_files = 100000", "LimitNOFILE=100000"),
        ("limit_open_files = 100", "LimitNOFILE=65536"),
        ("limit_processes = 100", "LimitNPROC=infinity"),
    ];
    for (settings, expected) in cases {
        let (code, text) = Set::new(settings).show(&["--account", "daemon"]);
        assert_eq!(code, Some(0), "{settings}: {text}");
        assert!(text.lines().any(|line| line == expected), "{settings}: {text}");
    }
    let set =
        Set::new("admin = \"0.0.0.0:8181\"\nadmin_token_file = \"token\"").token(TOKEN, 0o600);
    let (code, text) = set.show(&["--account", "daemon"]);
    let token = set.0.path().canonicalize().unwrap().join("token");
    let line = format!("\nLoadCredential=evenkeel.admin_token:{}\n", token.display());
    assert!(code == Some(0) && text.contains(&line), "{text}");
}

#[test]
fn what_no_unit_lets_an_application_do_is_refused_with_the_mend() {
    let logs = "choose a path in /var/log/evenkeel/shop";
    let sockets = "choose a path in /run/evenkeel/shop";
    let cases = [
        ("output = \"/tmp/out\"", "output: /tmp/out: nobody else sees it there", logs),
        ("access_log = \"/var/tmp/log\"", "access_log: /var/tmp/log: nobody else", logs),
        ("access_log = \"/home/shop/log\"", "may not write to homes", logs),
        ("output = \"/srv/out\"", "may not write there (ProtectSystem)", logs),
        ("output = \"/var/log/evenkeel/out\"", "may not write there", logs),
        ("output = \"/var/log/evenkeel/shop/../out\"", "may not write there", logs),
        ("output = \"/var/log/evenkeel/shop/deep/out\"", "its folder is not there", logs),
        ("control = \"/tmp/orders\"", "control: /tmp/orders: nobody else sees it", sockets),
        ("control = \"/run/orders\"", "may not write there", sockets),
        ("control = \"/dev/null\"", "may not write there", sockets),
        ("listen = [\"unix:/run/shop\"]", "listen: /run/shop: the service may", sockets),
        ("admin = \"unix:/home/shop\"", "admin: /home/shop: the service may", sockets),
        ("user = \"daemon\"", "cannot change to daemon", "say --account daemon"),
        ("user = \"nosuchuser\"", "there is no user nosuchuser", "choose one"),
        ("output_max = \"1MiB\"", "output_max means nothing without output", "leave it out"),
        ("admin = \"0.0.0.0:81\"", "would let anybody", "give it a token"),
        ("admin = \"127.0.0.1:81\"\nadmin_token_file = \"none\"", "cannot read", "name a file"),
    ];
    for (settings, why, mend) in cases {
        let set = Set::new(settings);
        let (code, text) = set.show(&["--account", "mail"]);
        assert_eq!(code, Some(64), "{settings}: {text}");
        let place = format!("{}: app.shop: ", set.file().canonicalize().unwrap().display());
        for said in [&place, why, mend] {
            assert!(text.contains(said), "{settings}: {text}");
        }
    }
    let token = "admin = \"127.0.0.1:81\"\nadmin_token_file = \"token\"";
    let (code, text) = Set::new(token).token(TOKEN, 0o644).show(&["--account", "mail"]);
    let closed = !nix::unistd::geteuid().is_root();
    assert!(closed || code == Some(77) && text.contains("chmod 600"), "{text}");
    let (code, text) = Set::new(token).token(TOKEN, 0o600).show(&["--for", "246"]);
    assert!(code == Some(64) && text.contains("from version 247 on"), "{text}");
}

#[test]
fn a_users_own_systemd_is_not_asked_for_what_it_cannot_grant() {
    let refused = |settings: &str, why: &str| {
        let (code, text) = Set::new(settings).show(&["--user"]);
        assert!(code == Some(64) && text.contains(why), "{text}");
        assert!(text.contains("leave out --user"), "{text}");
    };
    refused("policy = \"least-busy\"", "policy: least-busy needs CAP_BPF");
    let sysctl = "/proc/sys/net/ipv4/ip_unprivileged_port_start";
    let first = fs::read_to_string(sysctl).unwrap();
    if first.trim() == "1024" {
        refused("udp = [\"127.0.0.1:53\"]", "udp: 127.0.0.1:53 needs CAP_NET_BIND_SERVICE");
    }
    // It writes where its user does.
    let settings =
        "policy = \"auto\"\noutput = \"/tmp/out\"\nseccomp = \"deny\"\nadmin = \"unix:/tmp/admin\"";
    let (code, text) = Set::new(settings).show(&["--user"]);
    assert!(code == Some(0) && text.contains("=@system-service seccomp\n"), "{text}");
}

#[test]
fn systemd_finds_no_fault_in_what_settings_make_of_a_unit() {
    let what = "units by settings, read by systemd";
    if !is_installed("systemd-analyze", what) || !is_seen(what) {
        return;
    }
    let settings = "listen = [\"127.0.0.1:8080\"]\nudp = [\"127.0.0.1:53\"]\nadmin = \"127.0.0.1:81\"\n\
                    admin_token_file = \"token\"\noutput = \"/var/log/evenkeel/shop/out\"\nuser = \"daemon\"\n\
                    group = \"mail\"\nseccomp = \"deny\"\nlimit_open_files = 70000\nlimit_processes = 99\n\
                    policy = \"auto\"";
    let set = Set::new(settings).token(TOKEN, 0o600);
    let units = set.0.path().join("units");
    fs::create_dir(&units).unwrap();
    let folder = |path: &Path| path.to_str().unwrap().to_owned();
    let (dir, file) = (folder(&units), folder(&set.file()));
    let (code, text) = run(&["install", "--account", "daemon", "--dir", &dir, &file]);
    assert_eq!(code, Some(0), "{text}");
    verify(&[], &[units.join("evenkeel-shop.service")]);
}
