//! How even the workers' shares of the connections are, beside what chance alone would make of them.

use serde::Serialize;

use crate::board;

/// How even the shares are. Each connection that falls to one of N workers by chance makes shares whose
/// coefficient of variation is sqrt((N-1)/n) after n of them (the multinomial distribution).
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub(super) struct Skew {
    /// The shares' standard deviation, by their mean.
    pub(super) cov: f64,
    /// The largest share.
    pub(super) max_share: f64,
    /// What chance alone would make of `cov`.
    pub(super) expected_cov: f64,
    /// A share is between these two in 95 of 100 cases, by chance alone.
    pub(super) expected_low: f64,
    pub(super) expected_high: f64,
}

/// 95 of 100 values of a normal distribution are within so many standard deviations.
const DEVIATIONS: f64 = 1.96;

impl Skew {
    /// Of these counts, one for each worker. All is 0 when there is none, or nothing was counted.
    #[allow(clippy::cast_precision_loss, reason = "shares need no more than 52 bits")]
    pub(super) fn of(counts: &[u64]) -> Self {
        let total = board::total(counts.iter().copied());
        let (workers, total) = (counts.len() as f64, total as f64);
        if total == 0.0 {
            return Self::default();
        }
        let mean = 1.0 / workers;
        let shares = || counts.iter().map(|count| *count as f64 / total);
        let variance = shares().map(|share| (share - mean).powi(2)).sum::<f64>() / workers;
        let deviation = (mean * (1.0 - mean) / total).sqrt();
        Self {
            cov: variance.sqrt() / mean,
            max_share: shares().fold(0.0, f64::max),
            expected_cov: ((workers - 1.0) / total).sqrt(),
            expected_low: (mean - DEVIATIONS * deviation).max(0.0),
            expected_high: (mean + DEVIATIONS * deviation).min(1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_measured_against_chance() {
        let near = |one: f64, other: f64| (one - other).abs() < 1e-9;
        let even = Skew::of(&[25, 25, 25, 25]);
        assert!(near(even.cov, 0.0) && near(even.max_share, 0.25));
        assert!(near(even.expected_cov, 0.03_f64.sqrt()));
        assert!(even.expected_low < 0.25 && even.expected_high > 0.25);
        let one = Skew::of(&[100, 0]);
        assert!(near(one.cov, 1.0) && near(one.max_share, 1.0));
        let single = Skew::of(&[7]);
        assert!(near(single.expected_low, 1.0) && near(single.expected_high, 1.0));
        for none in [&[][..], &[0, 0]] {
            assert_eq!(Skew::of(none), Skew::default());
        }
    }
}
