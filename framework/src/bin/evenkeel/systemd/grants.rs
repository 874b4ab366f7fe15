//! What a unit lets an application do, by the application's settings; what no unit lets it do is an error here,
//! and not of a service that does not start.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use evenkeel::config::{Application, Settings};
use evenkeel::{Address, Policy};
use nix::unistd::geteuid;

use super::program::uses_bpf_policy;
use super::{CREDENTIALS_SINCE, Wanted, places};
use crate::outcome::Failure;

/// Ports that want a capability (ip(7)), as far as the kernel was not told otherwise.
const LOW_PORTS: RangeInclusive<u16> = 1..=1023;

/// What the program may do and have beyond what every service does.
#[derive(Default)]
#[allow(clippy::struct_excessive_bools, reason = "each can be had without the others")]
pub(super) struct Grants {
    /// Have the kernel take a program.
    pub(super) bpf: bool,
    /// Bind a port below 1024.
    pub(super) low_ports: bool,
    /// Have the kernel filter its system calls.
    pub(super) filters: bool,
    /// Set a limit for processes, up to any number.
    pub(super) limits_processes: bool,
    /// As many open files, if it says so.
    pub(super) open_files: Option<u64>,
    /// Of this group, if it is not the user's own.
    pub(super) group: Option<String>,
    /// Read this file with its token, which its user may not.
    pub(super) token: Option<PathBuf>,
}

impl Grants {
    /// Those of the application with this name.
    pub(super) fn of(
        wanted: &Wanted,
        name: &str,
        application: &Application,
    ) -> Result<Self, Failure> {
        let settings = &application.settings;
        check(wanted, application)?;
        let low = low_port(settings)?;
        let for_all = Self {
            filters: settings.seccomp.is_some(),
            limits_processes: settings.limit_processes.is_some(),
            open_files: settings.limit_open_files,
            ..Self::default()
        };
        if wanted.user {
            users_own(settings, low)?;
            return Ok(for_all);
        }
        same_user(wanted, settings)?;
        places::check(name, settings)?;
        let token_file = settings.admin_token_file.as_deref();
        Ok(Self {
            bpf: settings.policy.is_some_and(|policy| uses_bpf_policy(&policy.to_string())),
            low_ports: low.is_some(),
            group: settings.group.clone(),
            token: token_file.map(|path| token(wanted, path)).transpose()?,
            ..for_all
        })
    }
}

/// Whether it could start at all. What this process may not do is no matter where the unit says what may be done.
fn check(wanted: &Wanted, application: &Application) -> Result<(), Failure> {
    let mut settings = application.settings.clone();
    if !wanted.user {
        for limit in [&mut settings.limit_open_files, &mut settings.limit_processes] {
            *limit = limit.map(|limit| limit.min(1));
        }
    }
    match settings.check(application.protocol()) {
        Err(error) if !wanted.user && error.is_permission() && !geteuid().is_root() => Ok(()),
        checked => Ok(checked?),
    }
}

/// The first address with a port that not everybody may bind, and the key that names it.
fn low_port(settings: &Settings) -> Result<Option<(&'static str, String)>, Failure> {
    let listen = settings.listen.iter().flatten().map(|text| ("listen", text));
    let udp = settings.udp.iter().flatten().map(|text| ("udp", text));
    let admin = settings.admin.iter().map(|text| ("admin", text));
    for (key, text) in listen.chain(udp).chain(admin) {
        let port = Address::resolve(text)?.tcp().map_or(0, |address| address.port());
        if LOW_PORTS.contains(&port) {
            return Ok(Some((key, text.clone())));
        }
    }
    Ok(None)
}

/// A user's own systemd has no capability to grant.
fn users_own(settings: &Settings, low: Option<(&'static str, String)>) -> Result<(), Failure> {
    let needs_bpf =
        |policy: &Policy| *policy != Policy::Auto && uses_bpf_policy(&policy.to_string());
    let policy = settings.policy.filter(needs_bpf);
    let needs = match (policy, low) {
        (Some(policy), _) => format!("policy: {policy} needs CAP_BPF: choose another policy"),
        (None, Some((key, text))) if !anybody_may_bind() => {
            format!("{key}: {text} needs CAP_NET_BIND_SERVICE: choose a port from 1024 on")
        }
        _ => return Ok(()),
    };
    Err(Failure::settings(format!(
        "{needs}, or leave out --user; a user's own systemd cannot grant it"
    )))
}

/// The kernel was told that no port wants a capability (`ip_unprivileged_port_start`, ip(7)).
fn anybody_may_bind() -> bool {
    let first = std::fs::read_to_string("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    first.is_ok_and(|first| matches!(first.trim().parse(), Ok(0..=1)))
}

/// The service is one user's from its start: its master has no capability to make workers another's.
fn same_user(wanted: &Wanted, settings: &Settings) -> Result<(), Failure> {
    let Some(user) = settings.user.as_ref().filter(|user| wanted.account.as_ref() != Some(user))
    else {
        return Ok(());
    };
    Err(Failure::settings(format!(
        "user: a service runs as one user, its master too, and cannot change to {user}: say --account {user}, \
         or leave it out"
    )))
}

/// Its user need not be able to read the file: systemd does, and hands on what stands there.
fn token(wanted: &Wanted, path: &Path) -> Result<PathBuf, Failure> {
    let shown = path.display();
    if wanted.version() < CREDENTIALS_SINCE {
        return Err(Failure::settings(format!(
            "admin_token_file: the service cannot read {shown}, and systemd hands a file on from version \
             {CREDENTIALS_SINCE} on: have `admin` be a unix-domain socket or on loopback, and leave this out"
        )));
    }
    let is_plain = |path: &str| !path.contains(|c: char| c.is_control() || c == '\\');
    if path.to_str().is_some_and(is_plain) {
        return Ok(path.to_owned());
    }
    Err(Failure::settings(format!(
        "admin_token_file: {shown} cannot stand in a unit: choose another path"
    )))
}
