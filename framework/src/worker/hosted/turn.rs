//! One turn of the intake, between two of somebody else's loop.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::task::Waker;
use std::time::{Duration, Instant};

use mio::Events;

use super::{Cut, Phase, State};
use crate::birth::Birth;
use crate::net::channel::{Order, Report};
use crate::output;
use crate::worker::intake::{Arrival, Going, MASTER, SIGNALS};
use crate::worker::mailbox;
use crate::worker::sources::PRIMARY;
use crate::worker::stream::Origin;

/// A connection for the user.
pub(crate) struct Arrived {
    pub(crate) socket: OwnedFd,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) origin: Origin,
}

impl State {
    /// Takes one that is here, and looks for more only if none is.
    pub(super) fn take(&mut self) -> io::Result<Option<Arrived>> {
        if !self.wanted {
            self.intake.appear()?;
            self.wanted = true;
            self.go_on_accepting()?;
        }
        let Some(Arrival { stream, remote }) = self.intake.arrivals.pop_front() else {
            return Ok(None);
        };
        if self.intake.arrivals.is_empty() {
            self.go_on_accepting()?;
        }
        let origin = stream.origin();
        Ok(Some(Arrived { socket: stream.into(), remote, origin }))
    }

    /// What was held back is waited on again.
    fn go_on_accepting(&mut self) -> io::Result<()> {
        self.intake.now = Instant::now();
        self.intake.resume_accepting();
        self.set_alarm()
    }

    pub(super) fn count_request(&mut self, duration: Duration) {
        self.requests += 1;
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        self.intake.birth.seat.count_request(nanoseconds);
    }

    pub(super) fn closed(&mut self, origin: Origin) {
        let full = self.intake.is_full();
        self.intake.closed(origin);
        if full || self.intake.is_draining() {
            self.ring();
        }
    }

    /// Whether there was nothing to do.
    pub(super) fn turn(&mut self) -> io::Result<bool> {
        let mut events = std::mem::replace(&mut self.events, Events::with_capacity(1));
        let looked = self.intake.poll.poll(&mut events, Some(Duration::ZERO));
        let result = match looked {
            Ok(()) => self.turn_for(&events).map(|()| events.is_empty()),
            // What came with the signal is looked at.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(false),
            Err(error) => Err(error),
        };
        self.events = events;
        result
    }

    fn turn_for(&mut self, events: &Events) -> io::Result<()> {
        self.intake.now = Instant::now();
        if self.intake.has_appeared() {
            self.intake.wake();
        }
        self.intake.sources.primary_mut().begin_turn(events.is_empty());
        if events.iter().any(|event| event.token() == MASTER) {
            let news = &mut self.news;
            self.intake.take_orders(&mut |birth, order| run_errand(birth, order, news));
        }
        let signals = events.iter().any(|event| event.token() == SIGNALS);
        if signals && self.intake.take_signals() == Going::Cut {
            self.cut = Some(Cut::Told);
            self.reach(Phase::Over);
        }
        for event in events {
            if let Some(place) = self.intake.sources.place(event.token()) {
                self.accept_or_hold(place);
            }
        }
        if self.intake.has_appeared() {
            self.look_around();
        }
        self.set_alarm()
    }

    fn look_around(&mut self) {
        if self.wanted && self.intake.is_in_doubt() {
            self.accept_or_hold(PRIMARY);
        }
        self.intake.look_at_term(self.requests);
        if self.wanted && self.intake.arrivals.is_empty() {
            self.intake.resume_accepting();
        }
        self.drain();
        if !self.attended {
            self.intake.end_work();
        }
        if !self.intake.arrivals.is_empty() {
            self.called.append(&mut self.takers);
        }
    }

    /// What the user does not take waits where it is.
    fn accept_or_hold(&mut self, place: usize) {
        if !self.wanted || !self.intake.arrivals.is_empty() {
            return self.intake.hold(place);
        }
        if self.intake.accept(place) {
            self.intake.be_full();
        }
        if !self.intake.arrivals.is_empty() {
            self.patient_until = self.intake.now + self.intake.patience();
        }
    }

    /// Goes through the phases of a drain.
    fn drain(&mut self) {
        if !self.intake.is_draining() {
            return;
        }
        if self.phase == Phase::Serving {
            self.patient_until = self.intake.now + self.intake.patience();
            self.reach(Phase::Draining);
        }
        if self.intake.time_is_up() {
            self.cut = Some(Cut::TimeUp);
            return self.reach(Phase::Over);
        }
        let patient = self.unfinished > 0 || self.intake.now < self.patient_until;
        let patient = patient && !self.intake.is_empty();
        if !patient {
            self.intake.admit_all();
        }
        if !patient || self.intake.empties_queues() {
            self.empty_queues();
        }
        if patient || !self.intake.arrivals.is_empty() || !self.intake.brings_nothing_more() {
            return;
        }
        self.emptied |= self.wanted && self.intake.owes_queue();
        self.reach(Phase::Settled);
        if self.intake.is_done() {
            self.reach(Phase::Over);
        }
    }

    /// Looks for all that waits and is not left to others.
    fn empty_queues(&mut self) {
        if !self.wanted || !self.intake.arrivals.is_empty() {
            return;
        }
        for place in self.intake.sources.places() {
            if self.intake.arrivals.is_empty() && self.intake.fetch(place) {
                self.accept_or_hold(place);
            }
        }
        if self.intake.arrivals.is_empty() {
            self.intake.close_emptied();
        }
    }

    fn reach(&mut self, phase: Phase) {
        if self.phase >= phase {
            return;
        }
        self.phase = phase;
        mailbox::begin_drain();
        let called = &mut self.called;
        self.waiting.retain(|(awaited, waker)| {
            let waits = *awaited > phase;
            if !waits {
                called.push(Waker::clone(waker));
            }
            waits
        });
        if phase == Phase::Over {
            self.called.append(&mut self.takers);
        }
    }

    fn set_alarm(&mut self) -> io::Result<()> {
        let patience = (self.phase == Phase::Draining && self.patient_until > self.intake.now)
            .then_some(self.patient_until);
        let due = self.intake.due().into_iter().chain(patience).min();
        let now = self.intake.hesitates().then_some(self.intake.now);
        self.alarm.set(now.or(due))
    }

    pub(super) fn ring(&mut self) {
        if let Err(error) = self.alarm.ring() {
            tracing::error!("the timer of this worker is broken: {error}");
        }
    }
}

/// This worker writes no access log of ours.
fn run_errand(birth: &Birth, order: &Order, news: &mut Vec<Vec<u8>>) {
    match order {
        Order::Reopen { number } => {
            let reopened = Report::Reopened { number: *number, failure: output::reopen() };
            // Without a master nobody waits for it.
            let _ = birth.channel.report(&reopened);
        }
        Order::Message(bytes) => news.push(bytes.clone()),
        _ => {}
    }
}

impl fmt::Debug for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("State").field("phase", &self.phase).finish_non_exhaustive()
    }
}
