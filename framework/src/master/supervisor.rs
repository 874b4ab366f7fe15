//! The whole of the master's judgement, without a system call.
//!
//! Each event changes what is known; then [`Supervisor::settle`] derives from all that is known what
//! is to be done, in the one order in which it is safe: listeners are closed before the program that
//! chooses among them is changed, a slot is steered around before its worker drains.

mod settle;

use std::time::{Duration, Instant};

use super::action::{Action, Outcome};
use super::event::{Event, Exit};
use super::slot::{Life, Retirement, Slot, Tenant};
use crate::birth::code;
use crate::board::Phase;
use crate::ids::{ChildId, Place, SlotId};
use crate::limits::KILL_PATIENCE;

/// What the user's plan says that bears on the master's decisions.
#[derive(Clone, Copy, Debug)]
pub struct Rules {
    /// Slots at the start, at least 1.
    pub workers: u16,
    /// Most slots, at least `workers`.
    pub workers_max: u16,
    /// Where connections wait.
    pub layout: Layout,
    /// Time for a drain.
    pub grace: Duration,
    /// Time from the fork to READY.
    pub ready_timeout: Duration,
    /// A process that was ready for so long was healthy.
    pub min_uptime: Duration,
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
    mode: Mode,
    /// The listeners may be opened: every slot of the start has been heard of once.
    gate_open: bool,
    shared_listening: bool,
    steered: Vec<SlotId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Running,
    Stopping { until: Instant, refused: bool, outcome: Outcome },
    Killing { until: Instant, outcome: Outcome },
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
            mode: Mode::Running,
            gate_open: false,
            shared_listening: false,
            steered: Vec::new(),
        }
    }

    /// Takes note of one event and says what to do, in order.
    pub fn on(&mut self, event: Event, now: Instant) -> Vec<Action> {
        let mut actions = Vec::new();
        if self.mode == Mode::Finished {
            return actions;
        }
        match event {
            Event::Boot | Event::Tick => {}
            Event::Ready(child) => self.ready(child, now),
            Event::WantsDrain(child) => self.wants_drain(child, now),
            Event::Exited(child, exit) => self.exited(child, exit, now, &mut actions),
            Event::NotForked(child) => {
                self.exited(child, Exit::Code(code::FAILED), now, &mut actions);
            }
            Event::ScaleUp => self.scale_up(&mut actions),
            Event::ScaleDown => self.scale_down(now, &mut actions),
            Event::Stop => self.stop(now, Outcome::Stopped),
            Event::StopNow => self.stop_now(now),
        }
        self.settle(now, &mut actions);
        actions
    }

    /// When [`Event::Tick`] is due at the latest.
    pub fn deadline(&self) -> Option<Instant> {
        let tenants = || self.all().flat_map(Slot::tenants).filter_map(Tenant::deadline).min();
        match self.mode {
            Mode::Running => self.all().filter_map(Slot::deadline).min(),
            Mode::Stopping { until, .. } => tenants().or(Some(until + KILL_PATIENCE)),
            Mode::Killing { until, .. } => Some(until),
            Mode::Finished => None,
        }
    }

    /// What each place is doing.
    pub fn phases(&self) -> impl Iterator<Item = (Place, Phase)> {
        self.all().map(|slot| (slot.place(), slot.phase()))
    }

    /// Workers the master wants to have.
    pub fn workers_wanted(&self) -> usize {
        self.slots.iter().filter(|slot| slot.retirement == Retirement::No).count()
    }

    /// The slots whose worker serves.
    pub fn ready_slots(&self) -> Vec<SlotId> {
        let ready = self.slots.iter().filter(|slot| slot.ready());
        ready.filter_map(|slot| slot_id(slot.place())).collect()
    }

    /// The slots that the kernel was last told to choose among.
    pub fn steered_slots(&self) -> &[SlotId] {
        &self.steered
    }

    /// All processes that have not been reaped yet.
    pub fn children(&self) -> impl Iterator<Item = ChildId> {
        self.all().flat_map(Slot::tenants).map(|tenant| tenant.id)
    }

    /// The listeners may be opened, and connections may come.
    pub fn booted(&self) -> bool {
        self.gate_open
    }
}

/// What events change.
impl Supervisor {
    fn ready(&mut self, child: ChildId, now: Instant) {
        let retired = self.slot(child.place).is_some_and(|slot| slot.retirement != Retirement::No);
        let until = now + self.rules.grace;
        let Some(tenant) = self.slot(child.place).and_then(|slot| slot.tenant(child)) else {
            return;
        };
        tenant.ready_since.get_or_insert(now);
        if let Life::Starting { .. } = tenant.life {
            tenant.life = Life::Ready;
            if retired {
                tenant.drain(until, true);
            }
        }
    }

    /// During a stop each gets its order in its turn: workers after the dispatcher.
    fn wants_drain(&mut self, child: ChildId, now: Instant) {
        if self.mode != Mode::Running {
            return;
        }
        let until = now + self.rules.grace;
        let Some(tenant) = self.slot(child.place).and_then(|slot| slot.tenant(child)) else {
            return;
        };
        // Its successor in the slot takes over the accept queue.
        if !tenant.drains() {
            tenant.drain(until, false);
        }
    }

    fn exited(&mut self, child: ChildId, exit: Exit, now: Instant, actions: &mut Vec<Action>) {
        let min_uptime = self.rules.min_uptime;
        let running = self.mode == Mode::Running;
        if let Some(slot) = self.slot(child.place) {
            let pause = slot.vacate(child, exit, now, min_uptime);
            if let Some(pause) = pause.filter(|_| running) {
                let failures = slot.failures();
                actions.push(Action::BackOff(child, pause, failures));
            }
        }
        if exit == Exit::Code(code::FATAL) && running {
            self.stop(now, Outcome::Fatal(child));
        }
    }

    fn scale_up(&mut self, actions: &mut Vec<Action>) {
        if self.mode != Mode::Running {
            return actions.push(Action::Refuse("the master is stopping"));
        }
        let retired = self.slots.iter_mut().find(|slot| slot.retirement != Retirement::No);
        if let Some(slot) = retired {
            slot.retirement = Retirement::No;
        } else if self.slots.len() < usize::from(self.rules.workers_max) {
            let next = u16::try_from(self.slots.len()).unwrap_or(u16::MAX);
            self.slots.push(Slot::new(Place::Slot(SlotId(next))));
        } else {
            actions.push(Action::Refuse("there are as many workers as one master may have"));
        }
    }

    /// Retires the last slot.
    fn scale_down(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.mode != Mode::Running {
            return actions.push(Action::Refuse("the master is stopping"));
        }
        if self.workers_wanted() <= 1 {
            return actions.push(Action::Refuse("the last worker stays"));
        }
        let until = now + self.rules.grace;
        let own_queue = self.rules.layout == Layout::Group;
        let Some(slot) = self.slots.iter_mut().rfind(|slot| slot.retirement == Retirement::No)
        else {
            return;
        };
        slot.retirement = Retirement::Draining { failures: 0 };
        if let Some(tenant) = &mut slot.current {
            tenant.drain(until, own_queue);
        }
    }

    fn stop(&mut self, now: Instant, outcome: Outcome) {
        match self.mode {
            Mode::Running => {
                let until = now + self.rules.grace;
                self.mode = Mode::Stopping { until, refused: false, outcome };
            }
            Mode::Stopping { .. } => self.stop_now(now),
            Mode::Killing { .. } | Mode::Finished => {}
        }
    }

    fn stop_now(&mut self, now: Instant) {
        let outcome = match self.mode {
            Mode::Running => Outcome::Stopped,
            Mode::Stopping { outcome, .. } => outcome,
            Mode::Killing { .. } | Mode::Finished => return,
        };
        self.mode = Mode::Killing { until: now + KILL_PATIENCE, outcome };
    }
}

impl Supervisor {
    fn slot(&mut self, place: Place) -> Option<&mut Slot> {
        match place {
            Place::Dispatcher => self.dispatcher.as_mut(),
            Place::Slot(slot) => self.slots.get_mut(slot.index()),
        }
    }

    fn all(&self) -> impl Iterator<Item = &Slot> {
        self.dispatcher.iter().chain(&self.slots)
    }
}

fn slot_id(place: Place) -> Option<SlotId> {
    match place {
        Place::Slot(slot) => Some(slot),
        Place::Dispatcher => None,
    }
}
