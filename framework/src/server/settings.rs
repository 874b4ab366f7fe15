//! What can be set.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Server;
use crate::board::Snapshot;
use crate::http::Limits;
use crate::plan::{AcceptWake, AccessLog, Address, Listener, Output, Policy, Timeouts, Workers};

impl<'a> Server<'a> {
    /// How many workers to begin with. Default: [`Workers::Max`].
    pub fn workers(mut self, workers: Workers) -> Self {
        self.config.workers = workers;
        self
    }

    /// Accepts connections at one more address, `HOST:PORT` or `unix:/PATH`; see [`Server::bind`]. It can
    /// be called several times.
    ///
    /// Whatever the policy of the primary address, all workers share the accept queue of this one: the
    /// kernel wakes one that waits, each in turn ([`AcceptWake::Rotating`]), also with policy `rr`, whose
    /// dispatcher has nothing to do with it. [`Policy::LeastBusy`] does not count these connections. An
    /// upgrade keeps the socket, and cannot change the further addresses, or their order.
    pub fn also(mut self, address: impl fmt::Display) -> Self {
        self.config.further.push(address.to_string());
        self
    }

    /// Who picks the worker for a new connection. Default: [`Policy::None`].
    pub fn policy(mut self, policy: Policy) -> Self {
        self.config.policy = policy;
        self
    }

    /// Where connections wait. Default: what goes with the policy, which is
    /// [`Listener::Inherited`] for `rr` and [`Listener::Reuseport`] for all others but `auto`.
    pub fn listener(mut self, listener: Listener) -> Self {
        self.config.listener = Some(listener);
        self
    }

    /// Which worker of a shared accept queue is woken; only with policy `none` or
    /// `auto` and [`Listener::Inherited`]. Default: [`AcceptWake::Rotating`].
    pub fn accept_wake(mut self, wake: AcceptWake) -> Self {
        self.config.accept_wake = Some(wake);
        self
    }

    /// A worker that has not come back to its loop for so long gets no new connection, with
    /// [`Policy::LeastBusy`], while another one can take it. Default: 1 ms.
    pub fn stall_after(mut self, time: Duration) -> Self {
        self.config.stall_after = time;
        self
    }

    /// Length of each accept queue, in connections. Default: 4,096; the kernel allows no more than
    /// `net.core.somaxconn`.
    pub fn backlog(mut self, connections: u32) -> Self {
        self.config.backlog = connections;
        self
    }

    /// How long a worker may take to drain before it is killed. Default: 30 s.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.config.grace = grace;
        self
    }

    /// How long a worker may take from its fork until it can serve. Default: 30 s. One that takes
    /// longer is killed, and tried again later.
    pub fn ready_timeout(mut self, timeout: Duration) -> Self {
        self.config.ready_timeout = timeout;
        self
    }

    /// A worker that has served for so long was healthy: when it dies, its successor comes at once.
    /// Default: 1 s. After a shorter life the slot waits 100 ms, then half as long again each time,
    /// up to 30 s.
    pub fn min_uptime(mut self, uptime: Duration) -> Self {
        self.config.min_uptime = uptime;
        self
    }

    /// Most connections that one worker holds at a time; then it stops accepting. Default: 16,384.
    pub fn connections_max(mut self, connections: usize) -> Self {
        self.config.connections_max = connections;
        self
    }

    /// How long a worker waits for its peers.
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.config.timeouts = timeouts;
        self
    }

    /// What requests may be like.
    pub fn limits(mut self, limits: Limits) -> Self {
        self.config.limits = limits;
        self
    }

    /// Most threads of each worker for [`Response::offload`](crate::Response::offload); they begin when they are needed. Default: 4.
    pub fn offload_threads(mut self, threads: usize) -> Self {
        self.config.offload_threads = threads;
        self
    }

    /// Between the first SIGTERM and the begin of the drain, everything is served as before, so that
    /// a load balancer has the time to notice: [`Worker::is_closing`](crate::Worker::is_closing) is true from the start of it.
    /// Default: none. A second signal ends it, and stops at once.
    pub fn pre_stop_delay(mut self, delay: Duration) -> Self {
        self.config.pre_stop_delay = delay;
        self
    }

    /// A worker that does not come back to its loop for so long, because its handler hangs, is
    /// ended by the kernel, and replaced. Default: 60 s. `None` lets it hang.
    ///
    /// Time in which the worker stood still (SIGSTOP, a debugger, a machine that sleeps) is not
    /// counted. The kernel's timer sends the worker SIGVTALRM, four times in each such time while it
    /// is busy; of the handler's system calls, those that signal(7) lists as never restarted can then
    /// fail with `EINTR`. The handler must not use the signals VTALRM and CONT itself.
    pub fn hang_timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.config.term.hang_timeout = timeout.into();
        self
    }

    /// A worker that has more private memory than this asks for a successor, and drains when that
    /// is ready. In bytes; default: no limit. It is looked at about once a second, between requests.
    pub fn max_memory(mut self, bytes: u64) -> Self {
        self.config.term.memory_max = Some(bytes);
        self
    }

    /// A worker that has answered so many requests asks for a successor. Each worker draws a limit of
    /// its own, up to a tenth less, so that they do not end together. Default: no limit.
    pub fn max_requests(mut self, requests: u64) -> Self {
        self.config.term.requests_max = Some(requests);
        self
    }

    /// A worker of this age asks for a successor. Each draws up to a tenth less. At least a second;
    /// default: no limit.
    pub fn max_age(mut self, age: Duration) -> Self {
        self.config.term.age_max = Some(age);
        self
    }

    /// When so many workers died young within so long, and none serves, the server stops with exit
    /// code 79 ([`Error::is_gave_up`](crate::Error::is_gave_up)). Default: it goes on trying, after pauses of up to 30 s.
    pub fn give_up(mut self, deaths: u32, within: Duration) -> Self {
        self.config.give_up = Some((deaths, within));
        self
    }

    /// Where the master listens for commands, such as those of `evenkeel reload`: a path in a folder
    /// that exists. Only root and this user may connect. Default: nowhere.
    pub fn control(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.control = Some(path.into());
        self
    }

    /// Gives the server a name, by which `evenkeel` and [`apps`](crate::apps) find it; they say what it may
    /// look like, and where its files are. Two servers of one user cannot have the same at a time. Default:
    /// none, and no files.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.config.name = Some(name.into());
        self
    }

    /// Which file its settings came from: `evenkeel describe` shows it, and nothing else is done with it.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.source = Some(path.into());
        self
    }

    /// Serves metrics, health and a page that shows how all is, at `HOST:PORT` or `unix:/PATH`, by a process
    /// of its own, which can crash without harm. Default: nowhere.
    ///
    /// | request | answer |
    /// |---|---|
    /// | `GET /` | the page |
    /// | `GET /metrics` | for Prometheus, also in the format `OpenMetrics` |
    /// | `GET /livez` | 200 as long as the master lives |
    /// | `GET /readyz` | 200 while a worker serves and no stop is announced or under way, else 503 |
    /// | `GET /api/state` | everything, as JSON |
    /// | `POST /api/scale`, `POST /api/reload` | changes it |
    ///
    /// Whoever reaches a loopback address or may open the socket (mode 0600) may look and change things;
    /// any other address needs a token: [`Server::admin_token_file`]. Requests whose `Host` is a name that
    /// is neither `localhost` nor the one given here are refused, and changes that a page of another origin
    /// asks for. An upgrade cannot change the address.
    #[cfg(feature = "admin")]
    pub fn admin(mut self, address: impl fmt::Display) -> Self {
        self.config.admin = Some(address.to_string());
        self
    }

    /// Only who has the token in this file may ask the admin process, but for `/livez` and `/readyz`: as
    /// `Authorization: Bearer TOKEN`, or with `?token=TOKEN`. At least 16 letters, digits, `-`, `.`, `_` or
    /// `~`, in a file that others may not read. It is read at the start, and again by an upgrade.
    #[cfg(feature = "admin")]
    pub fn admin_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.config.admin_token_file = Some(path.into());
        self
    }

    /// Writes a line for each request; see [`AccessLog`]. Default: none.
    pub fn access_log(mut self, log: AccessLog) -> Self {
        self.config.access_log = Some(log);
        self
    }

    /// Keeps what workers write to standard output and standard error in files; see [`Output`]. Default: it
    /// goes where the master's goes.
    pub fn output(mut self, output: Output) -> Self {
        self.config.output = Some(output);
        self
    }

    /// Takes the address of a client from the PROXY protocol (versions 1 and 2) of these peers, each an
    /// address, a network such as `10.0.0.0/8`, or `unix` for all on a unix-domain socket. Default: none.
    ///
    /// Nothing is guessed. A peer in this list must begin each connection with the header, and is
    /// refused without it; one that is not must not, and what it sends is read as HTTP, where a header
    /// is answered 400. A peer in the list can pretend to be anybody: name your proxies only, and let
    /// nobody else reach the server from their networks. IPv4 peers of a listener on `[::]` are in
    /// IPv4 networks.
    pub fn proxy_protocol<I>(mut self, trusted: I) -> Self
    where
        I: IntoIterator<Item: Into<String>>,
    {
        self.config.proxy_protocol = Some(trusted.into_iter().map(Into::into).collect());
        self
    }

    /// Is called once, in the master, as soon as connections are accepted, with the primary address; its
    /// port is the real one. It is not called when that is a unix-domain socket. It must not start a
    /// thread.
    pub fn on_listening(mut self, tell: impl FnOnce(SocketAddr) + 'a) -> Self {
        self.hooks.listening = Some(Box::new(tell));
        self
    }

    /// Like [`Server::on_listening`], with all addresses, the primary one first, of whatever kind.
    pub fn on_listening_all(mut self, tell: impl FnOnce(&[Address]) + 'a) -> Self {
        self.hooks.listening_all = Some(Box::new(tell));
        self
    }

    /// Is called once, in the master, when all workers are gone, with the last state of the
    /// scoreboard.
    pub fn on_stop(mut self, tell: impl FnOnce(&Snapshot) + 'a) -> Self {
        self.hooks.stop = Some(Box::new(tell));
        self
    }
}
