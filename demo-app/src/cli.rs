//! The command line.

use std::path::PathBuf;

use clap::{Parser, ValueEnum};
use evenkeel::{AcceptWake, Listener, Policy, Seccomp};

use crate::values::{Bind, bind, names, setting};

/// A small HTTP server whose workers the kernel balances.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub(crate) struct Cli {
    /// A file in TOML with settings. What the environment says (`EVENKEEL_WORKERS=4`) goes before it, and
    /// flags go before both
    #[arg(long, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,

    /// A name by which `evenkeel list` and its other verbs find this server
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,

    /// Worker processes: a number, or `max` (also 0) for one for each CPU that may be used
    /// (default: max)
    #[arg(long, value_name = "N|max", value_parser = setting("workers", ""), allow_hyphen_values = true)]
    pub(crate) workers: Option<String>,

    /// Who picks the worker for a connection: the kernel by its hash (none), by a program that it is
    /// given (kernel-rr, least-busy: these need `CAP_BPF`) or by the CPU (cpu); a dispatcher process
    /// (rr); or the best that is to be had (auto) (default: none)
    #[arg(long, value_parser = names(Policy::ALL))]
    pub(crate) policy: Option<String>,

    /// Where connections wait: one accept queue for each worker (reuseport) or one for all
    /// (inherited). Default: what goes with the policy
    #[arg(long, value_parser = names(Listener::ALL))]
    pub(crate) listener: Option<String>,

    /// Which worker of an inherited listener is woken for a connection
    #[arg(long, value_parser = names(AcceptWake::ALL))]
    pub(crate) accept_wake: Option<String>,

    /// A worker that is busy with something for longer gets no new connection, with policy least-busy
    /// (default: 1)
    #[arg(long, value_name = "MILLISECONDS", value_parser = setting("stall_after", "ms"))]
    pub(crate) stall_after: Option<String>,

    /// Address to listen on; 0.0.0.0 or :: for all. Or a unix-domain socket, which has no port
    /// (default: 127.0.0.1)
    #[arg(long, value_name = "IP|unix:PATH", value_parser = bind)]
    pub(crate) bind: Option<Bind>,

    /// Port to listen on; 0 lets the kernel choose (default: 8080)
    #[arg(long)]
    pub(crate) port: Option<u16>,

    /// One more address to listen on, which all workers share whatever the policy; can be repeated
    #[arg(long, value_name = "HOST:PORT|unix:PATH")]
    pub(crate) also: Vec<String>,

    /// Longest time for a worker to finish its requests when it is to stop (default: 30)
    #[arg(long, value_name = "SECONDS", value_parser = setting("grace", "s"))]
    pub(crate) grace: Option<String>,

    /// A worker that served for so long is replaced at once when it dies; a younger one after a
    /// pause (default: 1)
    #[arg(long, value_name = "SECONDS", value_parser = setting("min_uptime", "s"))]
    pub(crate) min_uptime: Option<String>,

    /// Longest time for a worker from its fork until it serves (default: 30)
    #[arg(long, value_name = "SECONDS", value_parser = setting("ready_timeout", "s"))]
    pub(crate) ready_timeout: Option<String>,

    /// A worker whose handler does not come back for so long is ended and replaced; 0: never (default: 60)
    #[arg(long, value_name = "SECONDS", value_parser = setting("hang_timeout", "s"))]
    pub(crate) hang_timeout: Option<String>,

    /// A worker with more private memory than this is replaced
    #[arg(long, value_name = "MIB", value_parser = setting("max_memory", "MiB"))]
    pub(crate) max_memory: Option<String>,

    /// A worker that has answered so many requests is replaced
    #[arg(long, value_name = "N", value_parser = setting("max_requests", ""))]
    pub(crate) max_requests: Option<String>,

    /// A worker of this age is replaced
    #[arg(long, value_name = "SECONDS", value_parser = setting("max_age", "s"))]
    pub(crate) max_age: Option<String>,

    /// Stop, with exit code 79, when N workers died young within a minute and none serves
    #[arg(long, value_name = "N", value_parser = setting("give_up", ""))]
    pub(crate) give_up: Option<String>,

    /// Serve on for so long after a signal to stop, while /health says 503 (default: 0)
    #[arg(long, value_name = "SECONDS", value_parser = setting("pre_stop_delay", "s"))]
    pub(crate) pre_stop_delay: Option<String>,

    /// Path of a socket on which the master takes commands, such as `evenkeel reload`
    #[arg(long, value_name = "PATH")]
    pub(crate) control: Option<String>,

    /// Serve metrics, health and a page that shows how all is here, by a process of its own
    #[arg(long, value_name = "HOST:PORT|unix:PATH")]
    pub(crate) admin: Option<String>,

    /// A file with a token that whoever asks there must have; needed beyond this machine
    #[arg(long, value_name = "PATH")]
    pub(crate) admin_token_file: Option<String>,

    /// Peers that name their clients by the PROXY protocol: addresses, networks such as 10.0.0.0/8, or
    /// unix
    #[arg(long, value_name = "NETWORK,...")]
    pub(crate) proxy_protocol: Vec<String>,

    /// Run workers as this user, by name or number; the master stays root
    #[arg(long, value_name = "USER")]
    pub(crate) user: Option<String>,

    /// Their group, if it is not the user's own
    #[arg(long, value_name = "GROUP")]
    pub(crate) group: Option<String>,

    /// Have the kernel refuse what no worker needs (deny), running other programs included (deny-exec)
    #[arg(long, value_parser = names(Seccomp::ALL))]
    pub(crate) seccomp: Option<String>,

    /// A folder whose files are shown under /files/NAME
    #[arg(long, value_name = "FOLDER")]
    pub(crate) files: Option<PathBuf>,

    /// Write a line for each request to this file or FIFO; `-` is standard output
    #[arg(long, value_name = "PATH")]
    pub(crate) access_log: Option<String>,

    /// How lines of the access log are written
    /// (default: combined)
    #[arg(long, value_parser = names(evenkeel::LogFormat::ALL))]
    pub(crate) access_log_format: Option<String>,

    /// Move the access log away when it has so much
    #[arg(long, value_name = "MIB", value_parser = setting("access_log_max", "MiB"))]
    pub(crate) access_log_max: Option<String>,

    /// How many of those to keep (default: 5)
    #[arg(long, value_name = "N", value_parser = setting("access_log_keep", ""))]
    pub(crate) access_log_keep: Option<String>,

    /// Append what workers write to standard output and standard error to this file
    #[arg(long, value_name = "PATH")]
    pub(crate) output: Option<String>,

    /// A file for each worker: shop-0.log and so on, for `--output shop.log`
    #[arg(long, value_name = "BOOLEAN", value_parser = setting("output_per_worker", ""),
        num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) output_per_worker: Option<String>,

    /// Move files of the output away when they have so much
    #[arg(long, value_name = "MIB", value_parser = setting("output_max", "MiB"))]
    pub(crate) output_max: Option<String>,

    /// How many of those to keep (default: 5)
    #[arg(long, value_name = "N", value_parser = setting("output_keep", ""))]
    pub(crate) output_keep: Option<String>,

    /// Form of the log on standard error; `RUST_LOG` filters it
    #[arg(long, value_enum, default_value = "text")]
    pub(crate) log_format: LogFormat,
}

/// How log lines are written.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum LogFormat {
    /// For people.
    Text,
    /// For programs.
    Json,
}

const EXAMPLES: &str = "\
Times and sizes may have units, as in a file: --grace 1m30s, --max-memory 1GiB.

Examples:
  demo-app --workers 4 --policy none     four workers, the kernel picks
  demo-app --workers 4 --policy rr       each in turn, by a dispatcher process
  demo-app --listener inherited          one accept queue for all workers
  demo-app --policy auto                 to the worker with the fewest connections, if it may
  demo-app --bind 0.0.0.0 --port 80      all interfaces; needs CAP_NET_BIND_SERVICE
  demo-app --also unix:/run/demo.sock    for a proxy on this machine, too
  demo-app --user www-data --port 80     started by root, served by another user

Routes:
  /              hello
  /whoami        which worker answers, as JSON
  /echo          POST: the body comes back
  /upload        POST: a body of any size is counted as it comes
  /stream?kib=N  a body that is made as it is taken, chunked
  /offload?ms=N  sleeps in a thread of the worker; nobody else waits
  /files/NAME    a file, or parts of it (--files)
  /work?us=N     computes for N microseconds of CPU time
  /sleep?ms=N    blocks the worker for N milliseconds
  /health        ok; 503 once a stop is announced
  /grow?mib=N    keeps N MiB of memory for ever

Signals to the master:
  TERM, INT      drain and stop; the second one: at once
  QUIT           stop at once
  HUP            reload: replace all workers, one by one
  USR2           upgrade: run the program that is on disk now, in place
  USR1           open the files of logs anew, after they were moved
  TTIN, TTOU     one worker more, one fewer";
