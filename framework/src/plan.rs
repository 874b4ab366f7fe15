//! What the user said, made into a plan that can be carried out.

#[macro_use]
mod named;
mod access_log;
mod address;
mod admin;
mod checks;
mod details;
mod foreign;
mod guard;
mod intake;
mod output;
mod term;
mod timeouts;
mod trusted;
mod udp;

use std::net::SocketAddr;
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::apps::{Entry, Name};
use crate::error::Error;
use crate::http::Limits;
use crate::limits::TIME_MAX;
use checks::{at_least_one, bounded, count, give_up, stall_after};
#[cfg(feature = "config")]
pub(crate) use foreign::FOREIGN_KEEPS_ITS_FILE;
pub(crate) use foreign::stop_signals;
pub(crate) use trusted::Trusted;

pub(crate) use access_log::Target;
pub use access_log::{AccessLog, LogFormat};
pub use address::Address;
pub(crate) use admin::Admin;
pub(crate) use details::Details;
#[cfg(feature = "config")]
pub(crate) use details::RotationDetails;
pub use guard::Resource;
#[cfg(feature = "seccomp")]
pub use guard::Seccomp;
pub(crate) use guard::{Guard, Identity, Wishes};
pub use intake::Rule;
pub(crate) use intake::{Balance, Intake};
#[cfg(feature = "config")]
pub(crate) use named::named;
pub use output::Output;
pub(crate) use output::{Files, Rotation};
pub(crate) use term::Term;
pub use timeouts::Timeouts;

/// How many workers there are at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workers {
    /// One for each CPU that this process may use: CPU affinity and the cgroup's CPU quota count.
    #[default]
    Max,
    /// So many, from 1 to [`SLOTS_MAX`](crate::SLOTS_MAX).
    Exact(u16),
}

/// Who picks the worker for a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// The kernel, untouched: Node's `SCHED_NONE`.
    #[default]
    None,
    /// A dispatcher process, each worker in turn: Node's `SCHED_RR`. It exists to be compared with.
    RoundRobin,
    /// The kernel, told by a program to take each worker in turn. The start needs `CAP_BPF` and Linux
    /// 5.14 or newer; the capability is given up before the first fork (before Linux 5.19 the master
    /// keeps it, because it needs it for new slots). A process whose file grants it opens its
    /// descriptors to other processes of its user again (`PR_SET_DUMPABLE`), which the next master wants
    /// to see.
    KernelRoundRobin,
    /// The kernel, told by a program to take the worker with the fewest connections, open or waiting
    /// in its accept queue; of equals the one whose turn was the longest ago, and one that stands still
    /// (see [`Server::stall_after`](crate::Server::stall_after)), or takes none, last. It needs what
    /// [`Policy::KernelRoundRobin`] does. An idle worker wakes twice a second, to look whether what it
    /// was assigned has come. Workers tell their load through shared memory, so one that is
    /// taken over by an attacker can draw connections to itself, or keep them from others.
    LeastBusy,
    /// The kernel, told to take the worker that is bound to the CPU on which the connection came in;
    /// the worker's threads are bound to it as well. Worth it where a network card spreads connections
    /// over all CPUs. With more workers than CPUs some share one; with fewer, connections on a CPU
    /// without a worker go to any. A new worker looks anew which CPUs may be used. Linux 6.2, or a
    /// maintained 6.1.
    Cpu,
    /// The best that this machine allows: [`Policy::LeastBusy`], or [`Policy::None`] with
    /// [`Listener::Inherited`]; where the user says which listener, one of the two, or the kernel's hash.
    /// Log and status say which, and why.
    Auto,
}

/// Where new connections wait to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listener {
    /// Each worker has its own `SO_REUSEPORT` socket and accept queue; the policy says who chooses
    /// among them: with `none` the kernel's hash of addresses and ports.
    Reuseport,
    /// All workers share one socket and accept queue.
    Inherited,
}

/// Which of the workers that wait on a shared accept queue a new connection wakes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptWake {
    /// All of them; those who come late find nothing.
    Herd,
    /// One, and always the same ones first: `EPOLLEXCLUSIVE`, which keeps few workers busy.
    Exclusive,
    /// One, and each in turn: `EPOLLEXCLUSIVE`, and a worker goes to the end of the line after each
    /// accept.
    #[default]
    Rotating,
    /// One, and each in turn: a thread of each worker that has nothing to do blocks in `accept(2)`.
    /// A busy worker takes at most one connection that then waits for it, for two more switches of
    /// threads a connection.
    Blocking,
}

named!(
    Policy,
    "policy",
    None = "none",
    RoundRobin = "rr",
    KernelRoundRobin = "kernel-rr",
    LeastBusy = "least-busy",
    Cpu = "cpu",
    Auto = "auto"
);
named!(Listener, "listener", Reuseport = "reuseport", Inherited = "inherited");
named!(
    AcceptWake,
    "way to wake workers",
    Herd = "herd",
    Exclusive = "exclusive",
    Rotating = "rotating",
    Blocking = "blocking"
);

impl Policy {
    /// The listeners that go with this policy, the default one first.
    pub fn listeners(self) -> &'static [Listener] {
        match self {
            Self::None => &[Listener::Reuseport, Listener::Inherited],
            Self::RoundRobin => &[Listener::Inherited],
            Self::KernelRoundRobin | Self::LeastBusy | Self::Cpu => &[Listener::Reuseport],
            Self::Auto => Listener::ALL,
        }
    }
}

/// What the user said. Nothing is checked yet.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) details: Details,
    pub(crate) address: String,
    pub(crate) further: Vec<String>,
    pub(crate) udp: Vec<String>,
    pub(crate) workers: Workers,
    pub(crate) policy: Policy,
    pub(crate) listener: Option<Listener>,
    pub(crate) accept_wake: Option<AcceptWake>,
    pub(crate) stall_after: Duration,
    pub(crate) backlog: u32,
    pub(crate) grace: Duration,
    pub(crate) ready_timeout: Duration,
    pub(crate) min_uptime: Duration,
    pub(crate) connections_max: usize,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
    pub(crate) offload_threads: usize,
    pub(crate) pre_stop_delay: Duration,
    pub(crate) give_up: Option<(u32, Duration)>,
    pub(crate) term: Term,
    pub(crate) control: Option<PathBuf>,
    pub(crate) name: Option<String>,
    pub(crate) source: Option<PathBuf>,
    pub(crate) foreign: Option<Signal>,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) output: Option<Output>,
    pub(crate) proxy_protocol: Option<Vec<String>>,
    pub(crate) guard: Wishes,
    pub(crate) admin: Option<String>,
    pub(crate) admin_token_file: Option<PathBuf>,
}

/// A valid plan.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    /// The primary one, to which the policy applies.
    pub(crate) address: Address,
    /// Those that all workers accept from besides.
    pub(crate) further: Vec<Address>,
    /// Where datagrams are taken.
    pub(crate) udp: Vec<SocketAddr>,
    pub(crate) workers: NonZeroU16,
    pub(crate) intake: Intake,
    /// With `auto`: what to do where the kernel does not allow that.
    pub(crate) otherwise: Option<Intake>,
    pub(crate) stall_after: Duration,
    pub(crate) backlog: u32,
    pub(crate) grace: Duration,
    pub(crate) ready_timeout: Duration,
    pub(crate) min_uptime: Duration,
    pub(crate) connections_max: usize,
    pub(crate) timeouts: Timeouts,
    pub(crate) limits: Limits,
    pub(crate) offload_threads: usize,
    pub(crate) pre_stop_delay: Duration,
    pub(crate) give_up: Option<(u32, Duration)>,
    pub(crate) term: Term,
    pub(crate) control: Option<PathBuf>,
    pub(crate) name: Option<Name>,
    pub(crate) source: Option<PathBuf>,
    /// Workers are another program, and are told to end by this signal.
    pub(crate) foreign: Option<Signal>,
    pub(crate) access_log: Option<AccessLog>,
    pub(crate) output: Option<Output>,
    /// Where the master's own lines go, if `evenkeel start` has chosen that.
    pub(crate) log: Option<PathBuf>,
    /// Who begins connections with the PROXY protocol.
    pub(crate) trusted: Option<Trusted>,
    /// What children are left with.
    pub(crate) guard: Guard,
    /// Where the admin process is to be reached.
    pub(crate) admin: Option<Admin>,
}

impl Plan {
    /// A capability was asked for, and may be there.
    pub(crate) fn uses_privilege(&self) -> bool {
        self.intake.rule().is_some() || self.otherwise.is_some()
    }
}

impl Config {
    /// The plan, or what is wrong and how to mend it.
    pub(crate) fn plan(mut self) -> Result<Plan, Error> {
        self.settle_details()?;
        let address = Address::resolve(&self.address)?;
        let further = address::further(&address, &self.further)?;
        let listener = address.listener(self.policy, self.listener)?;
        foreign::check(&self)?;
        let name: Option<Name> = self.name.as_deref().map(str::parse).transpose()?;
        let admin = Admin::of(self.admin.as_deref(), self.admin_token_file.as_deref())?;
        admin.iter().try_for_each(|admin| admin.stands_beside(&address, &further))?;
        let (intake, otherwise) = intake::choose(self.policy, listener, self.accept_wake)?;
        Ok(Plan {
            address,
            further,
            udp: udp::resolve(&self.udp)?,
            workers: count(self.workers)?,
            intake,
            otherwise,
            stall_after: stall_after(self.stall_after)?,
            backlog: at_least_one("backlog", self.backlog)?,
            connections_max: at_least_one("connections_max", self.connections_max)?,
            grace: self.grace.min(TIME_MAX),
            ready_timeout: self.ready_timeout.min(TIME_MAX),
            min_uptime: self.min_uptime.min(TIME_MAX),
            timeouts: self.timeouts.bounded(),
            limits: self.limits,
            offload_threads: at_least_one("offload_threads", self.offload_threads)?,
            pre_stop_delay: self.pre_stop_delay.min(TIME_MAX),
            give_up: give_up(self.give_up)?,
            term: bounded(self.term)?,
            access_log: self.access_log.map(AccessLog::plan).transpose()?,
            output: self.output.map(Output::plan).transpose()?,
            log: None,
            control: self.control.or_else(|| name.as_ref().map(Entry::control)),
            name,
            foreign: self.foreign,
            source: self.source,
            admin,
            trusted: self.proxy_protocol.as_deref().map(Trusted::parse).transpose()?,
            guard: self.guard.guard()?,
        })
    }
}

#[cfg(test)]
mod tests;
