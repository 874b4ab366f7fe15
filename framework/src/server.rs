//! What the user says, and the call that becomes a master and its workers.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::birth::Birth;
use crate::board::Snapshot;
use crate::error::Error;
use crate::http::{Request, Response};
use crate::limits::{
    BACKLOG_DEFAULT, BODY_TIMEOUT, CONNECTIONS_MAX_DEFAULT, GRACE_DEFAULT, HANG_TIMEOUT_DEFAULT,
    HEAD_TIMEOUT, IDLE_TIMEOUT, MIN_UPTIME_DEFAULT, READY_TIMEOUT_DEFAULT, STALL_AFTER_DEFAULT,
    WRITE_TIMEOUT,
};
use crate::master::{Hooks, Master, arrival};
use crate::plan::{AcceptWake, Config, Listener, Policy, Term, Timeouts, Workers};
use crate::worker::{self, Worker};

/// A server to be: an address, and how it is to be served.
///
/// ```no_run
/// use evenkeel::{Policy, Server, Workers};
///
/// fn main() -> Result<(), evenkeel::Error> {
///     Server::bind("0.0.0.0:8080")
///         .workers(Workers::Max)
///         .policy(Policy::None)
///         .serve(|_req, res| res.body("hello\n"))
/// }
/// ```
#[must_use = "a server does nothing until it is told to serve"]
pub struct Server<'a> {
    config: Config,
    hooks: Hooks<'a>,
}

impl<'a> Server<'a> {
    /// A server on `HOST:PORT`. With port 0 the kernel chooses one; see [`Server::on_listening`].
    pub fn bind(address: impl fmt::Display) -> Self {
        let timeouts = Timeouts::default();
        let config = Config {
            address: address.to_string(),
            workers: Workers::default(),
            policy: Policy::default(),
            listener: None,
            accept_wake: None,
            stall_after: STALL_AFTER_DEFAULT,
            backlog: BACKLOG_DEFAULT,
            grace: GRACE_DEFAULT,
            ready_timeout: READY_TIMEOUT_DEFAULT,
            min_uptime: MIN_UPTIME_DEFAULT,
            connections_max: CONNECTIONS_MAX_DEFAULT,
            timeouts,
            pre_stop_delay: Duration::ZERO,
            give_up: None,
            term: Term { hang_timeout: Some(HANG_TIMEOUT_DEFAULT), ..Term::default() },
            control: None,
            proxy_protocol: None,
        };
        Self { config, hooks: Hooks::default() }
    }

    /// How many workers to begin with. Default: [`Workers::Max`].
    pub fn workers(mut self, workers: Workers) -> Self {
        self.config.workers = workers;
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

    /// Between the first SIGTERM and the begin of the drain, everything is served as before, so that
    /// a load balancer has the time to notice: [`Worker::is_closing`] is true from the start of it.
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
    /// code 79 ([`Error::is_gave_up`]). Default: it goes on trying, after pauses of up to 30 s.
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

    /// Is called once, in the master, as soon as connections are accepted, with the address; its port
    /// is the real one. It must not start a thread.
    pub fn on_listening(mut self, tell: impl FnOnce(SocketAddr) + 'a) -> Self {
        self.hooks.on_listening = Some(Box::new(tell));
        self
    }

    /// Is called once, in the master, when all workers are gone, with the last state of the
    /// scoreboard.
    pub fn on_stop(mut self, tell: impl FnOnce(&Snapshot) + 'a) -> Self {
        self.hooks.on_stop = Some(Box::new(tell));
        self
    }

    /// Forks the workers, which answer requests with `handler`, and returns when all have stopped.
    ///
    /// # Reload and upgrade
    /// A reload (SIGHUP) forks new workers from this master: `handler` is copied anew, and the closure
    /// of [`Server::serve_with`] runs again, so that what it reads is new. What stands in `main` before
    /// that runs again with an upgrade only (SIGUSR2): once as a trial, which must come to this call
    /// within [`Server::ready_timeout`], with settings that have the same address and policy; and once
    /// in this process. Until it comes to this call the second time all sockets stand open, so `main`
    /// must not start a process before that would outlive it. A program that the kernel was given at the
    /// start ([`Policy::LeastBusy`], [`Policy::KernelRoundRobin`]) stays the same over upgrades.
    ///
    /// Each worker has its own copy of the handler and of all that it captured. A handler that
    /// panics costs a 500 and its connection. It runs on the worker's only thread: what takes long
    /// holds up the worker's other connections.
    ///
    /// Call it from a plain `fn main`, before anything starts a thread.
    ///
    /// # Errors
    /// What was set cannot work ([`Error::is_config`]), the address is taken
    /// ([`Error::is_address_in_use`]) or not there, a permission is missing, threads are alive
    /// ([`Error::is_threads`]), a worker said that none can ever work
    /// ([`Error::is_worker_fatal`]), or too many died young ([`Error::is_gave_up`]).
    pub fn serve<H>(self, mut handler: H) -> Result<(), Error>
    where
        H: FnMut(&Request<'_>, &mut Response<'_>),
    {
        self.run(&mut |birth| worker::run(birth, |_| Ok::<_, Error>(&mut handler)))
    }

    /// Like [`Server::serve`], with a handler that each worker makes for itself after the fork: the
    /// place for what may not cross a fork, such as threads and connections to databases.
    ///
    /// A worker whose `start` fails or panics is tried again after a pause that grows. One that
    /// exits with 78 (`EX_CONFIG`) stops the server, unless it was to replace one that serves: then
    /// that one stays, and the reload is given up.
    ///
    /// ```no_run
    /// evenkeel::Server::bind("127.0.0.1:8080").serve_with(|worker| {
    ///     let name = format!("worker {}\n", worker.index());
    ///     Ok::<_, evenkeel::Error>(move |_: &evenkeel::Request<'_>, res: &mut evenkeel::Response<'_>| {
    ///         res.body(&name);
    ///     })
    /// })?;
    /// # Ok::<(), evenkeel::Error>(())
    /// ```
    ///
    /// # Errors
    /// Those of [`Server::serve`].
    pub fn serve_with<F, H, E>(self, mut start: F) -> Result<(), Error>
    where
        F: FnMut(&Worker) -> Result<H, E>,
        H: FnMut(&Request<'_>, &mut Response<'_>),
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.run(&mut |birth| worker::run(birth, &mut start))
    }

    fn run(self, work: &mut dyn FnMut(Birth) -> i32) -> Result<(), Error> {
        let arrival = arrival()?;
        let plan = self.config.plan().inspect_err(|error| arrival.failed(error))?;
        Master::new(plan, self.hooks, arrival, work)?.run()
    }
}

impl fmt::Debug for Server<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server").field("config", &self.config).finish_non_exhaustive()
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self { head: HEAD_TIMEOUT, body: BODY_TIMEOUT, idle: IDLE_TIMEOUT, write: WRITE_TIMEOUT }
    }
}
