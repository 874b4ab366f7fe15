//! The master: it forks, waits and respawns. It never touches a connection.
//!
//! Each turn of its loop collects what happened, lets the [`supervisor`] decide, and acts.

mod act;
pub(crate) mod action;
mod admin;
mod arrival;
pub(crate) mod backoff;
mod balance;
mod child;
mod chronicle;
mod cluster;
mod collect;
mod datagrams;
mod ending;
mod endpoint;
mod environment;
pub(crate) mod event;
mod failures;
mod foreign;
mod handover;
mod heartbeat;
mod hooks;
mod lent;
mod moment;
mod no_child;
pub(crate) mod notify;
mod obey;
mod outbox;
mod presence;
mod progress;
mod reap;
mod reopening;
mod rollout;
mod rules;
pub(crate) mod slot;
mod spawn;
mod status;
pub(crate) mod supervisor;
mod telling;
mod tenant;
mod upgrade;

use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::apps::Entry;
use crate::birth::Birth;
use crate::board::{self, Board, Snapshot};
use crate::control::Control;
use crate::error::Error;
use crate::ids::ChildId;
use crate::net::balance::Balancer;
use crate::net::group::Group;
use crate::plan::Plan;
use crate::signals::Signals;
use crate::sys::passed::Passed;
use action::Outcome;
use child::Child;
use datagrams::Datagrams;
use endpoint::Endpoint;
use event::Event;
use failures::Failures;
use foreign::Leaving;
use heartbeat::Heartbeat;
use lent::Opened;
use obey::Waiting;
use rules::rules;
use supervisor::Supervisor;
use telling::Happenings;
use upgrade::Upgrade;

pub(crate) use arrival::{Arrival, arrival};
pub use cluster::Cluster;
pub(crate) use hooks::Hooks;

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
    datagrams: Datagrams,
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
    leaving: Vec<Leaving>,
    hooks: Hooks<'a>,
    happenings: Happenings,
    /// What a worker does with its life; its exit code.
    work: &'a mut dyn FnMut(Birth) -> i32,
    upgrade: Upgrade,
    control: Option<Control>,
    /// After `control`, whose socket is in its folder.
    entry: Option<Entry>,
    waiting: Waiting,
    failures: Failures,
    heartbeat: Heartbeat,
    /// The line that the service manager was last told.
    told: String,
    outcome: Option<Outcome>,
    /// The program has changed: what is to be done first.
    resumed: Vec<Event>,
    /// Connections are accepted, and whoever is to know it was told.
    announced: bool,
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
            Arrival::First(passed) => Self::first(plan, passed, hooks, work),
            Arrival::Trial(trial) => trial.pass(&plan),
            Arrival::Successor(handover) => Self::resume(plan, hooks, work, *handover),
        }
    }

    fn first(
        mut plan: Plan,
        passed: Vec<Passed>,
        hooks: Hooks<'a>,
        work: &'a mut dyn FnMut(Birth) -> i32,
    ) -> Result<Self, Error> {
        let entry = plan.name.as_ref().map(Entry::claim).transpose()?;
        let opened = lent::open(&mut plan, passed)?;
        let Opened { primary, further, lodged, group, balancer, why_policy } = opened;
        let datagrams = Datagrams::bind(&plan.udp)?;
        let admin = admin::open(&mut plan)?;
        plan.address = primary.local.clone();
        plan.further = further.iter().map(|endpoint| endpoint.local.clone()).collect();
        let (board, memory) =
            board::create().map_err(|error| Error::system("map shared memory", error))?;
        let control = admin::control(&plan)?;
        let master = Self {
            supervisor: Supervisor::new(rules(&plan)),
            signals: take_signals()?,
            board,
            memory,
            primary,
            further,
            admin,
            group,
            datagrams,
            balancer,
            why_policy,
            lodged,
            children: Vec::new(),
            leaving: Vec::new(),
            hooks,
            happenings: Happenings::default(),
            work,
            upgrade: Upgrade::new(),
            control,
            entry,
            waiting: Waiting::default(),
            failures: Failures::default(),
            heartbeat: Heartbeat::wanted(),
            told: String::new(),
            outcome: None,
            resumed: Vec::new(),
            announced: false,
            plan,
        };
        master.publish()?;
        Ok(master)
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
            self.heartbeat.turn(Instant::now());
            self.follow_log();
            for event in self.collect() {
                self.decide(event)?;
            }
            if !self.upgrade.has_passed() {
                self.obey()?;
            }
            self.tell()?;
            // Only when everything that was decided has been done is all that is known true.
            let done = self.happenings.is_empty() && self.leaving_due().is_none();
            if done && self.upgrade.has_passed() && !self.supervisor.stopping() {
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
        // Others may have ended since, as they were told.
        let reason = |child| self.failures.of(child).unwrap_or("it gave no reason");
        match self.outcome {
            Some(Outcome::Abandoned(children)) => Err(Error::abandoned(children)),
            Some(Outcome::Fatal(child)) => Err(Error::fatal(format!(
                "{child} says that no worker can run (exit code 78): {}",
                reason(child)
            ))),
            Some(Outcome::GaveUp(child)) => Err(Error::gave_up(format!(
                "too many workers died young and none serves; the last one was {child}: {}",
                reason(child)
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
        self.close_datagrams();
        self.chronicle();
        self.tell_progress();
        Ok(())
    }

    fn child(&self, id: ChildId) -> Option<&Child> {
        self.children.iter().find(|child| child.id == id)
    }
}

fn take_signals() -> Result<Signals, Error> {
    Signals::register(&SIGNALS).map_err(|error| Error::system("install signal handlers", error))
}
