//! The clock that all processes of one machine read alike.

use std::fs;

use nix::time::{ClockId, clock_gettime};

/// `CLOCK_MONOTONIC` in nanoseconds: comparable between the processes of one boot, unlike
/// [`std::time::Instant`], whose value is private. 0 if the kernel refuses, which it never does.
pub(crate) fn monotonic_ns() -> u64 {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |time| {
        let seconds = u64::try_from(time.tv_sec()).unwrap_or(0);
        let nanoseconds = u64::try_from(time.tv_nsec()).unwrap_or(0);
        seconds * 1_000_000_000 + nanoseconds
    })
}

/// What [`monotonic_ns`] is ahead of the clock that programs in the kernel read: containers can have a
/// clock of their own (`time_namespaces(7)`).
pub(crate) fn namespace_offset_ns() -> i64 {
    offset_ns(&fs::read_to_string("/proc/self/timens_offsets").unwrap_or_default()).unwrap_or(0)
}

/// A line for each clock: its name, seconds, nanoseconds.
fn offset_ns(text: &str) -> Option<i64> {
    let line = text.lines().find_map(|line| line.strip_prefix("monotonic"))?;
    let mut numbers = line.split_whitespace().map(str::parse::<i64>);
    let (seconds, nanoseconds) = (numbers.next()?.ok()?, numbers.next()?.ok()?);
    seconds.checked_mul(1_000_000_000)?.checked_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_of_a_time_namespace_is_read() {
        let text = "monotonic       -86400         7\nboottime             0         0\n";
        assert_eq!(offset_ns(text), Some(-86_399_999_999_993));
        assert_eq!(offset_ns(""), None);
    }
}
