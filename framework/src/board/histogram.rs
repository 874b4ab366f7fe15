//! Latencies in fixed, log-linear buckets of atomics.
//!
//! Four buckets for each doubling, as in HdrHistogram with two significant bits: a value is known
//! to within 25%. The range is one microsecond to 67 seconds.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::seat::{add, total};

/// 4 for the values 0 to 3, then 4 for each of the doublings from 4 µs to 2²⁶ µs.
const BUCKETS: usize = 4 + 4 * 24;

/// Counts of durations in microseconds.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Histogram([AtomicU64; BUCKETS]);

impl Default for Histogram {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; BUCKETS])
    }
}

impl Histogram {
    /// Counts one duration. For the one writer.
    pub(crate) fn record(&self, microseconds: u64) {
        let bucket = &self.0[bucket_of(microseconds)];
        add(bucket, 1);
    }

    /// Adds this histogram's counts to `sums`, one for each bucket.
    pub(crate) fn add_to(&self, sums: &mut Vec<u64>) {
        sums.resize(BUCKETS, 0);
        for (sum, bucket) in sums.iter_mut().zip(&self.0) {
            *sum = sum.wrapping_add(bucket.load(Relaxed));
        }
    }
}

/// The highest value, in microseconds, that falls into the bucket in which the `quantile` (0 to 1)
/// of all counted values lies. `None` if nothing was counted.
pub(crate) fn quantile_us(counts: &[u64], quantile: f64) -> Option<u64> {
    let all = total(counts.iter().copied());
    // The rank is far below 2^52 for any count that a server reaches.
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_precision_loss,
        clippy::cast_sign_loss,
        reason = "0 <= quantile <= 1, so the rank is a count no larger than the total"
    )]
    let rank = ((quantile.clamp(0.0, 1.0) * all as f64).ceil() as u64).max(1);
    let mut seen = 0_u64;
    for (bucket, count) in counts.iter().enumerate() {
        seen = seen.saturating_add(*count);
        if seen >= rank {
            return Some(highest_in(bucket));
        }
    }
    None
}

/// How many of the counted values are below 2 to the power of `exponent`, from 2 to 26: there a bucket
/// ends.
pub(crate) fn below_power(counts: &[u64], exponent: u32) -> u64 {
    let below = bucket_of((1 << exponent.clamp(2, 26)) - 1) + 1;
    total(counts.iter().copied().take(below))
}

fn bucket_of(microseconds: u64) -> usize {
    if microseconds < 4 {
        // Below 4, so it fits.
        return usize::try_from(microseconds).unwrap_or(0);
    }
    let exponent = microseconds.ilog2();
    let quarter = (microseconds >> (exponent - 2)) & 3;
    let bucket = 4 * (u64::from(exponent) - 1) + quarter;
    usize::try_from(bucket).unwrap_or(usize::MAX).min(BUCKETS - 1)
}

fn highest_in(bucket: usize) -> u64 {
    if bucket < 4 {
        return bucket as u64;
    }
    let exponent = bucket / 4 + 1;
    let quarter = (bucket % 4) as u64;
    let width = 1u64 << (exponent - 2);
    (4 + quarter) * width + width - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_value_lies_in_a_bucket_that_ends_at_most_a_quarter_above_it() {
        for value in (0..10_000).chain((0..26).map(|shift| (1 << shift) + 1)) {
            let highest = highest_in(bucket_of(value));
            assert!(highest >= value, "{value} is in a bucket that ends at {highest}");
            assert!(highest <= value + value / 4, "{value} is in a bucket that ends at {highest}");
        }
    }

    #[test]
    fn buckets_follow_each_other_without_a_gap() {
        for bucket in 0..BUCKETS - 1 {
            assert_eq!(bucket_of(highest_in(bucket) + 1), bucket + 1);
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn what_is_below_a_power_of_two_is_known_exactly() {
        let histogram = Histogram::default();
        (0..1_000).for_each(|value| histogram.record(value));
        let mut counts = Vec::new();
        histogram.add_to(&mut counts);
        assert_eq!(
            [2, 6, 9, 10, 26].map(|power| below_power(&counts, power)),
            [4, 64, 512, 1_000, 1_000]
        );
    }

    #[test]
    fn quantiles_come_from_the_counts() {
        let histogram = Histogram::default();
        (0..99).for_each(|_| histogram.record(100));
        histogram.record(20_000);
        let mut counts = Vec::new();
        histogram.add_to(&mut counts);
        assert_eq!(quantile_us(&counts, 0.5), Some(111));
        assert_eq!(quantile_us(&counts, 0.99), Some(111));
        assert_eq!(quantile_us(&counts, 1.0), Some(20_479));
        assert_eq!(quantile_us(&[0; BUCKETS], 0.5), None);
    }
}
