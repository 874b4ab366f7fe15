//! How a program came to be run: by a user, as a trial, or in the place of another one.

use std::io;
use std::os::fd::OwnedFd;

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{getpid, getppid};

use super::balance::give_up_privilege;
use super::child::HandedChild;
use super::datagrams::Datagrams;
use super::endpoint::HandedEndpoint;
use super::event::{Event, Exit};
use super::failures::Failures;
use super::handover::{Handed, HandedCaller, Handover};
use super::heartbeat::Heartbeat;
use super::obey::{Wait, Waiting};
use super::supervisor::Supervisor;
use super::telling::Happenings;
use super::upgrade::{Upgrade, VARIABLE};
use super::{Hooks, Master, SIGNALS, rules, take_signals};
use crate::apps::Entry;
use crate::birth::{Birth, code};
use crate::control::Control;
use crate::error::Error;
use crate::net::channel::{Channel, Report};
use crate::net::group::Group;
use crate::net::listener;
use crate::plan::Plan;
use crate::signals::Signals;
use crate::sys::fork::{exit_now, threads};
use crate::sys::passed::Passed;
use crate::sys::{exec, passed};

/// How a process ended that nobody knows anything of.
const LOST: Exit = Exit::Signal(libc::SIGKILL);

/// How this program came to be run.
#[derive(Debug)]
pub(crate) enum Arrival {
    /// By a user, or by a service manager that passed these sockets.
    First(Vec<Passed>),
    /// As a trial.
    Trial(Box<Trial>),
    /// In the place of another one.
    Successor(Box<Handover>),
}

/// A trial, from the inside.
#[derive(Debug)]
pub(crate) struct Trial {
    channel: Channel,
    handover: Handover,
}

/// Finds out how this program came to be run. To be asked first.
pub(crate) fn arrival() -> Result<Arrival, Error> {
    let threads = threads().map_err(|error| Error::system("count the threads", error))?;
    if threads.len() > 1 {
        return Err(Error::threads(&threads));
    }
    let Some(value) = exec::take_variable(VARIABLE) else {
        let passed = passed::take().map_err(|error| {
            Error::config(format!("cannot take the sockets of the service manager: {error}"))
        })?;
        return Ok(Arrival::First(passed));
    };
    let wrong = |error: io::Error| {
        Error::system(&format!("take over from the program before ({VARIABLE}={value})"), error)
    };
    let numbers: Result<Vec<i32>, _> = value.split(':').map(str::parse).collect();
    let take = |number: i32| exec::take(number).map_err(wrong);
    match numbers.as_deref() {
        Ok([state]) => {
            let handover = Handover::read(take(*state)?).map_err(wrong)?;
            if !handover.is_of(getpid()) {
                return Err(wrong(io::Error::other("it was left to another process")));
            }
            Ok(Arrival::Successor(Box::new(handover)))
        }
        Ok([state, report]) => {
            let channel = Channel::from_descriptor(take(*report)?);
            let handover = Handover::read(take(*state)?).inspect_err(|error| {
                // The exit code says that it failed, too.
                let _ = channel.report(&Report::Failed { text: error.to_string() });
            });
            let handover = handover.map_err(wrong)?;
            stay_with_master(&handover).map_err(wrong)?;
            Ok(Arrival::Trial(Box::new(Trial { channel, handover })))
        }
        _ => Err(wrong(io::Error::other("that is for evenkeel's own use"))),
    }
}

/// A trial ends with its master. A file that grants a capability takes that away when it is run
/// (prctl(2), `PR_SET_PDEATHSIG`).
fn stay_with_master(handover: &Handover) -> io::Result<()> {
    set_pdeathsig(Signal::SIGKILL)?;
    if !handover.is_of(getppid()) {
        return Err(io::Error::other("the master died during the trial"));
    }
    Ok(())
}

impl Arrival {
    /// Workers serve already: nothing but what cannot be done without may end this program.
    pub(crate) fn takes_over(&self) -> bool {
        matches!(self, Self::Successor(_))
    }

    /// The program is about to end because of this error: a master that tries it is told.
    pub(crate) fn failed(&self, error: &Error) {
        if let Self::Trial(trial) = self {
            // The exit code says that it failed, too.
            let _ = trial.channel.report(&Report::Failed { text: error.to_string() });
        }
    }

    /// It is a trial, of which nobody but the master that tries is to know.
    pub(crate) fn is_trial(&self) -> bool {
        matches!(self, Self::Trial(_))
    }
}

impl Trial {
    /// Says whether this program could take over, and ends it if it could.
    pub(super) fn pass<T>(&self, plan: &Plan) -> Result<T, Error> {
        if let Err(error) = self.handover.fits(plan) {
            let _ = self.channel.report(&Report::Failed { text: error.to_string() });
            return Err(error);
        }
        let said = self.channel.report(&Report::Ready { lodged: None });
        said.map_err(|error| Error::system("report to the master", error))?;
        exit_now(code::DONE)
    }
}

/// Goes on with those who are connected to the control socket; who waits for this upgrade waits on.
fn adopt_callers(control: Option<&mut Control>, callers: Vec<HandedCaller>, wait: Wait) -> Waiting {
    let mut waiting = Waiting::default();
    let Some(control) = control else { return waiting };
    for HandedCaller { number, received, waits, is_child } in callers {
        let adopted = exec::take(number)
            .and_then(|stream| control.adopt(stream, received, waits, is_child))
            // He sees the end of the connection, and nobody else is hurt.
            .inspect_err(|error| tracing::error!("control: a connection is lost: {error}"));
        if let (Ok(Some(key)), true) = (adopted, waits) {
            waiting.add(key, wait);
        }
    }
    waiting
}

impl<'a> Master<'a> {
    /// Goes on where another program stopped.
    pub(super) fn resume(
        mut plan: Plan,
        hooks: Hooks<'a>,
        work: &'a mut dyn FnMut(Birth) -> i32,
        handover: Handover,
    ) -> Result<Self, Error> {
        let failed = |error| Error::system("take over from the program before", error);
        handover.fits(&plan)?;
        plan.intake = handover.intake(&plan).unwrap_or(plan.intake);
        plan.address = handover.primary.address.clone();
        plan.further = handover.further.iter().map(|handed| handed.address.clone()).collect();
        let balancer = handover.balancer(plan.intake).map_err(failed)?;
        if plan.uses_privilege() {
            // The change of programs has brought it back, if the file has it.
            give_up_privilege(balancer.as_ref());
        }
        let kept = || "kept from the program before: a start anew chooses anew".to_owned();
        let why_policy = plan.otherwise.map(|_| handover.why_policy.clone().unwrap_or_else(kept));
        let (board, memory) = handover.board().map_err(failed)?;
        let primary = handover.primary.take().map_err(failed)?;
        let further = handover.further.iter().map(HandedEndpoint::take);
        let further = further.collect::<Result<_, _>>().map_err(failed)?;
        let datagrams = Datagrams::take(&handover.udp).map_err(failed)?;
        let admin =
            handover.admin.as_ref().map(HandedEndpoint::take).transpose().map_err(failed)?;
        if let (Some(planned), Some(endpoint)) = (&mut plan.admin, &admin) {
            planned.address = endpoint.local.clone();
        }
        let lodged = handover.lodged.iter().map(|lodged| lodged.as_ref().map(Handed::take));
        let lodged = lodged.map(Option::transpose).collect::<Result<_, _>>().map_err(failed)?;
        let children = handover.children.iter().map(HandedChild::take);
        let children = children.collect::<Result<_, _>>().map_err(failed)?;
        let (supervisor, workers) = Supervisor::resume(rules(&plan), handover.supervisor);
        let rollout = supervisor.promised_rollout();
        let mut control = plan.admin.is_some().then(Control::private);
        if let (Some(path), Some(number)) = (&plan.control, handover.control_listener) {
            let listener = exec::take(number).and_then(|socket| Control::take_over(path, socket));
            control = Some(listener.map_err(failed)?);
        }
        let entry = plan.name.as_ref().map(Entry::known);
        let waiting = adopt_callers(control.as_mut(), handover.callers, Wait::Rollout(rollout));
        let mut master = Self {
            supervisor,
            signals: take_signals()?,
            board,
            memory,
            primary,
            further,
            datagrams,
            admin,
            group: Group::of(handover.group),
            balancer,
            why_policy,
            lodged,
            children,
            leaving: Vec::new(),
            hooks,
            happenings: Happenings::default(),
            work,
            upgrade: Upgrade::half_done(rollout, handover.program),
            control,
            entry,
            waiting,
            failures: Failures::default(),
            heartbeat: Heartbeat::wanted(),
            told: String::new(),
            outcome: None,
            resumed: Vec::new(),
            announced: false,
            plan,
        };
        master.resumed = master.first_events(workers);
        // Those who ask are told the old things then, and everything else goes on.
        let _ = master.publish().inspect_err(|error| tracing::error!("{error}"));
        if handover.announced {
            master.tell_address();
        }
        Signals::unblock(&SIGNALS).map_err(|error| Error::system("take the signals", error))?;
        Ok(master)
    }

    /// What happened while nobody looked, and what follows from the change.
    fn first_events(&mut self, workers: Option<u16>) -> Vec<Event> {
        let mut events = vec![Event::Resumed];
        events.extend(workers.map(Event::ScaleTo));
        for index in 0..self.children.len() {
            self.hear_out(index, &mut events);
        }
        self.reap(&mut events);
        // Nobody waits for a process that is not there, or that was not killed after all.
        for id in self.supervisor.children().collect::<Vec<_>>() {
            if self.child(id).is_none() && !events.contains(&Event::Exited(id, LOST)) {
                events.push(Event::Exited(id, LOST));
            }
        }
        let group =
            self.group.members().iter().filter_map(|slot| self.lodged[slot.index()].as_ref());
        let shared = self.group.members().is_empty() && self.supervisor.shared_listens();
        let shared = shared.then_some(&self.primary.socket);
        let listens = |socket: &&OwnedFd| listener::listens(socket).unwrap_or(false);
        let further = self.further.iter().map(|endpoint| &endpoint.socket).filter(listens);
        for socket in group.chain(shared).chain(further) {
            // Its length may be another one now.
            if let Err(error) = listener::listen(socket, self.plan.backlog) {
                tracing::error!("cannot set the length of an accept queue: {error}");
            }
        }
        events
    }
}
