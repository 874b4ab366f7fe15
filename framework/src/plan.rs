//! What the user said, made into a plan that can be carried out.

use std::fmt;
use std::net::{SocketAddr, ToSocketAddrs};
use std::num::NonZeroU16;
use std::str::FromStr;
use std::thread::available_parallelism;
use std::time::Duration;

use crate::error::Error;
use crate::limits::SLOTS_MAX;

/// How many workers there are at the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Workers {
    /// One for each CPU that this process may use: CPU affinity and the cgroup's CPU quota count.
    #[default]
    Max,
    /// So many, from 1 to [`SLOTS_MAX`].
    Exact(u16),
}

/// Who picks the worker for a new connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Policy {
    /// The kernel, untouched: Node's `SCHED_NONE`.
    #[default]
    None,
    /// A dispatcher process, each worker in turn: Node's `SCHED_RR`. It exists to be compared with.
    RoundRobin,
}

/// Where new connections wait to be accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Listener {
    /// Each worker has its own `SO_REUSEPORT` socket and accept queue; the kernel's hash of
    /// addresses and ports chooses among them.
    Reuseport,
    /// All workers share one socket and accept queue.
    Inherited,
}

/// Which of the workers that wait on a shared accept queue a new connection wakes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcceptWake {
    /// All of them; those who come late find nothing.
    Herd,
    /// One, and always the same ones first: `EPOLLEXCLUSIVE`, which keeps few workers busy.
    Exclusive,
    /// One, and each in turn: `EPOLLEXCLUSIVE`, and a worker goes to the end of the line after each
    /// accept.
    #[default]
    Rotating,
    /// One, and each in turn: a thread of each worker that has nothing to do blocks in `accept(2)`.
    /// A busy worker takes at most one connection that then waits for it, for two more switches of
    /// threads a connection.
    Blocking,
}

/// Gives a type with fixed names its list, its parser and its display.
macro_rules! named {
    ($type:ident, $what:literal, $($variant:ident = $name:literal),+) => {
        impl $type {
            /// All values, in the order of their documentation.
            pub const ALL: &[Self] = &[$(Self::$variant),+];
        }

        impl fmt::Display for $type {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self { $(Self::$variant => $name),+ })
            }
        }

        impl FromStr for $type {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                match text {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(Error::config(format!(
                        concat!("{:?} is no ", $what, ": choose one of {}"),
                        text, [$($name),+].join(", "),
                    ))),
                }
            }
        }
    };
}

named!(Policy, "policy", None = "none", RoundRobin = "rr");
named!(Listener, "listener", Reuseport = "reuseport", Inherited = "inherited");
named!(
    AcceptWake,
    "way to wake workers",
    Herd = "herd",
    Exclusive = "exclusive",
    Rotating = "rotating",
    Blocking = "blocking"
);

impl Policy {
    /// The listeners that go with this policy, the default one first.
    pub fn listeners(self) -> &'static [Listener] {
        match self {
            Self::None => &[Listener::Reuseport, Listener::Inherited],
            Self::RoundRobin => &[Listener::Inherited],
        }
    }
}

/// What the user said. Nothing is checked yet.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    pub(crate) address: String,
    pub(crate) workers: Workers,
    pub(crate) policy: Policy,
    pub(crate) listener: Option<Listener>,
    pub(crate) accept_wake: Option<AcceptWake>,
    pub(crate) backlog: u32,
    pub(crate) grace: Duration,
    pub(crate) ready_timeout: Duration,
    pub(crate) min_uptime: Duration,
    pub(crate) connections_max: usize,
    pub(crate) timeouts: Timeouts,
}

/// How long a worker waits for a peer. All are as coarse as a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a whole request head, from its first byte or, on a new connection, from the accept.
    pub head: Duration,
    /// For the next bytes of a request body.
    pub body: Duration,
    /// For the next request on a keep-alive connection.
    pub idle: Duration,
    /// For the peer to take any bytes of an answer.
    pub write: Duration,
}

/// Who accepts, from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intake {
    Group,
    Shared(AcceptWake),
    Dispatcher,
}

/// A valid plan.
#[derive(Clone, Debug)]
pub(crate) struct Plan {
    pub(crate) address: SocketAddr,
    pub(crate) workers: NonZeroU16,
    pub(crate) intake: Intake,
    pub(crate) backlog: u32,
    pub(crate) grace: Duration,
    pub(crate) ready_timeout: Duration,
    pub(crate) min_uptime: Duration,
    pub(crate) connections_max: usize,
    pub(crate) timeouts: Timeouts,
}

impl Config {
    /// The plan, or what is wrong and how to mend it.
    pub(crate) fn plan(self) -> Result<Plan, Error> {
        Ok(Plan {
            address: resolve(&self.address)?,
            workers: count(self.workers)?,
            intake: intake(self.policy, self.listener, self.accept_wake)?,
            backlog: at_least_one("backlog", self.backlog)?,
            connections_max: at_least_one("connections_max", self.connections_max)?,
            grace: self.grace,
            ready_timeout: self.ready_timeout,
            min_uptime: self.min_uptime,
            timeouts: self.timeouts,
        })
    }
}

fn resolve(address: &str) -> Result<SocketAddr, Error> {
    let wrong = |why: String| {
        Error::config(format!(
            "{address:?} is no address to listen on: {why}; write HOST:PORT, such as 127.0.0.1:8080 \
             or [::]:8080"
        ))
    };
    let mut found = address.to_socket_addrs().map_err(|error| wrong(error.to_string()))?;
    found.next().ok_or_else(|| wrong("the name has no address".into()))
}

fn count(workers: Workers) -> Result<NonZeroU16, Error> {
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

fn intake(
    policy: Policy,
    listener: Option<Listener>,
    wake: Option<AcceptWake>,
) -> Result<Intake, Error> {
    let intake = match (policy, listener) {
        (Policy::None, None | Some(Listener::Reuseport)) => Intake::Group,
        (Policy::None, Some(Listener::Inherited)) => {
            return Ok(Intake::Shared(wake.unwrap_or_default()));
        }
        (Policy::RoundRobin, None | Some(Listener::Inherited)) => Intake::Dispatcher,
        (Policy::RoundRobin, Some(Listener::Reuseport)) => {
            return Err(Error::config(
                "policy rr does not go with listener reuseport: its dispatcher accepts from one \
                 listener; leave the listener out, or choose inherited"
                    .into(),
            ));
        }
    };
    match wake {
        None => Ok(intake),
        Some(wake) => Err(Error::config(format!(
            "accept-wake {wake} says which worker of a shared listener is woken: it needs policy \
             none and listener inherited"
        ))),
    }
}

fn at_least_one<T: PartialEq + From<u8>>(name: &str, value: T) -> Result<T, Error> {
    if value == T::from(0) {
        return Err(Error::config(format!("{name} must be at least 1")));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_read_back_and_a_wrong_one_lists_the_right_ones() {
        for policy in Policy::ALL {
            assert_eq!(policy.to_string().parse::<Policy>().unwrap(), *policy);
        }
        let error = "fair".parse::<Policy>().unwrap_err();
        assert_eq!(error.to_string(), "\"fair\" is no policy: choose one of none, rr");
    }

    #[test]
    fn a_listener_follows_the_policy_unless_it_is_said() {
        assert_eq!(intake(Policy::None, None, None).unwrap(), Intake::Group);
        assert_eq!(intake(Policy::RoundRobin, None, None).unwrap(), Intake::Dispatcher);
        let shared = intake(Policy::None, Some(Listener::Inherited), None).unwrap();
        assert_eq!(shared, Intake::Shared(AcceptWake::Rotating));
        assert!(intake(Policy::RoundRobin, Some(Listener::Reuseport), None).is_err());
        assert!(intake(Policy::None, None, Some(AcceptWake::Herd)).is_err());
        assert!(intake(Policy::RoundRobin, None, Some(AcceptWake::Herd)).is_err());
    }

    #[test]
    fn each_policy_names_the_listeners_that_it_takes_and_no_others() {
        for policy in Policy::ALL {
            let default = policy.listeners()[0];
            assert_eq!(
                intake(*policy, None, None).unwrap(),
                intake(*policy, Some(default), None).unwrap()
            );
            for listener in Listener::ALL {
                let taken = intake(*policy, Some(*listener), None).is_ok();
                assert_eq!(taken, policy.listeners().contains(listener), "{policy} {listener}");
            }
        }
    }

    #[test]
    fn numbers_of_workers_that_cannot_run_are_refused() {
        assert!(count(Workers::Exact(0)).is_err());
        assert!(count(Workers::Exact(SLOTS_MAX + 1)).is_err());
        assert_eq!(count(Workers::Exact(SLOTS_MAX)).unwrap().get(), SLOTS_MAX);
        assert!(count(Workers::Max).unwrap().get() >= 1);
    }
}
