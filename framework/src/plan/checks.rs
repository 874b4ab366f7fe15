//! Numbers that cannot work.

use std::num::NonZeroU16;
use std::thread::available_parallelism;
use std::time::Duration;

use super::{Term, Workers};
use crate::error::Error;
use crate::limits::{HANG_TIMEOUT_MIN, SLOTS_MAX, TIME_MAX};

pub(super) fn give_up(rule: Option<(u32, Duration)>) -> Result<Option<(u32, Duration)>, Error> {
    if let Some((deaths, _)) = rule {
        at_least_one("give_up's number of deaths", deaths)?;
    }
    Ok(rule.map(|(deaths, within)| (deaths, within.min(TIME_MAX))))
}

pub(super) fn bounded(term: Term) -> Result<Term, Error> {
    if let Some(timeout) = term.hang_timeout.filter(|timeout| *timeout < HANG_TIMEOUT_MIN) {
        return Err(Error::config(format!(
            "a hang_timeout of {timeout:?} would end workers that are only busy: choose at least \
             {HANG_TIMEOUT_MIN:?}, or None to let them hang"
        )));
    }
    if let Some(requests) = term.requests_max {
        at_least_one("max_requests", requests)?;
    }
    if let Some(octets) = term.memory_max {
        at_least_one("max_memory", octets)?;
    }
    if term.age_max.is_some_and(|age| age < Duration::from_secs(1)) {
        return Err(Error::config("max_age must be at least 1 s".into()));
    }
    let bounded = |time: Option<Duration>| time.map(|time| time.min(TIME_MAX));
    let (hang_timeout, age_max) = (bounded(term.hang_timeout), bounded(term.age_max));
    Ok(Term { hang_timeout, age_max, ..term })
}

pub(super) fn stall_after(time: Duration) -> Result<Duration, Error> {
    if time.is_zero() {
        return Err(Error::config("stall_after must be more than nothing, such as 1 ms".into()));
    }
    Ok(time.min(TIME_MAX))
}

pub(super) fn at_least_one<T: PartialEq + From<u8>>(name: &str, value: T) -> Result<T, Error> {
    if value == T::from(0) {
        return Err(Error::config(format!("{name} must be at least 1")));
    }
    Ok(value)
}

pub(super) fn count(workers: Workers) -> Result<NonZeroU16, Error> {
    let wanted = match workers {
        Workers::Exact(count) => count,
        Workers::Max => {
            let cpus = available_parallelism().map_err(|error| {
                Error::config(format!("cannot count the CPUs ({error}): say how many workers"))
            })?;
            u16::try_from(cpus.get()).unwrap_or(SLOTS_MAX).min(SLOTS_MAX)
        }
    };
    NonZeroU16::new(wanted).filter(|count| count.get() <= SLOTS_MAX).ok_or_else(|| {
        Error::config(format!("cannot run {wanted} workers: choose 1 to {SLOTS_MAX}, or max"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_would_end_every_worker_are_refused() {
        let none = Term::default();
        assert!(bounded(none).is_ok());
        for wrong in [
            Term { hang_timeout: Some(Duration::from_millis(99)), ..none },
            Term { memory_max: Some(0), ..none },
            Term { requests_max: Some(0), ..none },
            Term { age_max: Some(Duration::from_millis(999)), ..none },
        ] {
            assert!(bounded(wrong).is_err_and(|error| error.is_config()), "{wrong:?}");
        }
        assert!(give_up(Some((0, Duration::MAX))).is_err());
        assert!(give_up(None).is_ok());
        assert!(stall_after(Duration::ZERO).is_err());
    }
}
