//! Waiting for a condition, never for a time.

use std::time::{Duration, Instant};

/// After so long a condition will not come true any more. A guard against hanging tests, not a
/// measure of speed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Returns as soon as `condition` gives something.
pub(crate) fn wait_for<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for: {what}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// Returns as soon as `condition` is true.
pub(crate) fn wait_until(what: &str, mut condition: impl FnMut() -> bool) {
    wait_for(what, || condition().then_some(()));
}
