//! The master: it forks, waits and respawns. It never touches a connection.
//!
//! Each turn of its loop collects what happened, lets the [`supervisor`] decide, and acts.

mod act;
pub(crate) mod action;
mod admin;
mod arrival;
pub(crate) mod backoff;
mod balance;
mod chronicle;
mod collect;
mod endpoint;
pub(crate) mod event;
mod handover;
mod moment;
mod notify;
mod obey;
mod reap;
mod reopening;
mod rollout;
pub(crate) mod slot;
mod spawn;
mod status;
pub(crate) mod supervisor;
mod tenant;
mod upgrade;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::Instant;

use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::birth::Birth;
use crate::board::{self, Board, Snapshot};
use crate::control::Control;
use crate::error::Error;
use crate::ids::{ChildId, Generation, Place};
use crate::limits::SLOTS_MAX;
use crate::net::balance::Balancer;
use crate::net::channel::Channel;
use crate::net::group::Group;
use crate::plan::{Address, Intake, Plan};
use crate::signals::Signals;
use action::Outcome;
use arrival::Arrival;
use chronicle::Fate;
use endpoint::Endpoint;
use event::Event;
use obey::Waiting;
use supervisor::{Layout, Rules, Supervisor};
use upgrade::Upgrade;

pub(crate) use arrival::arrival;

/// All that the master reacts to.
const SIGNALS: [Signal; 11] = [
    Signal::SIGCHLD,
    Signal::SIGCONT,
    Signal::SIGTERM,
    Signal::SIGINT,
    Signal::SIGQUIT,
    Signal::SIGHUP,
    Signal::SIGUSR1,
    Signal::SIGUSR2,
    Signal::SIGTTIN,
    Signal::SIGTTOU,
    Signal::SIGWINCH,
];

/// What the user wants to be told.
#[derive(Default)]
pub(crate) struct Hooks<'a> {
    pub(crate) listening: Option<Listening<'a>>,
    pub(crate) listening_all: Option<ListeningAll<'a>>,
    pub(crate) stop: Option<Stopped<'a>>,
}

/// Hears the primary address.
type Listening<'a> = Box<dyn FnOnce(SocketAddr) + 'a>;
/// Hears all addresses.
type ListeningAll<'a> = Box<dyn FnOnce(&[Address]) + 'a>;
/// Hears the last counts.
type Stopped<'a> = Box<dyn FnOnce(&Snapshot) + 'a>;

/// The one process that forks.
pub(crate) struct Master<'a> {
    plan: Plan,
    supervisor: Supervisor,
    signals: Signals,
    board: &'static Board,
    /// The memory of the scoreboard.
    memory: OwnedFd,
    primary: Endpoint,
    /// Beside the primary one; each has one listener that all workers share.
    further: Vec<Endpoint>,
    /// The listener of the admin process, if there is to be one.
    admin: Option<Endpoint>,
    group: Group,
    /// Chooses among the listeners of the group, if the kernel's hash does not.
    balancer: Option<Balancer>,
    /// Why the policy is what it is, when the user left that to us.
    why_policy: Option<String>,
    /// What the workers bound and lodged, a place for each slot.
    lodged: Vec<Option<OwnedFd>>,
    children: Vec<Child>,
    hooks: Hooks<'a>,
    /// What a worker does with its life; its exit code.
    work: &'a mut dyn FnMut(Birth) -> i32,
    upgrade: Upgrade,
    control: Option<Control>,
    waiting: Waiting,
    /// The last child that failed, and why.
    failed: Option<(ChildId, Option<String>)>,
    outcome: Option<Outcome>,
    /// The program has changed: what is to be done first.
    resumed: Vec<Event>,
    /// Connections are accepted, and whoever is to know it was told.
    announced: bool,
}

/// A process that has not been reaped.
struct Child {
    id: ChildId,
    pid: Pid,
    /// Where it counts on the scoreboard.
    seat: usize,
    /// `None` when the child has closed its side.
    channel: Option<Channel>,
    /// The dispatchers' ends of the links on which the worker takes sockets.
    links: Vec<(Generation, OwnedFd)>,
    failure: Option<String>,
    fate: Fate,
}

impl<'a> Master<'a> {
    /// Takes the address and the signals, or takes them over from the program before; forks nothing
    /// yet.
    pub(crate) fn new(
        plan: Plan,
        hooks: Hooks<'a>,
        arrival: Arrival,
        work: &'a mut dyn FnMut(Birth) -> i32,
    ) -> Result<Self, Error> {
        match arrival {
            Arrival::First => Self::first(plan, hooks, work),
            Arrival::Trial(trial) => trial.pass(&plan),
            Arrival::Successor(handover) => Self::resume(plan, hooks, work, *handover),
        }
    }

    fn first(
        mut plan: Plan,
        hooks: Hooks<'a>,
        work: &'a mut dyn FnMut(Birth) -> i32,
    ) -> Result<Self, Error> {
        let balance::Chosen { balancer, why } = balance::choose(&mut plan)?;
        let primary = Endpoint::primary(&plan)?;
        let further = plan.further.iter().map(Endpoint::shared);
        let further = further.collect::<Result<Vec<_>, _>>()?;
        let admin = admin::open(&mut plan)?;
        plan.address = primary.local.clone();
        plan.further = further.iter().map(|endpoint| endpoint.local.clone()).collect();
        let (board, memory) =
            board::create().map_err(|error| Error::system("map shared memory", error))?;
        let control = admin::control(&plan)?;
        Ok(Self {
            supervisor: Supervisor::new(rules(&plan)),
            signals: take_signals()?,
            board,
            memory,
            primary,
            further,
            admin,
            group: Group::default(),
            balancer,
            why_policy: why,
            lodged: Vec::new(),
            children: Vec::new(),
            hooks,
            work,
            upgrade: Upgrade::new(),
            control,
            waiting: Waiting::default(),
            failed: None,
            outcome: None,
            resumed: Vec::new(),
            announced: false,
            plan,
        })
    }

    /// Runs until all is stopped.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        let first = std::mem::take(&mut self.resumed);
        let what = if first.is_empty() { "starts" } else { "goes on as a new program" };
        let (address, workers) = (&self.plan.address, self.plan.workers);
        tracing::info!(%address, workers, policy = %self.plan.intake, "master {what}");
        if let Some(why) = &self.why_policy {
            tracing::info!("policy auto is {}: {why}", self.plan.intake);
        }
        for event in if first.is_empty() { vec![Event::Boot] } else { first } {
            self.decide(event)?;
        }
        while self.outcome.is_none() {
            self.wait().map_err(|error| Error::system("wait for events", error))?;
            for event in self.collect() {
                self.decide(event)?;
            }
            if !self.upgrade.has_passed() {
                self.obey()?;
            }
            // Only when everything that was decided has been done is all that is known true.
            if self.upgrade.has_passed() && !self.supervisor.stopping() {
                let event = self.become_program();
                self.decide(event)?;
            }
        }
        if let Some(on_stop) = self.hooks.stop.take() {
            on_stop(&Snapshot::of(self.board));
        }
        tracing::info!("master stops");
        self.dismiss_callers();
        self.verdict()
    }

    fn verdict(&self) -> Result<(), Error> {
        let reason = self.failed.as_ref().and_then(|(_, why)| why.as_deref());
        let reason = reason.unwrap_or("it gave no reason");
        match self.outcome {
            Some(Outcome::Abandoned(children)) => Err(Error::abandoned(children)),
            Some(Outcome::Fatal(child)) => Err(Error::fatal(format!(
                "{child} says that no worker can run (exit code 78): {reason}"
            ))),
            Some(Outcome::GaveUp(child)) => Err(Error::gave_up(format!(
                "too many workers died young and none serves; the last one was {child}: {reason}"
            ))),
            Some(Outcome::Stopped) | None => Ok(()),
        }
    }

    /// Lets the supervisor decide about one event, and about all that follows from acting on it.
    fn decide(&mut self, event: Event) -> Result<(), Error> {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.supervisor.on(event, Instant::now()) {
                events.extend(self.act(action)?);
            }
            if self.supervisor.shared_listens() {
                self.announce();
            }
            if let Event::Ready(_) = event {
                self.follow_cpus()?;
            }
        }
        self.publish();
        Ok(())
    }

    fn child(&self, id: ChildId) -> Option<&Child> {
        self.children.iter().find(|child| child.id == id)
    }
}

fn take_signals() -> Result<Signals, Error> {
    Signals::register(&SIGNALS).map_err(|error| Error::system("install signal handlers", error))
}

fn rules(plan: &Plan) -> Rules {
    Rules {
        workers: plan.workers.get(),
        workers_max: SLOTS_MAX,
        layout: match plan.intake {
            Intake::Group(_) => Layout::Group,
            Intake::Shared(_) => Layout::Shared,
            Intake::Dispatcher => Layout::Dispatched,
        },
        grace: plan.grace,
        ready_timeout: plan.ready_timeout,
        min_uptime: plan.min_uptime,
        pre_stop_delay: plan.pre_stop_delay,
        give_up: plan.give_up,
        admin: plan.admin.is_some(),
    }
}

impl Child {
    fn is(&self, place: Place, generation: Generation) -> bool {
        self.id == ChildId { place, generation }
    }
}
