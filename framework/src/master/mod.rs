//! The master: it forks, waits and respawns. It never touches a connection.
//!
//! Each turn of its loop collects what happened, lets the [`supervisor`] decide, and acts.

mod act;
pub(crate) mod action;
mod address;
pub(crate) mod backoff;
pub(crate) mod event;
mod reap;
pub(crate) mod slot;
mod spawn;
pub(crate) mod supervisor;

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use nix::unistd::Pid;

use crate::birth::Birth;
use crate::board::{self, Board, Snapshot};
use crate::error::Error;
use crate::ids::{ChildId, Place};
use crate::limits::SLOTS_MAX;
use crate::net::channel::{Channel, Next, Report};
use crate::net::group::Group;
use crate::plan::{Intake, Plan};
use crate::signals::Signals;
use crate::sys::fork::threads;
use action::Outcome;
use address::Address;
use event::Event;
use supervisor::{Layout, Rules, Supervisor};

/// All that the master reacts to.
const SIGNALS: [Signal; 10] = [
    Signal::SIGCHLD,
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
    pub(crate) on_listening: Option<Listening<'a>>,
    pub(crate) on_stop: Option<Stopped<'a>>,
}

/// Hears the address.
type Listening<'a> = Box<dyn FnOnce(SocketAddr) + 'a>;
/// Hears the last counts.
type Stopped<'a> = Box<dyn FnOnce(&Snapshot) + 'a>;

/// The one process that forks.
pub(crate) struct Master<'a> {
    plan: Plan,
    supervisor: Supervisor,
    signals: Signals,
    board: &'static Board,
    address: Address,
    group: Group,
    /// What the workers bound and lodged, a place for each slot.
    lodged: Vec<Option<OwnedFd>>,
    children: Vec<Child>,
    hooks: Hooks<'a>,
    /// What a worker does with its life; its exit code.
    work: &'a mut dyn FnMut(Birth) -> i32,
    fatal: Option<String>,
    outcome: Option<Outcome>,
}

/// A process that has not been reaped.
struct Child {
    id: ChildId,
    pid: Pid,
    /// `None` when the child has closed its side.
    channel: Option<Channel>,
    /// The dispatcher's end of the link on which the worker takes sockets.
    link: Option<OwnedFd>,
    failure: Option<String>,
}

impl<'a> Master<'a> {
    /// Takes the address and the signals; forks nothing yet.
    pub(crate) fn new(
        mut plan: Plan,
        hooks: Hooks<'a>,
        work: &'a mut dyn FnMut(Birth) -> i32,
    ) -> Result<Self, Error> {
        let threads = threads().map_err(|error| Error::system("count the threads", error))?;
        if threads.len() > 1 {
            return Err(Error::threads(&threads));
        }
        let address = Address::take(&plan)?;
        plan.address = address.local;
        let board = board::create().map_err(|error| Error::system("map shared memory", error))?;
        let signals = Signals::register(&SIGNALS)
            .map_err(|error| Error::system("install signal handlers", error))?;
        let supervisor = Supervisor::new(rules(&plan));
        let (group, lodged, children) = (Group::default(), Vec::new(), Vec::new());
        let (fatal, outcome) = (None, None);
        Ok(Self {
            plan,
            supervisor,
            signals,
            board,
            address,
            group,
            lodged,
            children,
            hooks,
            work,
            fatal,
            outcome,
        })
    }

    /// Runs until all is stopped.
    pub(crate) fn run(mut self) -> Result<(), Error> {
        tracing::info!(address = %self.plan.address, workers = self.plan.workers, "master starts");
        self.decide(Event::Boot)?;
        while self.outcome.is_none() {
            self.wait().map_err(|error| Error::system("wait for events", error))?;
            for event in self.collect() {
                self.decide(event)?;
            }
        }
        if let Some(on_stop) = self.hooks.on_stop.take() {
            on_stop(&Snapshot::of(self.board));
        }
        tracing::info!("master stops");
        match self.outcome {
            Some(Outcome::Abandoned(children)) => Err(Error::abandoned(children)),
            Some(Outcome::Fatal(child)) => Err(Error::fatal(format!(
                "{child} says that no worker can run (exit code 78): {}",
                self.fatal.as_deref().unwrap_or("it gave no reason"),
            ))),
            Some(Outcome::Stopped) | None => Ok(()),
        }
    }

    /// Sleeps until a signal, a report or a deadline. Wakes for nothing else.
    fn wait(&self) -> io::Result<()> {
        let channels = self.children.iter().filter_map(|child| child.channel.as_ref());
        let sources = std::iter::once(self.signals.as_fd()).chain(channels.map(AsFd::as_fd));
        let mut sources: Vec<PollFd<'_>> =
            sources.map(|source| PollFd::new(source, PollFlags::POLLIN)).collect();
        let timeout = self.supervisor.deadline().map_or(PollTimeout::NONE, |deadline| {
            let left = deadline.saturating_duration_since(Instant::now());
            // A millisecond more, so that the deadline has passed and not just begun to.
            let milliseconds = left.as_millis().saturating_add(u128::from(!left.is_zero()));
            PollTimeout::try_from(milliseconds).unwrap_or(PollTimeout::MAX)
        });
        match poll(&mut sources, timeout) {
            Ok(_) | Err(Errno::EINTR) => Ok(()),
            Err(errno) => Err(errno.into()),
        }
    }

    /// What happened since the last turn. Orders to this master come first: a child that was told to
    /// end at the same time is not to be replaced. Reports come before deaths, so that a child's last
    /// words are heard.
    fn collect(&mut self) -> Vec<Event> {
        let signals = self.signals.take();
        let mut events: Vec<Event> = signals.iter().copied().filter_map(meaning).collect();
        for index in 0..self.children.len() {
            self.hear(index, &mut events);
        }
        if signals.contains(&Signal::SIGCHLD) {
            self.reap(&mut events);
        }
        if self.supervisor.deadline().is_some_and(|deadline| deadline <= Instant::now()) {
            events.push(Event::Tick);
        }
        events
    }

    /// Takes all reports of one child.
    fn hear(&mut self, index: usize, events: &mut Vec<Event>) {
        let child = &mut self.children[index];
        while let Some(channel) = &child.channel {
            match channel.next_report() {
                Next::Message(Report::Ready { lodged }) => {
                    tracing::info!(pid = child.pid.as_raw(), "{} is ready", child.id);
                    if let (Place::Slot(slot), Some(listener)) = (child.id.place, lodged) {
                        self.lodged[slot.index()] = Some(listener);
                    }
                    events.push(Event::Ready(child.id));
                }
                Next::Message(Report::WantsDrain) => {
                    tracing::info!(pid = child.pid.as_raw(), "{} was told to end", child.id);
                    events.push(Event::WantsDrain(child.id));
                }
                Next::Message(Report::Failed { text }) => child.failure = Some(text),
                Next::Nothing => break,
                Next::End => child.channel = None,
            }
        }
    }

    /// Lets the supervisor decide about one event, and about all that follows from acting on it.
    fn decide(&mut self, event: Event) -> Result<(), Error> {
        let mut events = VecDeque::from([event]);
        while let Some(event) = events.pop_front() {
            for action in self.supervisor.on(event, Instant::now()) {
                events.extend(self.act(action)?);
            }
        }
        for (place, phase) in self.supervisor.phases() {
            self.board.row(place).enter(phase);
        }
        Ok(())
    }
}

fn rules(plan: &Plan) -> Rules {
    Rules {
        workers: plan.workers.get(),
        workers_max: SLOTS_MAX,
        layout: match plan.intake {
            Intake::Group => Layout::Group,
            Intake::Shared(_) => Layout::Shared,
            Intake::Dispatcher => Layout::Dispatched,
        },
        grace: plan.grace,
        ready_timeout: plan.ready_timeout,
        min_uptime: plan.min_uptime,
    }
}

/// What a signal to the master means; nothing for those that only wake it or are not for it.
fn meaning(signal: Signal) -> Option<Event> {
    match signal {
        Signal::SIGTERM | Signal::SIGINT => Some(Event::Stop),
        Signal::SIGQUIT => Some(Event::StopNow),
        Signal::SIGTTIN => Some(Event::ScaleUp),
        Signal::SIGTTOU => Some(Event::ScaleDown),
        Signal::SIGHUP | Signal::SIGUSR2 => {
            tracing::warn!(
                "{signal} is ignored: this version cannot reload or upgrade; restart it"
            );
            None
        }
        Signal::SIGUSR1 => {
            tracing::info!("{signal} is ignored: there are no log files to reopen");
            None
        }
        _ => None,
    }
}
