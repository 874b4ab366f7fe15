//! The machine around a supervisor: it does what it is told and checks that it may be told so.

mod admin;
mod perform;
mod process;
mod queues;
mod weather;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use evenkeel::internals::{
    ChildId, Event, Exit, Generation, Layout, Outcome, Place, Rollout, Rules, Scaling, SlotId,
    Supervisor,
};

use super::chance::Chance;
use process::Process;

pub(crate) const GRACE: Duration = Duration::from_secs(5);
const READY_TIMEOUT: Duration = Duration::from_secs(3);
const MIN_UPTIME: Duration = Duration::from_secs(1);
/// Of workers of others.
const PROOF: Duration = Duration::from_millis(900);
const WORKERS_MAX: u16 = 8;

/// How the world treats the supervisor.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Anything that can happen does.
    Stormy,
    /// Processes start, drain and die as they are asked to.
    Calm,
}

#[allow(clippy::struct_excessive_bools, reason = "each is seen apart from the others")]
pub(crate) struct World {
    pub(crate) supervisor: Supervisor,
    rules: Rules,
    now: Instant,
    chance: Chance,
    processes: BTreeMap<ChildId, Process>,
    ever_forked: BTreeSet<ChildId>,
    forked_in_stop: BTreeMap<Place, u32>,
    /// Those who died before they had emptied the queue of their place.
    deaths_in_stop: BTreeMap<Place, u32>,
    listening: BTreeSet<SlotId>,
    /// Workers, and the generations of dispatchers that they have a link with.
    links: BTreeSet<(ChildId, Generation)>,
    shared_listening: bool,
    stopping: bool,
    /// A stop at once: nothing is emptied.
    hurried: bool,
    /// Until when a stop empties queues, and those that it still has to.
    queues: Option<(Instant, BTreeSet<Place>)>,
    /// Places whose queue was emptied and that nobody serves since.
    emptied: BTreeSet<Place>,
    /// Slots whose listener could not be opened just now.
    deaf: BTreeSet<SlotId>,
    /// The rollout that is under way, and whom it has to replace.
    rollout: Option<(Rollout, BTreeSet<ChildId>)>,
    /// A trial of a program is under way, or has been ended.
    trial: Option<bool>,
    becomes: bool,
    /// Everything has just stood still for so long that no deadline counts.
    suspended: bool,
    finished: Option<Outcome>,
    mood: Mood,
    pub(crate) steps: u64,
}

impl World {
    pub(crate) fn new(seed: u64) -> Self {
        let mut chance = Chance::from_seed(seed);
        let layouts = [Layout::Group, Layout::Shared, Layout::Dispatched];
        let rules = Rules {
            workers: 1 + u16::try_from(chance.below(5)).unwrap(),
            workers_max: WORKERS_MAX,
            layout: layouts[chance.below(3)],
            admin: chance.once_in(2),
            grace: GRACE,
            ready_timeout: READY_TIMEOUT,
            min_uptime: MIN_UPTIME,
            proof: [Duration::ZERO, PROOF][chance.below(2)],
            pre_stop_delay: Duration::from_millis(700 * chance.below(2) as u64),
            give_up: [None, Some((12, Duration::from_secs(10)))][chance.below(2)],
        };
        let mut world = Self {
            supervisor: Supervisor::new(rules),
            rules,
            now: Instant::now(),
            chance,
            processes: BTreeMap::new(),
            ever_forked: BTreeSet::new(),
            forked_in_stop: BTreeMap::new(),
            deaths_in_stop: BTreeMap::new(),
            listening: BTreeSet::new(),
            links: BTreeSet::new(),
            shared_listening: false,
            stopping: false,
            hurried: false,
            queues: None,
            emptied: BTreeSet::new(),
            deaf: BTreeSet::new(),
            rollout: None,
            trial: None,
            becomes: false,
            suspended: false,
            finished: None,
            mood: Mood::Stormy,
            steps: 0,
        };
        world.tell(Event::Boot);
        world
    }

    /// One thing happens.
    pub(crate) fn step(&mut self, mood: Mood) {
        if self.finished.is_some() {
            return;
        }
        self.mood = mood;
        let pause = match mood {
            Mood::Stormy => self.chance.below(400),
            Mood::Calm => 50,
        };
        self.now += Duration::from_millis(pause as u64);
        if mood == Mood::Stormy && self.chance.once_in(200) {
            // A deadline that has passed unseen for more than a second was nobody's fault.
            self.now += Duration::from_secs(60);
            let deadline = self.supervisor.deadline();
            self.suspended = deadline.is_some_and(|at| self.now - at > Duration::from_secs(1));
        }
        if self.supervisor.deadline().is_some_and(|deadline| deadline <= self.now) {
            self.tell(Event::Tick);
            let next = self.supervisor.deadline();
            assert!(
                next.is_none_or(|next| next > self.now),
                "a deadline in the past: it would spin"
            );
        }
        match mood {
            Mood::Stormy => self.storm(),
            Mood::Calm => self.calm(),
        }
    }

    /// Begins a stop, as SIGTERM does.
    pub(crate) fn stop(&mut self) {
        self.tell(Event::Stop);
    }

    pub(crate) fn stopping(&self) -> bool {
        self.stopping
    }

    pub(crate) fn finished(&self) -> Option<Outcome> {
        self.finished
    }

    /// What must hold when the world has been calm for long enough: no slot is vacant for ever, and
    /// what was retired is gone.
    pub(crate) fn assert_at_rest(&self) {
        let ready = self.supervisor.ready_slots();
        assert_eq!(ready.len(), self.supervisor.workers_wanted(), "a slot stays vacant");
        assert!(self.supervisor.booted());
        let wanted = u16::try_from(self.supervisor.workers_wanted()).unwrap();
        assert_eq!(self.supervisor.scaling(wanted, 0), Scaling::Done);
        assert!(!self.supervisor.rolling(), "a rollout does not end");
        assert!(self.rollout.is_none() && self.trial.is_none());
        assert!(
            self.processes.values().all(|process| process.accepts),
            "somebody is not let accept"
        );
        let waits = self.processes.iter().find(|(_, process)| process.wants_drain);
        assert!(waits.is_none(), "somebody wants to drain, and goes on: {waits:?}");
        self.assert_admin_at_rest();
        let workers = self.processes.keys().filter(|id| id.place.slot().is_some()).count();
        assert_eq!(workers, ready.len(), "somebody does not leave");
        match self.rules.layout {
            Layout::Group => {
                assert_eq!(self.listening, ready.into_iter().collect(), "a listener is left over");
            }
            Layout::Shared => assert!(self.shared_listening),
            Layout::Dispatched => self.assert_all_introduced(),
        }
    }

    fn assert_all_introduced(&self) {
        assert!(self.shared_listening);
        let mut dispatchers = self.processes.keys().filter(|id| id.place == Place::Dispatcher);
        let serving = dispatchers.next_back().expect("a dispatcher").generation;
        for (id, process) in self.processes.iter().filter(|(id, _)| id.place.slot().is_some()) {
            assert!(self.links.contains(&(*id, serving)), "{id} gets no sockets: {process:?}");
        }
    }

    fn tell(&mut self, event: Event) {
        if self.finished.is_some() {
            return;
        }
        self.steps += 1;
        self.hurried |= event == Event::StopNow || event == Event::Stop && self.stopping;
        // An announced stop is one when its time has come.
        let delayed = event == Event::Stop && !self.rules.pre_stop_delay.is_zero();
        self.stopping |= matches!(event, Event::StopNow) || event == Event::Stop && !delayed;
        let began = self.rollout.as_ref().map(|(rollout, _)| *rollout);
        let mut follows = Vec::new();
        for action in self.supervisor.on(event, self.now) {
            assert_eq!(self.finished, None, "{action:?} after the end");
            follows.extend(self.perform(action));
        }
        self.suspended = false;
        if began != self.rollout.as_ref().map(|(rollout, _)| *rollout)
            && let Some((_, old)) = &mut self.rollout
        {
            // Those who were about to leave anyway are none of its business.
            old.retain(|id| self.processes.get(id).is_some_and(|process| !process.leaves()));
        }
        self.check();
        let serving = self.processes.iter().filter(|(_, process)| process.serves());
        for place in serving.map(|(id, _)| id.place).collect::<Vec<_>>() {
            self.emptied.remove(&place);
        }
        for event in follows {
            match event {
                Event::NotForked(child) => {
                    self.note_drained(child, Exit::Code(1));
                    self.processes.remove(&child);
                }
                Event::NotListening(slot) => {
                    self.deaf.remove(&slot);
                }
                _ => {}
            }
            self.tell(event);
        }
        if std::mem::take(&mut self.becomes) {
            let next = if self.chance.once_in(8) { Event::NotUpgraded } else { Event::Resumed };
            if next == Event::Resumed {
                self.supervisor = self.supervisor.handed_over().expect("it can be read");
            }
            self.tell(next);
        }
    }

    /// What must always hold.
    fn check(&self) {
        let known: BTreeSet<ChildId> = self.supervisor.children().collect();
        let living: BTreeSet<ChildId> = self.processes.keys().copied().collect();
        assert_eq!(known, living, "children that are forgotten, or not there");
        let places: BTreeSet<Place> = living.iter().map(|id| id.place).collect();
        for place in places {
            let count = self.in_place(place).count();
            assert!(count <= 2, "{count} processes in {place:?}: more than one and its successor");
            let serve = self.in_place(place).filter(|(_, process)| process.serves());
            let tried = usize::from(!self.rules.proof.is_zero() && place.slot().is_some());
            assert!(serve.count() <= 1 + tried, "two serve in {place:?}");
            let drain = self.in_place(place).filter(|(_, process)| process.draining).count();
            let wanted = place.slot().is_none_or(|slot| !self.supervisor.is_retiring(slot));
            assert!(
                drain < 2 || !wanted || self.stopping,
                "two drain in {place:?}: no seat is left"
            );
        }
        if self.rules.layout == Layout::Group && self.supervisor.booted() && !self.stopping {
            let ready: Vec<SlotId> =
                (0..WORKERS_MAX).map(SlotId).filter(|slot| self.serving(*slot)).collect();
            let steered = self.supervisor.steered_slots();
            assert!(
                ready.is_empty() || steered == ready,
                "{steered:?} are steered to, not {ready:?}"
            );
        }
    }

    fn serving(&self, slot: SlotId) -> bool {
        self.in_place(Place::Slot(slot)).any(|(_, process)| process.serves())
    }

    fn in_place(&self, place: Place) -> impl Iterator<Item = (ChildId, Process)> {
        let all = self.processes.iter().filter(move |(id, _)| id.place == place);
        all.map(|(id, process)| (*id, *process))
    }

    fn living(&mut self, child: ChildId) -> &mut Process {
        let process = self.processes.get_mut(&child);
        process.unwrap_or_else(|| panic!("{child} is not alive"))
    }
}
