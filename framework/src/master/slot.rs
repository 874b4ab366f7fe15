//! One place and the processes in it.

use std::time::{Duration, Instant};

use super::backoff::Backoff;
use super::event::Exit;
use crate::birth::code;
use crate::board::Phase;
use crate::ids::{ChildId, Generation, Place};

/// A place, its newest process, and the predecessor that may still be draining.
#[derive(Clone, Debug)]
pub(crate) struct Slot {
    place: Place,
    generation: Generation,
    pub(super) current: Option<Tenant>,
    pub(super) leaving: Option<Tenant>,
    backoff: Backoff,
    not_before: Option<Instant>,
    /// The slot's own listener listens.
    pub(super) listening: bool,
    pub(super) retirement: Retirement,
    ever_tried: bool,
}

/// Whether the slot is to have a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Retirement {
    No,
    /// Its worker drains; after this many died before they were done.
    Draining {
        failures: u32,
    },
    /// What stood in its accept queue has been answered.
    Done,
}

/// A process in a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tenant {
    pub(super) id: ChildId,
    pub(super) life: Life,
    pub(super) ready_since: Option<Instant>,
    /// Made known to this generation of the dispatcher.
    pub(super) introduced: Option<Generation>,
    /// Gets no more sockets from the dispatcher.
    pub(super) parted: bool,
}

/// How far a process has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Life {
    Starting {
        until: Instant,
    },
    Ready,
    /// `told`: it has been sent the order with its present meaning.
    Draining {
        until: Instant,
        told: bool,
        empty_queue: bool,
    },
    Killed,
}

impl Slot {
    pub(super) fn new(place: Place) -> Self {
        Self {
            place,
            generation: Generation::default(),
            current: None,
            leaving: None,
            backoff: Backoff::default(),
            not_before: None,
            listening: false,
            retirement: Retirement::No,
            ever_tried: false,
        }
    }

    /// Puts the next process into the slot, if it wants one now. A draining predecessor moves over.
    pub(super) fn occupy(&mut self, now: Instant, ready_timeout: Duration) -> Option<ChildId> {
        if !self.wants_process() || self.not_before.is_some_and(|time| time > now) {
            return None;
        }
        self.leaving = self.leaving.take().or(self.current.take());
        self.not_before = None;
        self.generation = self.generation.next();
        let id = ChildId { place: self.place, generation: self.generation };
        let life = Life::Starting { until: now + ready_timeout };
        self.current =
            Some(Tenant { id, life, ready_since: None, introduced: None, parted: false });
        Some(id)
    }

    fn wants_process(&self) -> bool {
        let needed = match self.retirement {
            Retirement::No => true,
            Retirement::Draining { .. } => self.listening && self.current.is_none(),
            Retirement::Done => false,
        };
        let room = match self.current {
            None => true,
            Some(tenant) => tenant.drains() && self.leaving.is_none(),
        };
        needed && room
    }

    /// The process of this identity, if it is here.
    pub(super) fn tenant(&mut self, id: ChildId) -> Option<&mut Tenant> {
        self.tenants_mut().find(|tenant| tenant.id == id)
    }

    pub(super) fn tenants(&self) -> impl Iterator<Item = &Tenant> {
        self.leaving.iter().chain(self.current.iter())
    }

    pub(super) fn tenants_mut(&mut self) -> impl Iterator<Item = &mut Tenant> {
        self.leaving.iter_mut().chain(self.current.iter_mut())
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
        if self.leaving.is_some_and(|tenant| tenant.id == id) {
            self.leaving = None;
            return None;
        }
        let tenant = self.current.take_if(|tenant| tenant.id == id)?;
        if let Retirement::Draining { failures } = self.retirement {
            self.retirement = match exit {
                Exit::Code(code::DONE) => Retirement::Done,
                _ => Retirement::Draining { failures: failures + 1 },
            };
            return None;
        }
        let healthy = tenant.ready_since.is_some_and(|since| now - since >= min_uptime);
        if tenant.drains() || (healthy && exit != Exit::Code(code::RETRY_LATER)) {
            self.backoff.healthy();
            return None;
        }
        let pause = self.backoff.failed();
        self.not_before = Some(now + pause);
        Some(pause)
    }

    /// When the slot next wants something done.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let waits = self.not_before.filter(|_| self.wants_process());
        let tenants = self.tenants().filter_map(Tenant::deadline);
        tenants.chain(waits).min()
    }

    /// No process is, or was ever, due to report that it is ready.
    pub(super) fn settled(&self) -> bool {
        self.ready() || self.ever_tried
    }

    /// Its newest process serves.
    pub(super) fn ready(&self) -> bool {
        self.current.is_some_and(|tenant| tenant.life == Life::Ready)
    }

    pub(super) fn empty(&self) -> bool {
        self.current.is_none() && self.leaving.is_none()
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
            (Some(Life::Ready), _) => Phase::Ready,
            (Some(Life::Draining { .. } | Life::Killed), _) => Phase::Draining,
        }
    }
}

impl Tenant {
    pub(super) fn drains(&self) -> bool {
        matches!(self.life, Life::Draining { .. })
    }

    /// Begins a drain, or gives one that has begun its present meaning. A deadline is never put off.
    pub(super) fn drain(&mut self, until: Instant, empty_queue: bool) {
        self.life = match self.life {
            Life::Killed => Life::Killed,
            Life::Draining { until: earlier, empty_queue: before, told } => {
                let told = told && before == empty_queue && earlier <= until;
                Life::Draining { until: earlier.min(until), told, empty_queue }
            }
            Life::Starting { .. } | Life::Ready => {
                Life::Draining { until, told: false, empty_queue }
            }
        };
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self.life {
            Life::Starting { until } | Life::Draining { until, .. } => Some(until),
            Life::Ready | Life::Killed => None,
        }
    }

    /// It has had its time.
    pub(super) fn overdue(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }
}
