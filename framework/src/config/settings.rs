//! Everything that can be set of a server, as it can be written down.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Deserializer};

use super::keyed;
use super::units::{Bytes, Patience};
use crate::error::Error;
use crate::plan::{AcceptWake, Listener, LogFormat, Policy, Workers};

#[cfg(not(feature = "seccomp"))]
use super::filter::NoSeccomp as Seccomp;
#[cfg(feature = "seccomp")]
use crate::plan::Seccomp;

keyed! {
    /// What a file, the environment or flags say of a server. What is `None` was not said.
    pub struct Settings;

    /// The name by which `evenkeel` knows the server: small letters, digits, `-` and `_`. Default: none.
    Restart name: String,
    /// Addresses to listen on, `HOST:PORT` or `unix:/PATH`. Policy and listener apply to the first one; all
    /// workers share the accept queue of each other one.
    Restart listen: Vec<String>,
    /// Addresses at which datagrams are taken, `HOST:PORT`. Default: none.
    Restart udp: Vec<String>,
    /// How many workers to begin with: a number, or `max` (also 0) for one for each CPU that may be used.
    /// Default: `max`.
    Upgrade workers: Workers,
    /// Who picks the worker for a new connection. Default: `none`.
    Restart policy: Policy,
    /// Where connections wait. Default: what goes with the policy.
    Restart listener: Listener,
    /// Which worker of an inherited listener is woken. Default: `rotating`.
    Restart accept_wake: AcceptWake,
    /// A worker that is away from its loop for so long gets no new connection, with policy `least-busy`.
    /// Default: 1ms.
    Upgrade stall_after: Duration,
    /// Length of each accept queue, in connections. Default: 4096.
    Upgrade backlog: u32,
    /// How long a worker may take to drain before it is killed. Default: 30s.
    Upgrade grace: Duration,
    /// How long a worker may take from its fork until it serves. Default: 30s.
    Upgrade ready_timeout: Duration,
    /// A worker that has served for so long is replaced at once when it dies, a younger one after a pause.
    /// Default: 1s.
    Upgrade min_uptime: Duration,
    /// Most connections that one worker holds at a time. Default: 16384.
    Upgrade connections_max: usize,
    /// Longest time for a whole request head. Default: 30s.
    Upgrade head_timeout: Duration,
    /// Longest silence within the body of a request. Default: 30s.
    Upgrade body_timeout: Duration,
    /// How long a connection may wait for its next request. Default: 75s.
    Upgrade idle_timeout: Duration,
    /// Longest time in which a peer takes nothing of an answer. Default: 30s.
    Upgrade write_timeout: Duration,
    /// Bytes per second that a peer must send or take on average; 0: as slowly as it likes. Default: 240.
    Upgrade rate_min: u32,
    /// Most bytes of a request line and its header fields. Default: 16KiB.
    Upgrade head_bytes_max: Bytes,
    /// Most bytes of a body that is held in memory. Default: 1MiB.
    Upgrade body_bytes_max: Bytes,
    /// Most requests on one connection. Default: 1000000.
    Upgrade connection_requests_max: u32,
    /// Most bytes of answers that are gathered for one write. Default: 64KiB.
    Upgrade output_high_water: Bytes,
    /// Most threads of each worker for offloaded work. Default: 4.
    Upgrade offload_threads: usize,
    /// Serve on for so long after the order to stop, while a load balancer notices. Default: 0s.
    Upgrade pre_stop_delay: Duration,
    /// A worker whose handler does not come back for so long is ended and replaced; `never`: it may hang.
    /// Default: 60s.
    Upgrade hang_timeout: Patience,
    /// A worker with more private memory than this is replaced. Default: no limit.
    Upgrade max_memory: Bytes,
    /// A worker that has answered so many requests is replaced. Default: no limit.
    Upgrade max_requests: u64,
    /// A worker of this age is replaced. Default: no limit.
    Upgrade max_age: Duration,
    /// Stop, with exit code 79, when so many workers died young within `give_up_within` and none serves.
    /// Default: never.
    Upgrade give_up: u32,
    /// See `give_up`. Default: 60s.
    Upgrade give_up_within: Duration,
    /// Path of the socket on which the master takes commands. Default: `control.sock` in the runtime
    /// directory of the name, if it has one.
    Restart control: PathBuf,
    /// File or FIFO that gets a line for each request; `-` is standard output. Default: none.
    Upgrade access_log: PathBuf,
    /// How lines of the access log are written. Default: `combined`.
    Upgrade access_log_format: LogFormat,
    /// The access log is moved away when it has so much. Default: it grows on.
    Upgrade access_log_max: Bytes,
    /// So many of those are kept, 1 to 1000. Default: 5.
    Upgrade access_log_keep: u32,
    /// File for what workers write to standard output and standard error. Default: it goes where the master's
    /// goes.
    Upgrade output: PathBuf,
    /// A file for each worker, its number before the ending: `shop-0.log` for `shop.log`. Default: false.
    Upgrade output_per_worker: bool,
    /// Such a file is moved away when it has so much. Default: it grows on.
    Upgrade output_max: Bytes,
    /// So many of those are kept, 1 to 1000. Default: 5.
    Upgrade output_keep: u32,
    /// Peers that must name their clients by the PROXY protocol: addresses, networks, or `unix`. Default:
    /// none.
    Upgrade proxy_protocol: Vec<String>,
    /// Where metrics, health and the live page are served, `HOST:PORT` or `unix:/PATH`. Default: nowhere.
    Restart admin: String,
    /// A file with the token that who asks there must have. Default: none.
    Upgrade admin_token_file: PathBuf,
    /// As whom workers run, by name or number; the master stays who it is. Default: as the master.
    Upgrade user: String,
    /// Their group, by name or number, if it is not the user's own.
    Upgrade group: String,
    /// System calls that are refused to workers: `deny`, or `deny-exec`, which keeps them from running programs
    /// as well. Default: none.
    Upgrade seccomp: Seccomp,
    /// Programs that workers run may gain privileges by their file. Default: false.
    Upgrade allow_new_privileges: bool,
    /// Workers keep the capabilities of the master. Default: false.
    Upgrade keep_capabilities: bool,
    /// Descriptors of each worker, connections among them. Default: the hard limit, up to 1048576.
    Upgrade limit_open_files: u64,
    /// Processes and threads of the workers' user, all programs together. Default: as at the start.
    Upgrade limit_processes: u64,
    /// Virtual memory of each worker. Default: as at the start.
    Upgrade limit_address_space: Bytes,
    /// Size of the file that a crash leaves; 0: none. Default: as at the start.
    Upgrade limit_core: Bytes,
}

/// Keys that go with a program that is not ours; the others are about connections, which it has itself.
const FOREIGN: [&str; 26] = [
    "name",
    "listen",
    "workers",
    "policy",
    "listener",
    "backlog",
    "grace",
    "ready_timeout",
    "min_uptime",
    "pre_stop_delay",
    "give_up",
    "give_up_within",
    "control",
    "admin",
    "admin_token_file",
    "output",
    "output_per_worker",
    "user",
    "group",
    "seccomp",
    "allow_new_privileges",
    "keep_capabilities",
    "limit_open_files",
    "limit_processes",
    "limit_address_space",
    "limit_core",
];

impl Settings {
    /// Sets one key by its name, from text, as the environment does.
    ///
    /// # Errors
    /// There is no such key, or this is no value for it.
    pub fn set(&mut self, name: &str, text: &str) -> Result<(), Error> {
        let known = Self::KEYS.iter().map(|key| key.name);
        if !known.clone().any(|known| known == name) {
            let suggestion = keyed::suggestion(name, known);
            return Err(Error::config(format!("unknown key `{name}`{suggestion}")));
        }
        let raw = super::raw::Raw::Text(text.to_owned());
        let set = keyed::Keyed::set(self, name, &raw);
        set.map_err(|why| Error::config(format!("{name}: {why}")))
    }

    /// The keys that are set and do not go with a program that is not ours (`protocol = "listen-fds"`).
    pub fn only_ours(&self) -> Vec<&'static str> {
        let said = self.texts().into_iter().map(|(name, _)| name);
        said.filter(|name| !FOREIGN.contains(name)).collect()
    }
}

impl<'de> Deserialize<'de> for Settings {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        keyed::read(from)
    }
}
