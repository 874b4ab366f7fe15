//! One place and the processes in it.

mod proof;
mod retirement;

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::backoff::Backoff;
use super::event::Exit;
use super::moment;
use super::tenant::{Life, Tenant};
use crate::birth::code;
use crate::board::Phase;
use crate::ids::{ChildId, Generation, Place};
use crate::limits::{BACKOFF_FIRST, RETIRE_ATTEMPTS_MAX};
pub(super) use retirement::Retirement;

/// A place and its processes, two of them at the most: the one that serves, and either another one that
/// drains, or its successor, which is not ready yet.
///
/// Nobody is asked to drain while the other one does: a drain cannot be called back, and with both seats
/// taken by such the slot would have nobody, and no room for anybody, until one of them is done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Slot {
    place: Place,
    generation: Generation,
    pub(super) current: Option<Tenant>,
    pub(super) leaving: Option<Tenant>,
    pub(super) next: Option<Tenant>,
    /// The current process is to be replaced while it serves.
    pub(super) renewal: Renewal,
    backoff: Backoff,
    #[serde(with = "moment::option")]
    not_before: Option<Instant>,
    /// The slot's own listener listens.
    pub(super) listening: bool,
    pub(super) retirement: Retirement,
    ever_tried: bool,
}

/// Whether the current process is to be replaced while it serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Renewal {
    No,
    /// It asked for it itself.
    Asked,
    /// A rollout wants it.
    Rolled,
}

impl Slot {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            generation: Generation::default(),
            current: None,
            leaving: None,
            next: None,
            renewal: Renewal::No,
            backoff: Backoff::default(),
            not_before: None,
            listening: false,
            retirement: Retirement::No,
            ever_tried: false,
        }
    }

    /// Puts the next process into the slot, if it wants one now. A draining predecessor moves over;
    /// one that serves stays until the next one is ready.
    pub(super) fn occupy(&mut self, now: Instant, ready_timeout: Duration) -> Option<ChildId> {
        if self.not_before.is_some_and(|time| time > now) {
            return None;
        }
        let beside = self.wants_successor();
        if !beside && !self.wants_process() {
            return None;
        }
        self.not_before = None;
        self.generation = self.generation.next();
        let id = ChildId { place: self.place, generation: self.generation };
        let tenant = Some(Tenant::starting(id, now + ready_timeout));
        if beside {
            self.next = tenant;
        } else {
            self.leaving = self.leaving.take().or(self.current.take());
            self.current = tenant;
            self.renewal = Renewal::No;
        }
        Some(id)
    }

    pub(super) fn wants_process(&self) -> bool {
        let needed = match self.retirement {
            Retirement::No => true,
            Retirement::Draining { failures } => {
                failures < RETIRE_ATTEMPTS_MAX && self.listening && self.current.is_none()
            }
            Retirement::Done => false,
        };
        let room = match self.current {
            None => true,
            Some(tenant) => tenant.drains() && self.leaving.is_none() && self.next.is_none(),
        };
        needed && room
    }

    fn wants_successor(&self) -> bool {
        let room = self.next.is_none() && self.leaving.is_none();
        self.is_renewed() && self.ready() && room
    }

    /// Its current process is to be replaced, as soon as that can be.
    pub(super) fn is_renewed(&self) -> bool {
        self.renewal != Renewal::No && self.retirement == Retirement::No
    }

    /// The current process is to drain, and its successor in the slot takes over the accept queue.
    pub(super) fn drain_for_successor(&mut self, id: ChildId, until: Instant) {
        let taken = self.leaving.is_some() || self.next.is_some_and(|next| next.leaves());
        if taken && self.current.is_some_and(|now| now.id == id && !now.leaves()) {
            // There is no room for a successor yet, so it goes on, or gets ready, until there is.
            self.renewal = Renewal::Asked;
            return;
        }
        let Some(tenant) = self.tenant(id).filter(|tenant| !tenant.drains()) else { return };
        tenant.drain(until, false);
        if self.next.is_some() && self.current.is_some_and(|current| current.id == id) {
            self.leaving = self.current.take();
            self.current = self.next.take();
            self.renewal = Renewal::No;
        }
    }

    /// The process of this identity, if it is here.
    pub(super) fn tenant(&mut self, id: ChildId) -> Option<&mut Tenant> {
        self.tenants_mut().find(|tenant| tenant.id == id)
    }

    pub(super) fn tenants(&self) -> impl Iterator<Item = &Tenant> {
        self.leaving.iter().chain(&self.current).chain(&self.next)
    }

    pub(super) fn tenants_mut(&mut self) -> impl Iterator<Item = &mut Tenant> {
        self.leaving.iter_mut().chain(&mut self.current).chain(&mut self.next)
    }

    /// Takes a process that ended out of the slot. The pause before the next one, if it died young.
    pub(super) fn vacate(
        &mut self,
        id: ChildId,
        exit: Exit,
        now: Instant,
        min_uptime: Duration,
    ) -> Option<Duration> {
        self.ever_tried = true;
        if self.leaving.take_if(|tenant| tenant.id == id).is_some() {
            return None;
        }
        if let Some(next) = self.next.take_if(|tenant| tenant.id == id) {
            // Given up, or as young as can be; unless it was told to go.
            let unfit = self.renewal != Renewal::No && !next.outdated && !next.drains();
            return unfit.then(|| self.back_off(now));
        }
        let tenant = self.current.take_if(|tenant| tenant.id == id)?;
        self.current = self.next.take();
        self.renewal = Renewal::No;
        if let Retirement::Draining { failures } = self.retirement {
            self.retirement = match exit {
                // Whoever left the queue to a successor has not emptied it.
                Exit::Code(code::DONE) if tenant.empties_queue() || !self.listening => {
                    Retirement::Done
                }
                _ => Retirement::Draining { failures: failures + 1 },
            };
            return None;
        }
        let healthy = tenant.ready_since.is_some_and(|since| now - since >= min_uptime);
        if tenant.drains() || (healthy && exit != Exit::Code(code::RETRY_LATER)) {
            self.forget_failures();
            return None;
        }
        // With a successor under way there is nothing to wait for.
        self.current.is_none().then(|| self.back_off(now))
    }

    /// The kernel has no room for a process now.
    pub(super) fn wait_before_next(&mut self, now: Instant) {
        let soon = now + BACKOFF_FIRST;
        self.not_before = Some(self.not_before.map_or(soon, |later| later.max(soon)));
    }

    fn back_off(&mut self, now: Instant) -> Duration {
        let pause = self.backoff.failed();
        self.not_before = Some(now + pause);
        pause
    }

    /// The next process is tried at once, whatever came before.
    pub(super) fn forget_failures(&mut self) {
        self.not_before = None;
        self.backoff.healthy();
    }

    /// When the slot next wants something done.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let wants = self.wants_process() || self.wants_successor();
        let tenants = self.tenants().filter_map(Tenant::deadline);
        tenants.chain(self.not_before.filter(|_| wants)).min()
    }

    /// No process is, or was ever, due to report that it is ready.
    pub(super) fn settled(&self) -> bool {
        self.serves() || self.ever_tried
    }

    /// Its current process serves, and is believed.
    pub(super) fn ready(&self) -> bool {
        self.current.is_some_and(|tenant| tenant.life == Life::Ready)
    }

    /// Its current process serves. One that has yet to be believed is all that the slot has.
    pub(super) fn serves(&self) -> bool {
        self.current.is_some_and(|tenant| tenant.serves())
    }

    /// It waits before it tries again.
    pub(super) fn backs_off(&self) -> bool {
        self.current.is_none() && self.not_before.is_some()
    }

    pub(super) fn empty(&self) -> bool {
        self.tenants().next().is_none()
    }

    pub(super) fn place(&self) -> Place {
        self.place
    }

    pub(super) fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    /// What the slot is doing, for those who look.
    pub(super) fn phase(&self) -> Phase {
        match (self.current.or(self.leaving).map(|tenant| tenant.life), self.not_before) {
            (None, Some(_)) => Phase::BackingOff,
            (None, None) => Phase::Vacant,
            (Some(Life::Starting { .. }), _) => Phase::Starting,
            (Some(Life::Ready | Life::Proving { .. }), _) => Phase::Ready,
            (Some(Life::Draining { .. } | Life::Killed), _) => Phase::Draining,
        }
    }
}
