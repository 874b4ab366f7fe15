//! What tasks of a runtime ask for, besides.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use super::{Arrived, Hosted, Phase, State};
use crate::sys::clock::monotonic_ns;
use crate::worker::intake::Arrival;
use crate::worker::sources::PRIMARY;

impl Hosted {
    /// The same for a task, which is woken when there is one; `None` when there will be no more.
    pub(crate) fn poll_take(&self, context: &Context<'_>) -> Poll<io::Result<Option<Arrived>>> {
        self.with(|state| match state.take() {
            Ok(None) if state.phase < Phase::Over => {
                note(&mut state.takers, context.waker());
                Poll::Pending
            }
            other => Poll::Ready(other),
        })
    }

    /// There is one more listener.
    pub(crate) fn add_listener(&self) {
        self.with(|state| state.listeners += 1);
    }

    /// There is one less. Without any, nobody takes connections.
    pub(crate) fn drop_listener(&self) {
        let given_up = self.with(|state| {
            state.listeners = state.listeners.saturating_sub(1);
            let last = state.listeners == 0 && state.wanted;
            if last { state.stop_taking() } else { VecDeque::new() }
        });
        if !given_up.is_empty() {
            let connections = given_up.len();
            tracing::warn!(
                connections,
                "accepted, and not taken before the last listener was dropped: they are closed"
            );
        }
    }

    /// The loop gets on, though it has not waited.
    pub(crate) fn gets_on(&self) {
        self.with(|state| state.intake.birth.seat.progress(monotonic_ns()));
    }

    /// It drains, and connections are left.
    pub(crate) fn is_finishing(&self) -> bool {
        self.with(|state| state.intake.is_draining() && !state.intake.is_empty())
    }

    /// The address of the listener, if it has one.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        self.with(|state| {
            let bound = state.intake.sources.primary().local_address();
            bound.or(state.intake.birth.plan.address.tcp())
        })
    }
}

impl State {
    /// What was accepted and not taken: it is counted as closed, and nobody is left who would serve it.
    fn stop_taking(&mut self) -> VecDeque<Arrival> {
        self.wanted = false;
        for place in self.intake.sources.places() {
            self.intake.hold(place);
        }
        if self.intake.sources.primary().has_taken() {
            self.intake.accept(PRIMARY);
        }
        let given_up = std::mem::take(&mut self.intake.arrivals);
        for arrival in &given_up {
            self.closed(arrival.stream.origin());
        }
        // Perhaps nothing is left to wait for.
        self.ring();
        given_up
    }
}

fn note(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|known| known.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}
