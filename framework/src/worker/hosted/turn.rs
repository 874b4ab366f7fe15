//! One turn of the intake, between two of somebody else's loop.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use mio::Events;

use super::{Cut, Phase, State};
use crate::birth::Birth;
use crate::net::channel::{Order, Report};
use crate::output;
use crate::worker::intake::{Arrival, Going, MASTER, SIGNALS};
use crate::worker::sources::PRIMARY;
use crate::worker::stream::Origin;

/// A connection for the user.
pub(crate) struct Arrived {
    pub(crate) socket: OwnedFd,
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) origin: Origin,
}

impl State {
    /// Takes one that is here, and looks for more only if none is. After an error there is nothing to be
    /// had: whoever goes round is told the same, and so is whoever takes the turns.
    pub(super) fn take(&mut self) -> io::Result<Option<Arrived>> {
        self.is_well()?;
        let taken = self.take_one();
        if let Err(error) = &taken {
            self.failure = Some(copy(error));
            self.ring();
        }
        taken
    }

    fn is_well(&self) -> io::Result<()> {
        self.failure.as_ref().map_or(Ok(()), |error| Err(copy(error)))
    }

    fn take_one(&mut self) -> io::Result<Option<Arrived>> {
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
        if self.intake.is_draining() {
            // It may have waited here for long.
            self.patient_until = Instant::now() + self.intake.patience();
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
        // No turn may follow for long.
        self.intake.look_at_term(self.requests);
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
        self.is_well()?;
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
    pub(super) fn accept_or_hold(&mut self, place: usize) {
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

    fn set_alarm(&mut self) -> io::Result<()> {
        let due = self.intake.due().into_iter().chain(self.patience_ends()).min();
        let now = self.intake.hesitates().then_some(self.intake.now);
        self.alarm.set(now.or(due))
    }

    pub(super) fn ring(&mut self) {
        if let Err(error) = self.alarm.ring() {
            tracing::error!("the timer of this worker is broken: {error}");
        }
    }
}

fn copy(error: &io::Error) -> io::Error {
    let text = || io::Error::new(error.kind(), error.to_string());
    error.raw_os_error().map_or_else(text, io::Error::from_raw_os_error)
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
