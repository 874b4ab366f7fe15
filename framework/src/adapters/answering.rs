//! Answers, counted, and the last ones of their connections.

use std::sync::Arc;
use std::time::Duration;

use crate::worker::{Hosted, Phase};

/// An answer whose head is about to be sent. Keep it until the body has been: another request may follow
/// on the connection then, which the drain of a worker waits for, but for one that does not end: no longer
/// than half of the grace period.
#[derive(Debug)]
#[must_use = "drop it when the answer has ended"]
pub struct Answering {
    hosted: Arc<Hosted>,
    last: bool,
}

impl Answering {
    pub(super) fn begin(hosted: &Arc<Hosted>, duration: Duration) -> Self {
        let last = hosted.answers(duration) >= Phase::Draining;
        Self { hosted: Arc::clone(hosted), last }
    }

    /// The worker drains: this is to be the last answer on its connection, and its head is to say so
    /// (`Connection: close`).
    pub fn is_last(&self) -> bool {
        self.last
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        if !self.last {
            self.hosted.answered();
        }
    }
}
