//! How even a distribution is.

use serde::{Serialize, Serializer};
use statrs::distribution::{ChiSquared, ContinuousCDF};

/// Figures of connections counted by worker. Each follows from the counts alone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Evenness {
    /// Share of the busiest worker, 0 to 1.
    #[serde(serialize_with = "six_digits")]
    pub(crate) max_share: f64,
    /// Share of the two busiest workers, 0 to 1.
    #[serde(serialize_with = "six_digits")]
    pub(crate) top2_share: f64,
    /// Coefficient of variation: standard deviation (of the population) over mean.
    #[serde(serialize_with = "six_digits")]
    pub(crate) cov: f64,
    /// What the coefficient of variation is expected to be when each connection falls on a worker by
    /// chance: √((workers − 1) / connections), from the multinomial distribution.
    #[serde(serialize_with = "six_digits")]
    pub(crate) cov_by_chance: f64,
    /// The busiest worker over the mean.
    #[serde(serialize_with = "six_digits")]
    pub(crate) max_over_mean: f64,
    /// Jain's index: 1 when all are equal, 1/workers when one has all (Jain, Chiu, Hawe 1984).
    #[serde(serialize_with = "six_digits")]
    pub(crate) jain: f64,
    /// Pearson's chi-square against the uniform distribution, workers − 1 degrees of freedom.
    #[serde(serialize_with = "six_digits")]
    pub(crate) chi_square: f64,
    /// Probability of so large a chi-square by chance alone.
    #[serde(serialize_with = "six_digits")]
    pub(crate) p_value: f64,
    /// The busiest worker less the idlest one, connections.
    pub(crate) spread: u64,
}

impl Evenness {
    /// `None` without connections, or with fewer than two workers.
    #[allow(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
    pub(crate) fn of(counts: &[u64]) -> Option<Self> {
        let total: u64 = counts.iter().sum();
        let freedom = ChiSquared::new(counts.len().checked_sub(1)? as f64).ok()?;
        if total == 0 {
            return None;
        }
        let (n, workers) = (total as f64, counts.len() as f64);
        let mean = n / workers;
        let squares: f64 = counts.iter().map(|count| (*count as f64 - mean).powi(2)).sum();
        let mut sorted = counts.to_vec();
        sorted.sort_unstable_by(|a, b| b.cmp(a));
        let (most, least) = (sorted[0], sorted[sorted.len() - 1]);
        let chi_square = squares / mean;
        Some(Self {
            max_share: most as f64 / n,
            top2_share: (most + sorted[1]) as f64 / n,
            cov: (squares / workers).sqrt() / mean,
            cov_by_chance: ((workers - 1.0) / n).sqrt(),
            max_over_mean: most as f64 / mean,
            jain: n * n / (workers * counts.iter().map(|c| (*c as f64).powi(2)).sum::<f64>()),
            chi_square,
            p_value: freedom.sf(chi_square),
            spread: most - least,
        })
    }
}

/// Writes six digits after the point: the counts are beside it for whoever wants more.
#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
pub(crate) fn six_digits<S: Serializer>(value: &f64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((value * 1e6).round() / 1e6)
}

/// A count or a time in whole units, for a quotient.
#[allow(clippy::cast_precision_loss, reason = "nanoseconds of weeks stay below 2^52")]
pub(crate) fn float(number: impl TryInto<u64>) -> f64 {
    number.try_into().map_or(0.0, |number| number as f64)
}

/// The middle value, or the mean of the two middle ones; `None` of nothing.
pub(crate) fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let upper = *sorted.get(sorted.len() / 2)?;
    let lower = sorted[(sorted.len() - 1) / 2];
    Some(f64::midpoint(lower, upper))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Splitmix64 (Steele, Lea, Flood 2014): the tests need chance that is the same on each run.
    fn chance(state: &mut u64) -> u64 {
        *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = *state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn close(a: f64, b: f64, by: f64) {
        assert!((a - b).abs() <= by, "{a} is not {b}");
    }

    #[test]
    fn known_counts_give_known_figures() {
        let figures = Evenness::of(&[30, 10, 20, 40]).unwrap();
        close(figures.max_share, 0.4, 1e-12);
        close(figures.top2_share, 0.7, 1e-12);
        close(figures.cov, 125f64.sqrt() / 25.0, 1e-12);
        close(figures.cov_by_chance, 0.03f64.sqrt(), 1e-12);
        close(figures.max_over_mean, 1.6, 1e-12);
        close(figures.jain, 10_000.0 / (4.0 * 3_000.0), 1e-12);
        close(figures.chi_square, 20.0, 1e-12);
        close(figures.p_value, 1.697e-4, 1e-6);
        assert_eq!(figures.spread, 30);
    }

    #[test]
    fn the_p_value_agrees_with_the_printed_table_of_chi_square() {
        // Upper 5% and 1% points, from any table, for 1, 3 and 7 degrees of freedom.
        for (freedom, point, share) in
            [(1.0, 3.841, 0.05), (3.0, 7.815, 0.05), (7.0, 14.067, 0.05), (7.0, 18.475, 0.01)]
        {
            close(ChiSquared::new(freedom).unwrap().sf(point), share, 1e-4);
        }
    }

    #[test]
    fn equal_counts_are_perfect_and_nothing_has_no_figures() {
        let figures = Evenness::of(&[7; 8]).unwrap();
        close(figures.p_value, 1.0, 1e-12);
        close(figures.jain, 1.0, 1e-12);
        assert_eq!(Evenness::of(&[0, 0]), None);
        assert_eq!(Evenness::of(&[5]), None);
        assert_eq!(Evenness::of(&[]), None);
    }

    #[test]
    fn uniform_draws_give_uniform_p_values_and_a_skew_is_found() {
        let mut state = 1;
        let mut values = Vec::new();
        for _ in 0..1000 {
            let mut counts = [0; 8];
            (0..2000).for_each(|_| counts[usize::try_from(chance(&mut state) % 8).unwrap()] += 1);
            values.push(Evenness::of(&counts).unwrap().p_value);
            // One worker gets twice as much as each other one.
            let mut skewed = [0; 8];
            (0..2000).for_each(|_| {
                skewed[usize::try_from(chance(&mut state) % 9).unwrap().min(7)] += 1;
            });
            assert!(Evenness::of(&skewed).unwrap().p_value < 0.01, "{skewed:?}");
        }
        // Kolmogorov and Smirnov: beyond 1.95/√n once in a thousand.
        values.sort_by(f64::total_cmp);
        let furthest =
            values.iter().zip(1u32..).map(|(p, rank)| (p - f64::from(rank) / 1000.0).abs());
        let furthest = furthest.fold(0.0, f64::max);
        assert!(furthest < 1.95 / 1000f64.sqrt(), "{furthest}");
    }

    #[test]
    fn the_median_of_an_even_number_is_between_the_middle_two() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median(&[]), None);
    }
}
