//! What events change.

use std::time::{Duration, Instant};

use super::{Action, Exit, Mode, Outcome, Supervisor, Trial, code};
use crate::ids::{ChildId, Place, SlotId};
use crate::limits::KILL_PATIENCE;
use crate::master::action::Reason;
use crate::master::slot::{Renewal, Retirement, Slot};

/// Why nothing changes any more.
pub(super) const STOPPING: Action = Action::Refuse("the master is stopping");

impl Supervisor {
    pub(super) fn ready(&mut self, child: ChildId, now: Instant) {
        let until = now + self.rules.grace;
        let proof = child.place.slot().map_or(Duration::ZERO, |_| self.rules.proof);
        let rolls = self.rolling.active();
        if let Some(slot) = self.slot(child.place) {
            // One that is all that the slot has is only asked when a rollout would go on to others.
            let succeeds = slot.next.is_some_and(|next| next.id == child);
            let proof = if succeeds || rolls { proof } else { Duration::ZERO };
            slot.said_ready(child, now, until, proof);
        }
    }

    /// During a stop each gets its order from there.
    pub(super) fn wants_drain(&mut self, child: ChildId, now: Instant) {
        let until = now + self.rules.grace;
        // A service manager tells all processes of a service that it is to stop. Until then this one
        // is needed.
        if self.mode == Mode::Running
            && let Some(slot) = self.slot(child.place)
        {
            slot.drain_for_successor(child, until);
        }
    }

    pub(super) fn wants_successor(&mut self, child: ChildId) {
        if self.serving()
            && let Some(slot) = self.slot(child.place)
        {
            let asks = slot.current.is_some_and(|tenant| tenant.id == child);
            if asks && slot.renewal == Renewal::No {
                slot.renewal = Renewal::Asked;
            }
        }
    }

    /// Its processes are of no use, and the next ones try again.
    pub(super) fn not_listening(&mut self, slot: SlotId, actions: &mut Vec<Action>) {
        let place = Place::Slot(slot);
        if let Some(slot) = self.slot(place) {
            slot.listening = false;
        }
        self.kill(Reason::Deaf, |tenant| tenant.id.place == place, actions);
    }

    /// `exit` is missing when it could not even be forked.
    pub(super) fn exited(
        &mut self,
        child: ChildId,
        exit: Option<Exit>,
        now: Instant,
        actions: &mut Vec<Action>,
    ) {
        let min_uptime = self.rules.min_uptime;
        let serving = self.serving();
        let rolls = self.rolling.active();
        self.introduced.retain(|(worker, dispatcher)| {
            let gone = child.place == Place::Dispatcher && *dispatcher == child.generation;
            *worker != child && !gone
        });
        let Some(slot) = self.slot(child.place) else { return };
        let tenant = slot.tenant(child).copied();
        let replaces = slot.next.is_some_and(|next| next.id == child);
        let how = exit.unwrap_or(Exit::Code(code::FAILED));
        let pause = slot.vacate(child, how, now, min_uptime);
        if exit.is_none() {
            slot.wait_before_next(now);
        }
        let failures = slot.failures();
        if let Some(pause) = pause.filter(|_| serving) {
            actions.push(Action::BackOff(child, pause, failures));
        }
        if child.place == Place::Admin {
            // Whatever becomes of it, the server goes on.
            return;
        }
        if pause.is_some() && serving {
            self.died_young(child, now);
        }
        if let Some(tenant) = tenant {
            self.rollout_lost(tenant, exit, pause.is_some(), actions);
        }
        // The one that it was to replace is well, and so are those of a rollout that were not
        // replaced yet.
        let others_serve = replaces || rolls && self.slots.iter().any(Slot::serves);
        if exit == Some(Exit::Code(code::FATAL)) && serving && !others_serve {
            self.begin_stop(now, Outcome::Fatal(child));
        }
    }

    /// When nobody serves, and nobody is likely to, it is better to say so than to go on for ever.
    fn died_young(&mut self, child: ChildId, now: Instant) {
        let Some((most, within)) = self.rules.give_up else { return };
        self.young_deaths.push_back(now);
        while self.young_deaths.front().is_some_and(|death| now - *death > within) {
            self.young_deaths.pop_front();
        }
        let too_many = self.young_deaths.len() >= usize::try_from(most).unwrap_or(usize::MAX);
        if too_many && !self.slots.iter().any(Slot::serves) {
            self.begin_stop(now, Outcome::GaveUp(child));
        }
    }

    pub(super) fn scale_up(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let until = now + self.rules.grace;
        if self.stopping() {
            return actions.push(STOPPING);
        }
        let retired = self.slots.iter_mut().find(|slot| slot.retirement != Retirement::No);
        if let Some(slot) = retired {
            slot.reinstate(until);
        } else if self.slots.len() < usize::from(self.rules.workers_max) {
            let next = u16::try_from(self.slots.len()).unwrap_or(u16::MAX);
            self.slots.push(Slot::new(Place::Slot(SlotId(next))));
        } else {
            actions.push(Action::Refuse("there are as many workers as one master may have"));
        }
    }

    /// Retires the last slot.
    pub(super) fn scale_down(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.stopping() {
            return actions.push(STOPPING);
        }
        if self.workers_wanted() <= 1 {
            return actions.push(Action::Refuse("the last worker stays"));
        }
        let until = now + self.rules.grace;
        let own_queue = self.rules.layout == super::Layout::Group;
        let Some(slot) = self.slots.iter_mut().rfind(|slot| slot.retirement == Retirement::No)
        else {
            return;
        };
        slot.retire(until, own_queue);
    }

    pub(super) fn scale_to(&mut self, workers: u16, now: Instant, actions: &mut Vec<Action>) {
        if self.stopping() {
            return actions.push(STOPPING);
        }
        if workers == 0 || workers > self.rules.workers_max {
            return actions.push(Action::Refuse("there can be 1 to 256 workers"));
        }
        let wanted = usize::from(workers);
        for _ in self.workers_wanted()..wanted {
            self.scale_up(now, actions);
        }
        for _ in wanted..self.workers_wanted() {
            self.scale_down(now, actions);
        }
    }

    /// The first time it is announced, if that is wanted; the second time it is meant.
    pub(super) fn stop(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let delay = self.rules.pre_stop_delay;
        match self.mode {
            Mode::Running if !delay.is_zero() => {
                self.mode = Mode::Closing { until: now + delay };
                actions.push(Action::Closing(delay));
            }
            Mode::Running => self.begin_stop(now, Outcome::Stopped),
            Mode::Closing { .. } | Mode::Stopping { .. } => self.stop_now(now),
            Mode::Killing { .. } | Mode::Finished => {}
        }
    }

    pub(super) fn begin_stop(&mut self, now: Instant, outcome: Outcome) {
        if self.serving() {
            let until = now + self.rules.grace;
            self.mode = Mode::Stopping { until, refused: false, outcome };
            self.leave_no_queue();
        }
    }

    /// Each queue is emptied, by a process that is forked for it if there is none, or if the one there
    /// dies before it is done.
    fn leave_no_queue(&mut self) {
        let shared = self.shared_listening;
        let layout = self.rules.layout;
        for (at, slot) in self.slots.iter_mut().enumerate() {
            let listening = match layout {
                super::Layout::Group => slot.listening,
                super::Layout::Shared => shared,
                // The dispatcher needs somebody to hand its queue to: one will do.
                super::Layout::Dispatched => shared && at == 0,
            };
            slot.close_down(listening);
        }
        if let Some(dispatcher) = &mut self.dispatcher {
            dispatcher.close_down(shared);
        }
        if let Some(admin) = &mut self.admin {
            admin.close_down(false);
        }
    }

    pub(super) fn stop_now(&mut self, now: Instant) {
        let outcome = match self.mode {
            Mode::Running | Mode::Closing { .. } => Outcome::Stopped,
            Mode::Stopping { outcome, .. } => outcome,
            Mode::Killing { .. } | Mode::Finished => return,
        };
        self.mode = Mode::Killing { until: now + KILL_PATIENCE, outcome };
    }

    pub(super) fn upgrade(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if self.stopping() {
            return actions.push(STOPPING);
        }
        if self.trial.is_some() || self.rolling.active() {
            let why = "an upgrade or a reload is under way: try again when it has ended";
            return actions.push(Action::Refuse(why));
        }
        self.trial = Some(Trial { until: now + self.rules.ready_timeout, ended: false });
        actions.push(Action::Try);
    }

    pub(super) fn tried(&mut self, fits: bool, actions: &mut Vec<Action>) {
        let wanted = self.trial.take().is_some_and(|trial| !trial.ended) && !self.stopping();
        actions.push(if fits && wanted { Action::Become } else { Action::UpgradeFailed });
    }

    /// All that was there before the program changed is old now.
    pub(super) fn resumed(&mut self) {
        self.begin_rollout();
    }

    pub(super) fn outdate_all(&mut self) {
        let slots = self.slots.iter_mut().chain(&mut self.dispatcher).chain(&mut self.admin);
        for tenant in slots.flat_map(Slot::tenants_mut) {
            // One that drains is on its way already.
            tenant.outdated = !tenant.drains();
        }
    }
}
