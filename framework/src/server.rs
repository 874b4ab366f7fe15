//! What the user says, and the call that becomes a master and its workers.

mod settings;

use std::fmt;
use std::time::Duration;

use crate::access_log;
use crate::birth::Birth;
use crate::error::Error;
use crate::http::{Handler, Limits, Request, Response};
use crate::limits::{
    BACKLOG_DEFAULT, BODY_TIMEOUT, CONNECTIONS_MAX_DEFAULT, GRACE_DEFAULT, HANG_TIMEOUT_DEFAULT,
    HEAD_TIMEOUT, IDLE_TIMEOUT, MIN_UPTIME_DEFAULT, OFFLOAD_THREADS_DEFAULT, RATE_MIN_DEFAULT,
    READY_TIMEOUT_DEFAULT, STALL_AFTER_DEFAULT, WRITE_TIMEOUT,
};
use crate::master::{Hooks, Master, arrival};
use crate::plan::{Config, Policy, Term, Timeouts, Workers};
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

impl Server<'_> {
    /// A server on `HOST:PORT`, or on `unix:/PATH`. This is its primary address, to which policy and
    /// listener apply; [`Server::also`] adds others. With port 0 the kernel chooses one; see
    /// [`Server::on_listening`]. `[::]` takes connections of IPv4 as well, and any other address those of
    /// its own family only.
    ///
    /// All workers share the one accept queue of a unix-domain socket: policies `none` and `auto` have
    /// [`Listener::Inherited`](crate::Listener::Inherited) then, `rr` works as ever, and no other does.
    /// Its file is made when the server starts, in a folder that is there, and everybody may connect, as
    /// with nginx (mode 0666): a folder that not everybody may enter keeps others out. A file that a
    /// dead server left is replaced, and the server's own is removed when it has stopped.
    pub fn bind(address: impl fmt::Display) -> Self {
        let timeouts = Timeouts::default();
        let config = Config {
            address: address.to_string(),
            further: Vec::new(),
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
            limits: Limits::default(),
            offload_threads: OFFLOAD_THREADS_DEFAULT,
            pre_stop_delay: Duration::ZERO,
            give_up: None,
            term: Term { hang_timeout: Some(HANG_TIMEOUT_DEFAULT), ..Term::default() },
            control: None,
            access_log: None,
            proxy_protocol: None,
            admin: None,
            admin_token_file: None,
        };
        Self { config, hooks: Hooks::default() }
    }

    /// Forks the workers, which answer requests with `handler`, and returns when all have stopped.
    ///
    /// # Reload and upgrade
    /// A reload (SIGHUP) forks new workers from this master: `handler` is copied anew, and the closure
    /// of [`Server::serve_with`] runs again, so that what it reads is new. What stands in `main` before
    /// that runs again with an upgrade only (SIGUSR2): once as a trial, which must come to this call
    /// within [`Server::ready_timeout`], with settings that have the same addresses and policy; and once
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

    /// Like [`Server::serve_with`], for a [`Handler`] of a type of your own, which can take bodies as they
    /// come.
    ///
    /// # Errors
    /// Those of [`Server::serve`].
    pub fn serve_handler<F, H, E>(self, mut start: F) -> Result<(), Error>
    where
        F: FnMut(&Worker) -> Result<H, E>,
        H: Handler,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.run(&mut |birth| worker::run(birth, &mut start))
    }

    fn run(self, work: &mut dyn FnMut(Birth) -> i32) -> Result<(), Error> {
        let arrival = arrival()?;
        let plan = self.config.plan().inspect_err(|error| arrival.failed(error))?;
        if let Some(log) = plan.access_log.as_ref().filter(|_| !arrival.takes_over()) {
            access_log::check(log).inspect_err(|error| arrival.failed(error))?;
        }
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
        Self {
            head: HEAD_TIMEOUT,
            body: BODY_TIMEOUT,
            idle: IDLE_TIMEOUT,
            write: WRITE_TIMEOUT,
            rate_min: RATE_MIN_DEFAULT,
        }
    }
}
