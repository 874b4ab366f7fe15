//! When a worker has served long enough, and asks for a successor.

use std::fs;
use std::time::{Duration, Instant};

use nix::unistd::{SysconfVar, sysconf};

use crate::board::Cause;
use crate::limits::{SUCCESSOR_PATIENCE, TERM_INTERVAL, TERM_JITTER_PARTS};
use crate::plan::Term;
use crate::sys::clock::monotonic_ns;

/// Looks, now and then, whether a limit has been reached.
pub(super) struct Watch {
    memory_max: Option<u64>,
    requests_max: Option<u64>,
    age_max: Option<Duration>,
    born: Instant,
    look_at: Instant,
}

impl Watch {
    pub(super) fn new(term: Term, now: Instant) -> Self {
        let mut chance = chance();
        // Less by chance, so that workers that began together do not end together.
        let mut shorten = |most: u64| {
            chance = mix(chance);
            most - chance % (most / TERM_JITTER_PARTS + 1)
        };
        let milliseconds = |age: Duration| u64::try_from(age.as_millis()).unwrap_or(u64::MAX);
        let memory_max = term.memory_max.filter(|most| {
            let now = private_memory().unwrap_or(0);
            if now > *most {
                // Each successor would ask for one itself, for ever.
                tracing::error!(now, most, "max_memory is ignored: a new worker uses more already");
            }
            now <= *most
        });
        Self {
            memory_max,
            requests_max: term.requests_max.map(&mut shorten),
            age_max: term.age_max.map(|age| Duration::from_millis(shorten(milliseconds(age)))),
            born: now,
            look_at: now + TERM_INTERVAL,
        }
    }

    /// When an idle worker is to look: it grows old, and nothing else.
    pub(super) fn deadline(&self) -> Option<Instant> {
        self.age_max.map(|age| (self.born + age).max(self.look_at))
    }

    /// Why a successor is wanted now, if one is. Cheap when it was asked a moment ago.
    pub(super) fn over(&mut self, requests: u64, now: Instant) -> Option<(Cause, String)> {
        let many = self.requests_max.is_some_and(|most| requests >= most);
        if now < self.look_at && !(many && self.look_at <= now + TERM_INTERVAL) {
            return None;
        }
        let reason = self.reason(requests, many, now);
        // Once it has asked it does not ask again soon.
        let pause = if reason.is_some() { SUCCESSOR_PATIENCE } else { TERM_INTERVAL };
        self.look_at = now + pause;
        reason
    }

    fn reason(&self, requests: u64, many: bool, now: Instant) -> Option<(Cause, String)> {
        if many {
            return Some((Cause::Requests, format!("it has answered {requests} requests")));
        }
        let age = now - self.born;
        if self.age_max.is_some_and(|most| age >= most) {
            return Some((Cause::Age, format!("it is {} s old", age.as_secs())));
        }
        let octets = self.memory_max.and_then(|most| private_memory().filter(|now| *now > most))?;
        Some((Cause::Memory, format!("it uses {} MiB of private memory", octets >> 20)))
    }
}

/// Octets that only this process has, without what it has of files and of shared memory
/// (`proc_pid_statm(5)`: resident less shared). The kernel counts them in batches of 64 pages, and
/// pages that are still the master's are among them.
pub(super) fn private_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/statm").ok()?;
    let mut pages = text.split_ascii_whitespace().skip(1).map(str::parse::<u64>);
    let (resident, shared) = (pages.next()?.ok()?, pages.next()?.ok()?);
    let page = u64::try_from(sysconf(SysconfVar::PAGE_SIZE).ok()??).ok()?;
    Some(resident.saturating_sub(shared) * page)
}

/// Differs between the workers of one master, which all have copied the same memory.
fn chance() -> u64 {
    mix(monotonic_ns() ^ u64::from(std::process::id()).rotate_left(40))
}

/// The finaliser of `SplitMix64` (Steele, Lea, Flood 2014), with its increment.
fn mix(seed: u64) -> u64 {
    let mixed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_of_requests_is_drawn_up_to_a_tenth_below() {
        let now = Instant::now();
        let term = Term { requests_max: Some(1_000), ..Term::default() };
        let drawn: Vec<u64> =
            (0..200).map(|_| Watch::new(term, now).requests_max.unwrap()).collect();
        assert!(drawn.iter().all(|most| (900..=1_000).contains(most)), "{drawn:?}");
        assert!(drawn.iter().min() < drawn.iter().max(), "by chance");
    }

    #[test]
    fn it_asks_once_and_after_a_long_while_again() {
        let now = Instant::now();
        let mut watch = Watch::new(Term { requests_max: Some(1), ..Term::default() }, now);
        assert_eq!(watch.over(0, now), None);
        let said = (Cause::Requests, "it has answered 1 requests".to_owned());
        assert_eq!(watch.over(1, now), Some(said));
        assert_eq!(watch.over(2, now + TERM_INTERVAL * 2), None);
        assert!(watch.over(3, now + SUCCESSOR_PATIENCE).is_some());
    }

    #[test]
    fn age_is_looked_at_even_when_idle() {
        let now = Instant::now();
        let term = Term { age_max: Some(Duration::from_secs(100)), ..Term::default() };
        let mut watch = Watch::new(term, now);
        let due = watch.deadline().unwrap();
        assert!((90..=100).contains(&(due - now).as_secs()), "{:?}", due - now);
        assert_eq!(watch.over(0, now + Duration::from_secs(80)), None);
        assert!(watch.over(0, due).is_some());
        assert_eq!(Watch::new(Term::default(), now).deadline(), None);
    }

    #[test]
    fn private_memory_grows_with_what_is_touched() {
        let before = private_memory().unwrap();
        let block = std::hint::black_box(vec![1u8; 64 << 20]);
        assert!(private_memory().unwrap() > before + (32 << 20));
        drop(block);
    }
}
