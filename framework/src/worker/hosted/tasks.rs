//! What tasks of a runtime ask for, besides.

use std::io;
use std::net::SocketAddr;
use std::task::{Context, Poll, Waker};

use super::{Arrived, Hosted, Phase, State};
use crate::sys::clock::monotonic_ns;

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

    /// Nobody takes connections any more.
    pub(crate) fn stop_taking(&self) {
        self.with(State::stop_taking);
    }

    /// The loop gets on, though it has not waited.
    pub(crate) fn gets_on(&self) {
        self.with(|state| state.intake.birth.seat.progress(monotonic_ns()));
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
    pub(super) fn stop_taking(&mut self) {
        self.wanted = false;
        for place in self.intake.sources.places() {
            self.intake.hold(place);
        }
        // Perhaps nothing is left to wait for.
        self.ring();
    }
}

fn note(wakers: &mut Vec<Waker>, waker: &Waker) {
    if !wakers.iter().any(|known| known.will_wake(waker)) {
        wakers.push(waker.clone());
    }
}
