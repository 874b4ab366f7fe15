//! What the user says, and the call that becomes a master and its workers.

mod cluster;
#[cfg(feature = "config")]
mod from_settings;
mod guard;
mod own;
mod settings;
mod started;

use std::fmt;
use std::time::Duration;

use crate::access_log;
use crate::birth::Birth;
use crate::error::Error;
use crate::guard::try_as_worker;
use crate::http::{Handler, Limits, Request, Response};
use crate::limits::{
    BACKLOG_DEFAULT, BODY_TIMEOUT, CONNECTIONS_MAX_DEFAULT, GRACE_DEFAULT, HANG_TIMEOUT_DEFAULT,
    HEAD_TIMEOUT, IDLE_TIMEOUT, MIN_UPTIME_DEFAULT, OFFLOAD_THREADS_DEFAULT, RATE_MIN_DEFAULT,
    READY_TIMEOUT_DEFAULT, STALL_AFTER_DEFAULT, WRITE_TIMEOUT,
};
use crate::master::{Arrival, Hooks, Master, arrival, notify};
use crate::output;
use crate::plan::{Config, Details, Plan, Policy, Term, Timeouts, Wishes, Workers};
use crate::sys::descriptors;
use crate::worker::foreign::Foreign;
use crate::worker::{self, Worker};

pub use started::STARTED;

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
            details: Details::default(),
            address: address.to_string(),
            further: Vec::new(),
            udp: Vec::new(),
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
            name: None,
            source: None,
            foreign: None,
            access_log: None,
            output: None,
            proxy_protocol: None,
            guard: Wishes::default(),
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
    /// # Under a service manager
    /// It is told when the server is ready, reloads and stops, how far it is, and, if it wants to know
    /// (`WatchdogSec=`), that the master's loop turns (`sd_notify(3)`).
    ///
    /// Listeners that it passes (`sd_listen_fds(3)`) are used for those of the server's addresses that
    /// they are bound to. They stay its own: a stop leaves what waits in them to the next server, so that
    /// a restart costs no connection. Where each worker has a listener, as many are to be passed as there
    /// are workers, with `ReusePort=yes`, and in the order in which they began to listen, as systemd
    /// does; what is missing is bound, if they belong to the same user. Connections to a slot that is
    /// retired are led around its listener, which stays open.
    ///
    /// `evenkeel systemd show` prints units for all that.
    ///
    /// # The handler
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
        self.start(&mut |birth| worker::run(birth, |_| Ok::<_, Error>(&mut handler)))
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
        self.start(&mut |birth| worker::run(birth, &mut start))
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
        self.start(&mut |birth| worker::run(birth, &mut start))
    }

    /// Forks workers that become this program, which need not link evenkeel: it takes its listeners as
    /// `sd_listen_fds(3)` has it, from descriptor 3 on, the primary address first, and finds `LISTEN_FDS`,
    /// `LISTEN_PID`, `LISTEN_FDNAMES`, `EVENKEEL_SLOT`, `EVENKEEL_GENERATION` and `NODE_APP_INSTANCE` in its
    /// environment. gunicorn, uvicorn and Node can be run so. A listener that is new blocks in `accept`; what
    /// the program makes of that holds for all who have that listener, also after it.
    ///
    /// A worker is taken for ready just before it becomes the program. In a reload it has to live for
    /// [`Server::min_uptime`] before the one that it replaces goes, and the reload goes on; alone, if that one
    /// dies meanwhile. Connections that come while it starts wait in the accept queue, which outlives it, and are not lost. A worker that is to end goes on
    /// until its accept queue is empty, if nobody else takes what waits there; then it is sent the stop
    /// signal, and killed, with all that it has started, when [`Server::grace`] is over. It is also sent
    /// that signal when the master dies.
    ///
    /// The scoreboard says which workers there are, and nothing of what they do. Timeouts and limits of
    /// HTTP have no meaning. User, limits and a filter of system calls hold for the program, too. It writes to
    /// the file of [`Server::output`] as long as it lives, so that none is rotated: see
    /// [`guide::logs`](crate::guide::logs).
    ///
    /// # Errors
    /// Those of [`Server::serve`]; also for the policies `rr`, `least-busy` and `auto`, and for settings
    /// that would need the program's help.
    pub fn run_program(mut self, program: impl Into<Foreign>) -> Result<(), Error> {
        let mut program = program.into();
        self.config.foreign = Some(program.stop_signal);
        self.start(&mut |birth| worker::foreign::run(birth, &mut program))
    }

    fn start(self, work: &mut dyn FnMut(Birth) -> i32) -> Result<(), Error> {
        let arrival = arrival()?;
        let trial = arrival.is_trial();
        let ended = self.run_as(arrival, work);
        // A trial has its own listener.
        ended.inspect_err(|error| {
            if !trial {
                notify::failed(error);
            }
        })
    }

    fn run_as(self, arrival: Arrival, work: &mut dyn FnMut(Birth) -> i32) -> Result<(), Error> {
        let mut plan = self.config.plan().inspect_err(|error| arrival.failed(error))?;
        if matches!(arrival, Arrival::First(_)) {
            started::check(&plan)?;
        }
        if !arrival.takes_over() {
            check_files(&plan).inspect_err(|error| arrival.failed(error))?;
        }
        output::adopt(&mut plan, |plan, log| {
            output::check(log, |look| try_as_worker(&plan.guard, look)).is_ok()
        });
        let strangers = descriptors::strangers();
        if matches!(arrival, Arrival::First(_)) && !strangers.is_empty() {
            tracing::info!(
                ?strangers,
                "this program was started with descriptors open: all workers have them, too"
            );
        }
        Master::new(plan, self.hooks, arrival, work)?.run()
    }
}

/// Makes sure that the workers can write what they are to.
fn check_files(plan: &Plan) -> Result<(), Error> {
    let as_worker = |look: &dyn Fn() -> _| try_as_worker(&plan.guard, look);
    plan.access_log.as_ref().map_or(Ok(()), |log| access_log::check(log, as_worker))?;
    plan.output.as_ref().map_or(Ok(()), |output| output::check(output, as_worker))
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
