//! The whole of the master's judgement, without a system call.
//!
//! Each event changes what is known; then `settle` derives from all that is known what is to be done,
//! in the one order in which it is safe: listeners are closed before the program that chooses among
//! them is changed, a slot is steered around before its worker drains.

mod admin;
mod events;
mod rollout;
mod saved;
mod settle;
mod single;

use std::collections::{BTreeSet, VecDeque};
use std::time::{Duration, Instant};

use super::action::{Action, Outcome};
use super::event::{Event, Exit};
use super::slot::{Renewal, Retirement, Slot};
use super::tenant::{Life, Tenant};
use crate::birth::code;
use crate::board::Phase;
use crate::ids::{ChildId, Generation, Place, SlotId};
use crate::limits::{INTRODUCE_PAUSE, KILL_PATIENCE, SUSPENDED_AFTER};
use rollout::Rolling;
pub use rollout::Scaling;
pub(super) use saved::Saved;

/// What the user's plan says that bears on the master's decisions.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Slots at the start, at least 1.
    pub workers: u16,
    /// Most slots, at least `workers`.
    pub workers_max: u16,
    /// Where connections wait.
    pub layout: Layout,
    /// There is an admin process.
    pub admin: bool,
    /// Time for a drain.
    pub grace: Duration,
    /// Time from the fork to READY.
    pub ready_timeout: Duration,
    /// A process that was ready for so long was healthy.
    pub min_uptime: Duration,
    /// A worker that is ready beside another one, or in a rollout, has to live for so long before it takes
    /// over, and before the rollout goes on.
    pub proof: Duration,
    /// Time between the announcement of a stop and its begin.
    pub pre_stop_delay: Duration,
    /// When so many children died young within so long and no worker serves, the master gives up.
    pub give_up: Option<(u32, Duration)>,
}

/// Who holds the accept queues.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Each slot has its own listener in a reuseport group.
    Group,
    /// All workers accept from one listener.
    Shared,
    /// The dispatcher accepts from one listener and hands sockets out.
    Dispatched,
}

/// All slots, and what the master is about.
#[derive(Clone, Debug)]
pub struct Supervisor {
    rules: Rules,
    slots: Vec<Slot>,
    dispatcher: Option<Slot>,
    admin: Option<Slot>,
    mode: Mode,
    /// The listeners may be opened: every slot of the start has been heard of once.
    gate_open: bool,
    shared_listening: bool,
    steered: Vec<SlotId>,
    /// Which workers have a link with which generation of the dispatcher.
    introduced: BTreeSet<(ChildId, Generation)>,
    rolling: Rolling,
    trial: Option<Trial>,
    young_deaths: VecDeque<Instant>,
    /// An introduction failed, and is to be tried again then.
    introduce_at: Option<Instant>,
    /// When the last event came.
    last_event: Option<Instant>,
}

/// A trial of the program on disk, and until when.
#[derive(Clone, Copy, Debug)]
struct Trial {
    until: Instant,
    ended: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Running,
    /// A stop was announced: still everything goes on, until then.
    Closing {
        until: Instant,
    },
    Stopping {
        until: Instant,
        refused: bool,
        outcome: Outcome,
    },
    Killing {
        until: Instant,
        outcome: Outcome,
    },
    Finished,
}

impl Supervisor {
    /// A master that has not begun.
    pub fn new(rules: Rules) -> Self {
        let dispatched = rules.layout == Layout::Dispatched;
        Self {
            rules,
            slots: (0..rules.workers).map(|n| Slot::new(Place::Slot(SlotId(n)))).collect(),
            dispatcher: dispatched.then(|| Slot::new(Place::Dispatcher)),
            admin: rules.admin.then(|| Slot::new(Place::Admin)),
            mode: Mode::Running,
            gate_open: false,
            shared_listening: false,
            steered: Vec::new(),
            introduced: BTreeSet::new(),
            rolling: Rolling::default(),
            trial: None,
            young_deaths: VecDeque::new(),
            introduce_at: None,
            last_event: None,
        }
    }

    /// Takes note of one event and says what to do, in order.
    pub fn on(&mut self, event: Event, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.mode == Mode::Finished {
            return actions;
        }
        self.put_off_if_suspended(event, now, &mut actions);
        self.introduce_at.take_if(|at| *at <= now);
        match event {
            Event::Boot | Event::Continued | Event::Tick => {}
            Event::Resumed => self.resumed(),
            Event::Ready(child) => self.ready(child, now),
            Event::WantsDrain(child) => self.wants_drain(child, now),
            Event::WantsSuccessor(child) => self.wants_successor(child),
            Event::KillAsked(child) => self.kill_asked(child, &mut actions),
            Event::NotListening(slot) => self.not_listening(slot, &mut actions),
            Event::Exited(child, exit) => self.exited(child, Some(exit), now, &mut actions),
            Event::NotForked(child) => self.exited(child, None, now, &mut actions),
            Event::ScaleUp => self.scale_up(now, &mut actions),
            Event::ScaleDown => self.scale_down(now, &mut actions),
            Event::ScaleTo(workers) => self.scale_to(workers, now, &mut actions),
            Event::Reload => self.reload(&mut actions),
            Event::Upgrade => self.upgrade(now, &mut actions),
            Event::Tried(fits) => self.tried(fits, &mut actions),
            Event::NotUpgraded => actions.push(Action::UpgradeFailed),
            Event::Stop => self.stop(now, &mut actions),
            Event::StopNow => self.stop_now(now),
        }
        self.settle(now, &mut actions);
        actions
    }

    /// When [`Event::Tick`] is due at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        let tenants = || self.everybody().flat_map(Slot::tenants);
        let trial = self.trial.filter(|trial| !trial.ended).map(|trial| trial.until);
        let serving = || {
            self.everybody().filter_map(Slot::deadline).chain(trial).chain(self.introduce_at).min()
        };
        match self.mode {
            Mode::Running => serving(),
            Mode::Closing { until } => serving().into_iter().chain([until]).min(),
            Mode::Stopping { until, .. } => {
                let killed = tenants().all(|tenant| tenant.life == Life::Killed);
                let end = if killed { until + KILL_PATIENCE } else { until };
                // Nobody is forked after that, however long he has waited.
                let late = self.last_event.is_some_and(|now| now >= until);
                let slots = self.everybody().filter_map(Slot::deadline).filter(|_| !late);
                slots.chain([end]).min()
            }
            Mode::Killing { until, .. } => Some(until),
            Mode::Finished => None,
        }
    }

    /// A deadline that is long past was not missed by anybody: all of this stood still, as when a
    /// machine sleeps, a container is frozen, or a debugger or SIGSTOP holds the process group. Each
    /// deadline is then as far away as it was when the last event came.
    fn put_off_if_suspended(&mut self, event: Event, now: Instant, actions: &mut Vec<Action>) {
        let last_event = self.last_event.replace(now).unwrap_or(now);
        let late = self.deadline().map(|deadline| now.saturating_duration_since(deadline));
        let slept = late.is_some_and(|late| late > SUSPENDED_AFTER);
        let continued = late.is_some() && event == Event::Continued;
        if !slept && !continued {
            return;
        }
        let still = now - last_event;
        let slots = self.slots.iter_mut().chain(&mut self.dispatcher).chain(&mut self.admin);
        let tenants = slots.flat_map(Slot::tenants_mut).filter_map(Tenant::deadline_mut);
        let mode = match &mut self.mode {
            Mode::Closing { until }
            | Mode::Stopping { until, .. }
            | Mode::Killing { until, .. } => Some(until),
            Mode::Running | Mode::Finished => None,
        };
        let trial = self.trial.as_mut().map(|trial| &mut trial.until);
        tenants.chain(mode).chain(trial).for_each(|until| *until += still);
        actions.push(Action::Postponed(still));
    }

    /// What each place is doing.
    pub fn phases(&self) -> impl Iterator<Item = (Place, Phase)> {
        self.everybody().map(|slot| (slot.place(), slot.phase()))
    }

    /// Workers the master wants to have.
    pub fn workers_wanted(&self) -> usize {
        self.slots.iter().filter(|slot| slot.retirement == Retirement::No).count()
    }

    /// The slots whose worker serves.
    pub fn ready_slots(&self) -> Vec<SlotId> {
        let ready = self.slots.iter().filter(|slot| slot.serves());
        ready.filter_map(|slot| slot.place().slot()).collect()
    }

    /// The slots that the kernel was last told to choose among.
    pub fn steered_slots(&self) -> &[SlotId] {
        &self.steered
    }

    /// All processes that have not been reaped yet.
    pub fn children(&self) -> impl Iterator<Item = ChildId> {
        self.everybody().flat_map(Slot::tenants).map(|tenant| tenant.id)
    }

    /// The listeners may be opened, and connections may come.
    pub fn booted(&self) -> bool {
        self.gate_open
    }

    /// The two could not be introduced; it is tried again with the next event, or soon.
    pub fn not_introduced(&mut self, worker: ChildId, dispatcher: Generation) {
        self.introduced.remove(&(worker, dispatcher));
        self.introduce_at = self.last_event.map(|now| now + INTRODUCE_PAUSE);
    }

    /// A stop was announced or has begun.
    pub fn stopping(&self) -> bool {
        self.mode != Mode::Running
    }

    /// A stop was announced and has not begun.
    pub fn closing(&self) -> bool {
        matches!(self.mode, Mode::Closing { .. })
    }

    /// Children are being replaced.
    pub fn rolling(&self) -> bool {
        self.rolling.active()
    }

    /// The listener that all share listens.
    pub fn shared_listens(&self) -> bool {
        self.shared_listening
    }

    /// How many rollouts have begun.
    pub fn rollouts(&self) -> u32 {
        self.rolling.id.0
    }

    /// Everything goes on as ever: what dies is replaced.
    fn serving(&self) -> bool {
        matches!(self.mode, Mode::Running | Mode::Closing { .. })
    }

    fn slot(&mut self, place: Place) -> Option<&mut Slot> {
        match place {
            Place::Admin => self.admin.as_mut(),
            Place::Dispatcher => self.dispatcher.as_mut(),
            Place::Slot(slot) => self.slots.get_mut(slot.index()),
        }
    }

    /// The places that connections need.
    fn all(&self) -> impl Iterator<Item = &Slot> {
        self.dispatcher.iter().chain(&self.slots)
    }

    fn everybody(&self) -> impl Iterator<Item = &Slot> {
        self.all().chain(&self.admin)
    }
}
