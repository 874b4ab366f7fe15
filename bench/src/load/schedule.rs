//! Which request comes when.

use std::time::Duration;

use fastrand::Rng;

use super::{Class, Load, Pace};

/// The connections that are still to be opened.
#[derive(Debug)]
pub(super) struct Schedule {
    chance: Rng,
    long_share: f64,
    next: Option<Duration>,
    left: u64,
    /// Arrivals per second and the end of them; none in a closed loop.
    poisson: Option<(f64, Duration)>,
}

impl Schedule {
    pub(super) fn new(load: &Load) -> Self {
        let chance = Rng::with_seed(load.seed);
        let long_share = load.long_share;
        let (left, poisson) = match load.pace {
            Pace::NewConnections { requests, .. } => (requests, None),
            Pace::KeepAlive { clients, .. } => (u64::try_from(clients).unwrap_or(u64::MAX), None),
            Pace::Open { per_second, time } => (u64::MAX, Some((per_second, time))),
        };
        let mut this = Self { chance, long_share, next: Some(Duration::ZERO), left, poisson };
        this.plan_next();
        this
    }

    /// When the next connection is to be opened, from the start; `None` after the last.
    pub(super) fn due(&self) -> Option<Duration> {
        self.next
    }

    /// Goes on to the next one.
    pub(super) fn take(&mut self) {
        self.left = self.left.saturating_sub(1);
        self.plan_next();
    }

    /// One connection more: a client lost the one that it had.
    pub(super) fn again(&mut self) {
        self.left += 1;
        self.next = self.next.or(Some(Duration::ZERO));
    }

    /// No more connections.
    pub(super) fn end(&mut self) {
        self.left = 0;
        self.next = None;
    }

    /// A class for the next request.
    pub(super) fn class(&mut self) -> Class {
        if self.chance.f64() < self.long_share { Class::Long } else { Class::Short }
    }

    fn plan_next(&mut self) {
        let Some(last) = self.next else { return };
        self.next = match self.poisson {
            _ if self.left == 0 => None,
            None => Some(Duration::ZERO),
            Some((per_second, end)) => {
                // The time between two arrivals of a Poisson process is exponential.
                let pause = -(1.0 - self.chance.f64()).ln() / per_second;
                Some(last + Duration::from_secs_f64(pause)).filter(|next| *next < end)
            }
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open(seed: u64) -> Load {
        let pace = Pace::Open { per_second: 1000.0, time: Duration::from_secs(100) };
        let patience = Duration::from_secs(1);
        Load { port: 0, pace, short: "/", long: "/", long_share: 0.01, seed, patience }
    }

    fn arrivals(seed: u64) -> (Vec<Duration>, u32) {
        let mut schedule = Schedule::new(&open(seed));
        let (mut times, mut long) = (Vec::new(), 0);
        while let Some(due) = schedule.due() {
            times.push(due);
            long += u32::from(schedule.class() == Class::Long);
            schedule.take();
        }
        (times, long)
    }

    #[test]
    fn open_arrivals_have_the_rate_the_mix_and_the_spacing_that_were_asked_for() {
        let (times, long) = arrivals(7);
        // Poisson: 100,000 ± 4 standard deviations of 316; binomial: 1,000 ± 4 of 31.
        assert!((98_700..101_300).contains(&times.len()), "{}", times.len());
        assert!((870..1_130).contains(&long), "{long}");
        // e^-1 of the pauses of an exponential distribution are longer than its mean.
        let long_pauses = times.windows(2).filter(|w| w[0] + Duration::from_millis(1) < w[1]);
        assert!((36_100..37_500).contains(&long_pauses.count()));
    }

    #[test]
    fn a_seed_gives_the_same_arrivals_each_time_and_another_seed_others() {
        assert_eq!(arrivals(1), arrivals(1));
        assert_ne!(arrivals(1).0, arrivals(2).0);
    }

    #[test]
    fn a_closed_loop_has_as_many_connections_as_were_asked_for() {
        let time_max = Duration::MAX;
        let pace = Pace::KeepAlive { clients: 3, requests_each: 5, pipelined: 1, time_max };
        let mut schedule = Schedule::new(&Load { pace, ..open(1) });
        for _ in 0..3 {
            assert_eq!(schedule.due(), Some(Duration::ZERO));
            schedule.take();
        }
        assert_eq!(schedule.due(), None);
    }
}
