//! What ends a worker's time.

use std::time::Duration;

/// What ends a worker's time, besides a signal.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Term {
    /// Away from its loop for so long, it hangs.
    pub(crate) hang_timeout: Option<Duration>,
    /// Private octets of memory.
    pub(crate) memory_max: Option<u64>,
    pub(crate) requests_max: Option<u64>,
    pub(crate) age_max: Option<Duration>,
}
