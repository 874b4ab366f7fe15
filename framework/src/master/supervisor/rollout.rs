//! The replacement of all children, one place after the other, new before old.
//!
//! A place is done when a process that began after the rollout serves there. The old one stays until
//! then, and for good when the new one fails: whoever runs the reload is told, and nothing is worse
//! than before.

use super::events::STOPPING;
use super::{Action, Exit, Renewal, Retirement, Slot, Supervisor, Tenant};
use crate::ids::Place;
use crate::master::action::{Rollout, Verdict};
use crate::master::tenant::Life;

/// Where the rollout that is under way has come to.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rolling {
    /// The rollout that is under way, or the last one.
    pub(super) id: Rollout,
    step: Option<Step>,
    /// It was asked for once more meanwhile: what was replaced before that is not new enough.
    again: bool,
    announced: bool,
}

/// Places are done in the order of the slots, the dispatcher last.
#[derive(Clone, Copy, Debug)]
struct Step {
    at: usize,
    /// A place that was backing off has been given its new try.
    tried: bool,
}

/// A slot whose workers died young so often, one after the other, does not recover at once.
const FAILING: u32 = 3;

const FIRST: Step = Step { at: 0, tried: false };

/// Whether there are as many workers as were asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scaling {
    /// All serve, and those that were too many are gone.
    Done,
    /// It takes its time.
    Pending,
    /// A worker failed, and is tried again after a pause.
    BackingOff(Place),
    /// Another number is wanted by now.
    Overtaken,
}

impl Rolling {
    pub(super) fn active(&self) -> bool {
        self.step.is_some()
    }

    fn begin(&mut self) {
        self.id = Rollout(self.id.0.wrapping_add(1));
        (self.step, self.again, self.announced) = (Some(FIRST), false, false);
    }
}

impl Supervisor {
    /// The rollout that a request which comes now will be answered by.
    pub fn promised_rollout(&self) -> Rollout {
        Rollout(self.rolling.id.0.wrapping_add(1))
    }

    /// The rollout that is under way, or the last one.
    pub fn rollout(&self) -> Rollout {
        self.rolling.id
    }

    /// Which place is being replaced, from 0, and how many there are; the number of places itself when
    /// the old ones are only waited for.
    pub fn rollout_step(&self) -> Option<(usize, usize)> {
        self.rolling.step.map(|step| (step.at, self.all().count()))
    }

    /// Whether there are `target` workers, of which those from slot `from` on were asked for, and none
    /// that is too many.
    pub fn scaling(&self, target: u16, from: u16) -> Scaling {
        if self.workers_wanted() != usize::from(target) {
            return Scaling::Overtaken;
        }
        let (kept, retired): (Vec<_>, Vec<_>) =
            self.slots.iter().partition(|slot| slot.retirement == Retirement::No);
        // One that was there before may just have died, and is not given up at once.
        let fails = |(at, slot): &(usize, &&Slot)| {
            slot.backs_off() && (*at >= usize::from(from) || slot.failures() >= FAILING)
        };
        if let Some((_, slot)) = kept.iter().enumerate().find(fails) {
            return Scaling::BackingOff(slot.place());
        }
        let gone = retired.iter().all(|slot| slot.empty() && !slot.listening);
        if gone && kept.iter().all(|slot| slot.ready()) { Scaling::Done } else { Scaling::Pending }
    }

    pub(super) fn reload(&mut self, actions: &mut Vec<Action>) {
        if self.stopping() {
            return actions.push(STOPPING);
        }
        if self.trial.is_some() {
            return actions.push(Action::Refuse("an upgrade is under way, which reloads as well"));
        }
        if self.rolling.active() {
            self.rolling.again = true;
            return;
        }
        self.begin_rollout();
    }

    pub(super) fn begin_rollout(&mut self) {
        self.rolling.begin();
        self.outdate_all();
    }

    /// Goes on as far as the present place allows.
    pub(super) fn roll(&mut self, actions: &mut Vec<Action>) {
        if self.rolling.active() && !std::mem::replace(&mut self.rolling.announced, true) {
            actions.push(Action::RolloutBegan(self.rolling.id));
        }
        while let Some(step) = self.rolling.step {
            let slot = self.slots.iter_mut().chain(&mut self.dispatcher).nth(step.at);
            let Some(slot) = slot else { return self.finish_rollout(actions) };
            match slot.current {
                _ if slot.retirement != Retirement::No => {}
                Some(Tenant { life: Life::Ready, outdated: false, .. }) => {}
                Some(Tenant { life: Life::Ready, outdated: true, .. }) => {
                    if !step.tried {
                        slot.forget_failures();
                    }
                    if slot.renewal == Renewal::No {
                        slot.renewal = Renewal::Rolled;
                    }
                    self.rolling.step = Some(Step { tried: true, ..step });
                    return;
                }
                None if !step.tried => {
                    slot.forget_failures();
                    self.rolling.step = Some(Step { tried: true, ..step });
                    return;
                }
                _ => return,
            }
            self.rolling.step = Some(Step { at: step.at + 1, tried: false });
        }
    }

    /// All places are done: it remains to wait for the old ones to leave.
    fn finish_rollout(&mut self, actions: &mut Vec<Action>) {
        // A slot that was retired when its turn came may have been wanted again since.
        let missed = |slot: &Slot| {
            let old = slot.current.is_some_and(|tenant| tenant.outdated);
            old && slot.ready() && slot.retirement == Retirement::No
        };
        if self.all().any(missed) {
            self.rolling.step = Some(FIRST);
            return self.roll(actions);
        }
        if self.all().flat_map(Slot::tenants).any(|tenant| tenant.outdated) {
            return;
        }
        self.end_rollout(Verdict::Done, actions);
    }

    fn end_rollout(&mut self, verdict: Verdict, actions: &mut Vec<Action>) {
        self.rolling.step = None;
        let slots = self.slots.iter_mut().chain(&mut self.dispatcher);
        for slot in slots.filter(|slot| slot.renewal == Renewal::Rolled) {
            slot.renewal = Renewal::No;
        }
        actions.push(Action::RolloutEnded(self.rolling.id, verdict));
        if std::mem::take(&mut self.rolling.again) && !self.stopping() {
            self.begin_rollout();
            self.roll(actions);
        }
    }

    /// A child ended. When it was a new one, and not fit to live, the rollout is given up.
    pub(super) fn rollout_lost(
        &mut self,
        tenant: Tenant,
        exit: Option<Exit>,
        young: bool,
        actions: &mut Vec<Action>,
    ) {
        let never_ready = tenant.ready_since.is_none();
        let unfit = never_ready || young;
        if !self.rolling.active() || tenant.outdated || tenant.drains() || !unfit {
            return;
        }
        if self.slot(tenant.id.place).is_some_and(|slot| slot.retirement != Retirement::No) {
            return;
        }
        let late = never_ready && tenant.life == Life::Killed;
        self.end_rollout(Verdict::Failed { child: tenant.id, exit, late }, actions);
    }

    /// A stop has begun: nothing is replaced any more.
    pub(super) fn abandon_rollout(&mut self, actions: &mut Vec<Action>) {
        if self.rolling.active() {
            self.rolling.again = false;
            self.end_rollout(Verdict::Stopped, actions);
        }
    }
}
