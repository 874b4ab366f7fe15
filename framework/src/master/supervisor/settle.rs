//! What follows from all that is known, in the one order in which it is safe to do it.

use std::time::Instant;

use super::{Layout, Mode, Supervisor};
use crate::ids::{Place, SlotId};
use crate::limits::{KILL_PATIENCE, RETIRE_ATTEMPTS_MAX};
use crate::master::action::{Action, Outcome, Reason};
use crate::master::slot::{Retirement, Slot};
use crate::master::tenant::{Life, Tenant};

impl Supervisor {
    pub(super) fn settle(&mut self, now: Instant, actions: &mut Vec<Action>) {
        if let Mode::Closing { until } = self.mode
            && until <= now
        {
            self.begin_stop(now, Outcome::Stopped);
        }
        if self.serving() {
            let until = now + self.rules.grace;
            let own_queue = self.rules.layout == Layout::Group;
            for slot in &mut self.slots {
                slot.end_proof(now, until);
                slot.finish_serving(until, own_queue);
            }
        }
        match self.mode {
            Mode::Running | Mode::Closing { .. } => self.roll(actions),
            Mode::Stopping { until, .. } => self.press_on(until, now, actions),
            Mode::Killing { .. } => self.kill(Reason::StopNow, |_| true, actions),
            Mode::Finished => {}
        }
        self.finish_retirements(actions);
        if self.serving() {
            self.open_listeners(actions);
            self.let_accept(actions);
            self.renew_admin();
        } else {
            self.abandon_rollout(actions);
            self.end_useless_dispatcher(actions);
            self.end_admin(now);
        }
        self.steer(actions);
        self.introduce(actions);
        self.let_go_unwanted(now, actions);
        self.send_drains(now, actions);
        self.kill_the_overdue(now, actions);
        self.end_trial(now, actions);
        if self.may_fork(now) {
            self.fork(now, actions);
        }
        self.finish(now, actions);
    }

    /// Stopping: all drain at the same time. Workers take what the dispatcher has for them until it is
    /// gone.
    fn press_on(&mut self, until: Instant, now: Instant, actions: &mut Vec<Action>) {
        if let Mode::Stopping { refused, .. } = &mut self.mode
            && !std::mem::replace(refused, true)
        {
            actions.push(Action::RefuseNewcomers);
        }
        let slots = self.slots.iter_mut().chain(&mut self.dispatcher);
        slots.flat_map(Slot::tenants_mut).for_each(|tenant| tenant.drain(until, true));
        if now >= until {
            self.kill(Reason::Overdue, |_| true, actions);
        }
    }

    /// Without workers, and none to come, there is nobody to hand anything to.
    fn end_useless_dispatcher(&mut self, actions: &mut Vec<Action>) {
        let gone = |slot: &Slot| slot.empty() && !slot.wants_process();
        if self.dispatches() && self.slots.iter().all(gone) {
            self.kill(Reason::Useless, |tenant| tenant.id.place == Place::Dispatcher, actions);
        }
    }

    /// A dispatcher lives, or will.
    fn dispatches(&self) -> bool {
        let left =
            |slot: &Slot| !slot.empty() || slot.listening && slot.retirement != Retirement::Done;
        self.dispatcher.as_ref().is_some_and(left)
    }

    /// A retired slot's listener is closed when its queue is empty, or when nothing helped.
    fn finish_retirements(&mut self, actions: &mut Vec<Action>) {
        let grouped = self.rules.layout == Layout::Group;
        for slot in self.slots.iter_mut().chain(&mut self.dispatcher) {
            if let Retirement::Draining { failures } = slot.retirement
                && slot.empty()
                && (failures >= RETIRE_ATTEMPTS_MAX || !slot.listening)
            {
                slot.retirement = Retirement::Done;
            }
            let closing = slot.retirement == Retirement::Done && slot.empty() && slot.listening;
            slot.listening &= !closing;
            if closing && grouped {
                actions.extend(slot.place().slot().map(Action::CloseListener));
            }
        }
        self.look(actions);
    }

    /// The kernel moves what is still in a queue that is closed to another one, if it is told to (a
    /// program is there, or `net.ipv4.tcp_migrate_req`), and kernels before 2026 wake nobody for it.
    fn look(&self, actions: &mut Vec<Action>) {
        if actions.iter().any(|action| matches!(action, Action::CloseListener(_))) {
            let listening = self.slots.iter().filter(|slot| slot.listening);
            // Who is yet to be told to empty its queue looks then.
            let accepts = |tenant: &&Tenant| tenant.life == Life::Ready || tenant.empties_queue();
            let accepting = listening.flat_map(Slot::tenants).filter(accepts);
            actions.extend(accepting.map(|tenant| Action::Look(tenant.id)));
        }
    }

    fn open_listeners(&mut self, actions: &mut Vec<Action>) {
        self.gate_open = self.gate_open || self.all().all(Slot::settled);
        if !self.gate_open {
            return;
        }
        if self.rules.layout == Layout::Group {
            for slot in self.slots.iter_mut().filter(|slot| slot.serves() && !slot.listening) {
                slot.listening = true;
                actions.extend(slot.place().slot().map(Action::Listen));
            }
            return;
        }
        let dispatched = self.dispatcher.as_ref().is_none_or(Slot::ready);
        if !self.shared_listening && dispatched && self.slots.iter().any(Slot::serves) {
            self.shared_listening = true;
            actions.push(Action::ListenShared);
        }
    }

    /// A child waits for this word however long its listener has been listening: until it comes, it can be
    /// killed for being late, or not needed any more, though it may just have become ready.
    fn let_accept(&mut self, actions: &mut Vec<Action>) {
        let (grouped, shared) = (self.rules.layout == Layout::Group, self.shared_listening);
        let slots = self.slots.iter_mut().chain(&mut self.dispatcher);
        let open = slots.filter(|slot| if grouped { slot.listening } else { shared });
        // That of the admin process listens from the start.
        for tenant in open.chain(&mut self.admin).flat_map(Slot::tenants_mut) {
            if tenant.serves() && !std::mem::replace(&mut tenant.accepts, true) {
                actions.push(Action::Accept(tenant.id));
            }
        }
    }

    fn steer(&mut self, actions: &mut Vec<Action>) {
        if self.rules.layout != Layout::Group || !self.serving() {
            return;
        }
        let listening = || self.slots.iter().filter(|slot| slot.listening);
        let id = |slot: &Slot| slot.place().slot();
        let mut live: Vec<SlotId> =
            listening().filter(|slot| slot.serves()).filter_map(id).collect();
        if live.is_empty() {
            // What comes now waits for a successor; a retired slot has none.
            let kept = listening().filter(|slot| slot.retirement == Retirement::No);
            live = kept.filter_map(id).collect();
        }
        // The indexes that a program names change when listeners come and go, too.
        let moved =
            |action: &Action| matches!(action, Action::Listen(_) | Action::CloseListener(_));
        if live != self.steered || actions.iter().any(moved) {
            self.steered.clone_from(&live);
            actions.push(Action::Steer(live));
        }
    }

    /// Each worker has a link of its own with each dispatcher, so that one that leaves, or is stuck,
    /// is not in the way of its successor. One that drains may still have a queue to hand out.
    fn introduce(&mut self, actions: &mut Vec<Action>) {
        let Some(dispatchers) = &self.dispatcher else { return };
        let serves = |tenant: &&Tenant| tenant.life == Life::Ready || tenant.drains();
        // During a stop a worker takes part in it, even one that was not ready before.
        let stopping = !self.serving();
        let takes =
            |worker: &Tenant| worker.serves() || stopping && worker.drains() && !worker.parted;
        for dispatcher in dispatchers.tenants().filter(serves) {
            let generation = dispatcher.id.generation;
            for worker in self.slots.iter().filter_map(|slot| slot.current) {
                if takes(&worker) && self.introduced.insert((worker.id, generation)) {
                    actions.push(Action::Introduce(worker.id, generation));
                }
            }
        }
    }

    fn send_drains(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let dispatched = self.dispatcher.is_some();
        let kept = dispatched && !self.serving() && self.dispatches();
        let slots = self.slots.iter_mut().chain(&mut self.dispatcher).chain(&mut self.admin);
        for tenant in slots.flat_map(Slot::tenants_mut) {
            let Life::Draining { until, told, empty_queue } = &mut tenant.life else { continue };
            let newly = !std::mem::replace(told, true);
            if newly {
                let grace = until.saturating_duration_since(now);
                actions.push(Action::Drain { child: tenant.id, grace, empty_queue: *empty_queue });
            }
            let linked = dispatched && !kept && tenant.id.place.slot().is_some();
            if linked && !std::mem::replace(&mut tenant.parted, true) {
                actions.push(Action::Part(tenant.id));
            }
        }
    }

    /// Successors of those who are not to be replaced any more. One that accepts already drains.
    fn let_go_unwanted(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let until = now + self.rules.grace;
        let mut unwanted = Vec::new();
        let slots = self.slots.iter_mut().chain(&mut self.dispatcher).chain(&mut self.admin);
        for slot in slots.filter(|slot| !slot.is_renewed()) {
            if let Some(next) = &mut slot.next {
                // Its end says nothing of the program.
                next.outdated = true;
                if !next.accepts {
                    unwanted.push(next.id);
                } else if let Life::Proving { .. } = next.life {
                    next.drain(until, false);
                }
            }
        }
        self.kill(Reason::Unwanted, |tenant| unwanted.contains(&tenant.id), actions);
    }

    fn kill_the_overdue(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let starting = |tenant: &Tenant| matches!(tenant.life, Life::Starting { .. });
        self.kill(Reason::Late, |tenant| tenant.overdue(now) && starting(tenant), actions);
        self.kill(Reason::Overdue, |tenant| tenant.overdue(now), actions);
    }

    pub(super) fn kill(
        &mut self,
        reason: Reason,
        doomed: impl Fn(&Tenant) -> bool,
        actions: &mut Vec<Action>,
    ) {
        let slots = self.slots.iter_mut().chain(&mut self.dispatcher).chain(&mut self.admin);
        for tenant in slots.flat_map(Slot::tenants_mut).filter(|tenant| doomed(tenant)) {
            if tenant.life != Life::Killed {
                tenant.life = Life::Killed;
                actions.push(Action::Kill(tenant.id, reason));
            }
        }
    }

    /// The trial of a program has its time, and none when all is to end.
    fn end_trial(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let stopping = self.stopping();
        if let Some(trial) = &mut self.trial
            && (stopping || trial.until <= now)
            && !std::mem::replace(&mut trial.ended, true)
        {
            actions.push(Action::EndTrial);
        }
    }

    /// During a stop, only to empty a queue.
    fn may_fork(&self, now: Instant) -> bool {
        match self.mode {
            Mode::Running | Mode::Closing { .. } => true,
            Mode::Stopping { until, .. } => now < until,
            Mode::Killing { .. } | Mode::Finished => false,
        }
    }

    fn fork(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let timeout = self.rules.ready_timeout;
        let slots = self.dispatcher.iter_mut().chain(&mut self.slots).chain(&mut self.admin);
        actions.extend(slots.filter_map(|slot| slot.occupy(now, timeout)).map(Action::Fork));
    }

    fn finish(&mut self, now: Instant, actions: &mut Vec<Action>) {
        let (Mode::Stopping { until, outcome, .. } | Mode::Killing { until, outcome }) = self.mode
        else {
            return;
        };
        let left = self.children().count();
        let patience = match self.mode {
            Mode::Stopping { .. } => until + KILL_PATIENCE,
            _ => until,
        };
        let comes = self.may_fork(now) && self.everybody().any(Slot::wants_process);
        if (left > 0 || comes) && now < patience {
            return;
        }
        self.mode = Mode::Finished;
        let outcome = if left > 0 { Outcome::Abandoned(left) } else { outcome };
        actions.push(Action::Finish(outcome));
    }
}
