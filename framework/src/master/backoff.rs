//! How long a place waits before it is tried again.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::limits::{BACKOFF_FIRST, BACKOFF_MAX};

/// Counts the processes of one place that died young, one after the other.
///
/// The pause grows by half each time, as in einhorn and PM2, and never past [`BACKOFF_MAX`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// Notes one more failure; how long to wait now.
    pub(crate) fn failed(&mut self) -> Duration {
        let mut pause = BACKOFF_FIRST;
        for _ in 0..self.failures {
            pause = (pause * 3 / 2).min(BACKOFF_MAX);
            if pause == BACKOFF_MAX {
                break;
            }
        }
        self.failures = self.failures.saturating_add(1);
        pause
    }

    /// Notes that a process was healthy: the next failure is the first again.
    pub(crate) fn healthy(&mut self) {
        self.failures = 0;
    }

    /// Failures since the last healthy process.
    pub(crate) fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pause_grows_by_half_from_100_ms_to_30_s() {
        let mut backoff = Backoff::default();
        let pauses: Vec<u128> = (0..20).map(|_| backoff.failed().as_millis()).collect();
        assert_eq!(pauses[..4], [100, 150, 225, 337]);
        assert_eq!(pauses[19], 30_000);
        assert!(pauses.is_sorted());
    }

    #[test]
    fn a_healthy_process_makes_the_next_failure_the_first() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert_eq!(backoff.failed(), BACKOFF_MAX);
        backoff.healthy();
        assert_eq!(backoff.failed(), BACKOFF_FIRST);
    }
}
