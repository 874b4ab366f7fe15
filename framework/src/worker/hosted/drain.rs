//! The phases of a drain.

use std::time::Instant;

use super::{Cut, State};
use crate::limits::FINISH_PARTS;
use crate::worker::mailbox;

/// How far this worker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Phase {
    Serving,
    Draining,
    /// Whoever has been silent since may be closed; others may still come.
    Impatient,
    /// Nothing more comes, and those that came last have had their time as well.
    Settled,
    /// No connection is left.
    Over,
}

impl State {
    /// Goes through the phases of a drain.
    pub(super) fn drain(&mut self) {
        if !self.intake.is_draining() {
            return;
        }
        if self.phase == Phase::Serving {
            self.begin_drain();
        }
        if self.intake.time_is_up() {
            self.cut = Some(Cut::TimeUp);
            return self.reach(Phase::Over);
        }
        if self.phase == Phase::Draining && !self.is_patient() {
            self.be_impatient();
        }
        let looks = self.phase >= Phase::Impatient || self.intake.empties_queues();
        let all_empty = looks && self.empty_queues();
        if !all_empty || self.phase < Phase::Impatient || self.waits_for_the_newest() {
            return;
        }
        // Where nobody takes anything, it is of no account what may come.
        if self.wanted && !self.intake.brings_nothing_more() {
            return;
        }
        self.emptied |= self.wanted && self.intake.owes_queue();
        self.reach(Phase::Settled);
        if self.intake.is_empty() {
            self.reach(Phase::Over);
        }
    }

    fn begin_drain(&mut self) {
        let now = self.intake.now;
        self.patient_until = now + self.intake.patience();
        let grace = self.intake.drain_deadline().map(|deadline| deadline.duration_since(now));
        self.finish_until = now + grace.unwrap_or_default() / FINISH_PARTS;
        self.reach(Phase::Draining);
    }

    /// One of the connections may still ask.
    fn is_patient(&self) -> bool {
        let finishes = self.unfinished > 0 && self.intake.now < self.finish_until;
        finishes && !self.intake.is_empty() || self.waits_for_the_newest()
    }

    fn waits_for_the_newest(&self) -> bool {
        self.intake.now < self.patient_until && !self.intake.is_empty()
    }

    /// Whoever waits is taken, however many there are: nobody else would answer them, and the idle ones may
    /// not go before all have come.
    fn be_impatient(&mut self) {
        self.reach(Phase::Impatient);
        self.intake.lift_limit();
        if self.wanted && self.intake.arrivals.is_empty() {
            self.intake.resume_accepting();
        }
    }

    /// Looks for all that waits and is not left to others. True when nothing was found anywhere, and not
    /// for want of room, or when nobody takes anything.
    fn empty_queues(&mut self) -> bool {
        if !self.intake.arrivals.is_empty() {
            return false;
        }
        if !self.wanted {
            return true;
        }
        for place in self.intake.sources.places() {
            if self.intake.fetch(place) {
                self.accept_or_hold(place);
                if !self.intake.arrivals.is_empty() || self.intake.is_full() {
                    return false;
                }
            }
        }
        self.intake.close_emptied();
        true
    }

    pub(super) fn reach(&mut self, phase: Phase) {
        if self.phase >= phase {
            return;
        }
        let before = std::mem::replace(&mut self.phase, phase);
        mailbox::begin_drain();
        self.called.extend(self.waiting.woken(before, phase));
        if phase == Phase::Over {
            self.called.append(&mut self.takers);
        }
    }

    /// When to look again.
    pub(super) fn patience_ends(&self) -> Option<Instant> {
        let draining = (Phase::Draining..Phase::Settled).contains(&self.phase);
        let finishes = (self.phase == Phase::Draining && self.unfinished > 0)
            .then_some(self.finish_until)
            .filter(|until| *until > self.intake.now);
        let patient = Some(self.patient_until).filter(|until| *until > self.intake.now);
        patient.into_iter().chain(finishes).min().filter(|_| draining)
    }
}
