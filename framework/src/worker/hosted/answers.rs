//! Answers that the user's server gives.

use std::time::{Duration, Instant};

use super::{Hosted, Phase, State};

impl Hosted {
    /// An answer begins after this time. In phase [`Phase::Serving`] its head does not say that it is the
    /// last one, and [`Hosted::answered`] is to follow at its end.
    pub(crate) fn answers(&self, duration: Duration) -> Phase {
        self.with(|state| {
            state.count_request(duration);
            if state.phase == Phase::Serving {
                state.unfinished += 1;
            }
            state.phase
        })
    }

    /// An answer whose head did not say that it is the last one has ended: another request may follow.
    pub(crate) fn answered(&self) {
        self.with(State::answered);
    }
}

impl State {
    pub(super) fn answered(&mut self) {
        self.unfinished = self.unfinished.saturating_sub(1);
        if self.intake.is_draining() {
            self.patient_until = Instant::now() + self.intake.patience();
            self.ring();
        }
    }
}
