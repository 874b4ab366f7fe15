//! What stands in the units, and why (systemd.service(5), systemd.exec(5), systemd.socket(5)).

use std::fmt::Write;
use std::path::Path;

use evenkeel::Address;

use super::grants::Grants;
use super::program::{Program, quoted};
use super::{NOTIFY_RELOAD_SINCE, Wanted};
use crate::outcome::Failure;
use crate::start::TOKEN_CREDENTIAL;

/// Seconds beyond the drain: for the end by force of those that are late, and for the master.
const STOP_SLACK_S: u32 = 15;
/// Connections of one worker and what it has open besides, with room for a handler's own.
const OPEN_FILES: u64 = 65_536;
/// Connections that wait in each accept queue: as many as evenkeel asks for; the kernel may allow fewer.
const BACKLOG: u32 = 4_096;
/// What ends a server is wrong with its command line, settings, permissions, or every worker: it would be
/// again.
const HOPELESS: &str = "2 64 70 77 78";

/// Folders for passing files, of which a service has its own (`PrivateTmp=`).
pub(super) const TEMPORARY: [&str; 2] = ["/tmp", "/var/tmp"];
/// Folders that a service does not see unless it runs what lies there (`ProtectHome=`).
pub(super) const HOMES: [&str; 3] = ["/home", "/root", "/run/user"];

/// What a service without any privilege does not need. Each line works in a user's own systemd as well.
const FOR_ALL: &str = "\
NoNewPrivileges=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
";

/// What only the system's own systemd can do.
const FOR_SYSTEM: &str = "\
ProtectSystem=strict
PrivateTmp=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
RemoveIPC=yes
UMask=0027
";

/// What one unit runs, and what it is allowed for that.
pub(super) struct Unit {
    pub(super) name: String,
    pub(super) description: String,
    pub(super) program: Program,
    /// It is an application of this name, as `evenkeel list` knows it.
    pub(super) app: Option<String>,
    pub(super) grants: Grants,
    /// It may be one that makes machine code while it runs, as Node does.
    pub(super) compiles: bool,
    /// The longest drain, in seconds.
    pub(super) grace: u32,
}

impl Unit {
    /// Of its folders below `/run/evenkeel`, `/var/lib/evenkeel` and `/var/log/evenkeel`.
    fn folder(&self) -> &str {
        self.app.as_ref().unwrap_or(&self.name)
    }
}

/// The service.
pub(super) fn service(wanted: &Wanted, unit: &Unit) -> Result<String, Failure> {
    let Unit { name, program, .. } = unit;
    let hidden = program.part_below(&TEMPORARY).filter(|_| !wanted.user);
    if let Some(path) = hidden.map(Path::display) {
        return Err(Failure::settings(format!(
            "{path} is not seen by the service, which has folders of its own for passing files: \
             install it elsewhere, as below /usr/local/bin"
        )));
    }
    let mut text = heading(unit, "");
    if !wanted.socket.is_empty() {
        line(&mut text, format!("Requires={name}.socket"));
        line(&mut text, format!("After={name}.socket"));
    }
    line(&mut text, "After=network.target");
    line(&mut text, "\n[Service]");
    life(&mut text, wanted, unit);
    line(&mut text, "\n# Who it is, and what it may do.");
    if wanted.user {
        line(&mut text, format!("RuntimeDirectory=evenkeel/{}", unit.folder()));
    } else {
        identity(&mut text, wanted, unit);
        capabilities(&mut text, unit);
        text += FOR_SYSTEM;
        let homes = program.part_below(&HOMES);
        let homes = if homes.is_some() { "read-only" } else { "yes" };
        line(&mut text, format!("ProtectHome={homes}"));
    }
    text += FOR_ALL;
    if !unit.compiles {
        line(&mut text, "MemoryDenyWriteExecute=yes");
    }
    let bpf = if unit.grants.bpf { " bpf" } else { "" };
    let filters = if unit.grants.filters { " seccomp" } else { "" };
    line(&mut text, format!("SystemCallFilter=@system-service{bpf}{filters}"));
    line(&mut text, "\n[Install]");
    let target = if wanted.user { "default.target" } else { "multi-user.target" };
    line(&mut text, format!("WantedBy={target}"));
    if !wanted.socket.is_empty() {
        line(&mut text, format!("Also={name}.socket"));
    }
    Ok(text)
}

/// The listeners that systemd keeps.
pub(super) fn socket(wanted: &Wanted, unit: &Unit) -> String {
    let name = &unit.name;
    let mut text = heading(unit, " (listeners)");
    line(&mut text, "\n[Socket]");
    for address in &wanted.socket {
        match address {
            Address::Tcp(address) => {
                for _ in 0..wanted.listeners.get() {
                    line(&mut text, format!("ListenStream={address}"));
                }
            }
            Address::Unix(path) => {
                let path = path.display().to_string().replace('%', "%%");
                line(&mut text, format!("ListenStream={path}"));
            }
        }
    }
    if wanted.socket.iter().any(|address| address.tcp().is_some()) {
        line(&mut text, "# Each worker has a listener of its own; [::] takes IPv4 as well.");
        line(&mut text, "ReusePort=yes");
        line(&mut text, "BindIPv6Only=both");
        line(&mut text, "NoDelay=yes");
    }
    line(&mut text, format!("Backlog={BACKLOG}"));
    line(&mut text, format!("FileDescriptorName={name}"));
    line(&mut text, "\n[Install]\nWantedBy=sockets.target");
    text
}

fn heading(unit: &Unit, of: &str) -> String {
    let Unit { name, description, .. } = unit;
    let description = description.replace('%', "%%");
    let description: String =
        description.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!(
        "# Written by evenkeel {}. Changes of your own: systemctl edit {name}\n\
         [Unit]\nDescription={description}{of}\n",
        env!("CARGO_PKG_VERSION")
    )
}

/// Start, reload, stop, and what follows an end that nobody asked for.
fn life(text: &mut String, wanted: &Wanted, unit: &Unit) {
    let notify_reload = wanted.version() >= NOTIFY_RELOAD_SINCE;
    let kind = if notify_reload { "notify-reload" } else { "notify" };
    line(text, format!("Type={kind}\nNotifyAccess=main"));
    line(text, format!("ExecStart={}", unit.program.command_line()));
    if !notify_reload {
        line(text, "ExecReload=kill -HUP $MAINPID");
    }
    if wanted.watchdog > 0 {
        line(text, "# Of the master; workers have a watchdog of their own.");
        line(text, format!("WatchdogSec={}", wanted.watchdog));
    }
    line(text, "Restart=on-failure\nRestartSec=1");
    line(text, format!("RestartPreventExitStatus={HOPELESS}"));
    line(text, "# The master has its workers drain; what is left when it has ended is killed.");
    line(text, "KillMode=mixed");
    line(text, format!("TimeoutStopSec={}", unit.grace.saturating_add(STOP_SLACK_S)));
    line(text, "# The master replaces a worker that ran out of memory.");
    line(text, "OOMPolicy=continue");
    line(text, format!("LimitNOFILE={}", unit.grants.open_files.unwrap_or(0).max(OPEN_FILES)));
    if unit.grants.limits_processes {
        line(
            text,
            "# Workers set a limit of their own, and may not raise it.\nLimitNPROC=infinity",
        );
    }
}

fn identity(text: &mut String, wanted: &Wanted, unit: &Unit) {
    match &wanted.account {
        Some(account) => line(text, format!("User={}", quoted(account))),
        None => line(text, "DynamicUser=yes"),
    }
    if let Some(group) = &unit.grants.group {
        line(text, format!("Group={}", quoted(group)));
    }
    if let Some(token) = &unit.grants.token {
        line(text, "# The file is for root only; its contents are handed on.");
        let token = token.display().to_string().replace('%', "%%");
        line(text, format!("LoadCredential={TOKEN_CREDENTIAL}:{token}"));
    }
    line(
        text,
        "# Below /run, /var/lib and /var/log; a control socket is well placed in the first.",
    );
    let own = unit.folder();
    for folder in ["Runtime", "State", "Logs"] {
        line(text, format!("{folder}Directory=evenkeel/{own}\n{folder}DirectoryMode=0750"));
    }
    if unit.app.is_some() {
        line(text, "# There root's `evenkeel` looks for it.");
        line(text, "Environment=EVENKEEL_RUNTIME_DIR=/run/evenkeel");
    }
}

fn capabilities(text: &mut String, unit: &Unit) {
    let bpf = unit.grants.bpf.then_some("CAP_BPF");
    let low_ports = unit.grants.low_ports.then_some("CAP_NET_BIND_SERVICE");
    let all = bpf.into_iter().chain(low_ports).collect::<Vec<_>>().join(" ");
    line(text, format!("AmbientCapabilities={all}\nCapabilityBoundingSet={all}"));
}

/// Writing to a string does not fail.
fn line(text: &mut String, line: impl AsRef<str>) {
    let _ = writeln!(text, "{}", line.as_ref());
}
