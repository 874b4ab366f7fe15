//! How connections come to workers.

use std::fmt;

use super::{AcceptWake, Listener, Policy};
use crate::error::Error;

/// Who accepts, from what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Intake {
    /// Each worker from its own queue.
    Group(Balance),
    Shared(AcceptWake),
    Dispatcher,
}

/// How the kernel chooses a member of a reuseport group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balance {
    /// Its own hash.
    Hash,
    /// The CPU on which the connection came in.
    Cpu,
    /// A program of ours.
    Program(Rule),
}

/// What a program goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// Each in turn.
    Turns,
    /// The fewest connections.
    LeastBusy,
}

impl Intake {
    pub(crate) fn rule(self) -> Option<Rule> {
        match self {
            Self::Group(Balance::Program(rule)) => Some(rule),
            _ => None,
        }
    }
}

/// What carries a policy out, and, with `auto`, what else does where the kernel does not allow it.
pub(super) fn choose(
    policy: Policy,
    listener: Option<Listener>,
    wake: Option<AcceptWake>,
) -> Result<(Intake, Option<Intake>), Error> {
    let shared = Intake::Shared(wake.unwrap_or_default());
    let inherited = listener == Some(Listener::Inherited);
    match policy {
        Policy::None if inherited => return Ok((shared, None)),
        Policy::Auto if inherited => return Ok((shared, Some(shared))),
        _ => {}
    }
    if let Some(wake) = wake {
        return Err(Error::config(format!(
            "accept-wake {wake} says which worker of a shared listener is woken: it needs policy none \
             or auto, and listener inherited"
        )));
    }
    if let Some(listener) = listener.filter(|listener| !policy.listeners().contains(listener)) {
        let (why, fits) = match policy {
            Policy::RoundRobin => ("its dispatcher accepts from one listener", "inherited"),
            _ => ("the kernel chooses among the listeners of the workers", "reuseport"),
        };
        return Err(Error::config(format!(
            "policy {policy} does not go with listener {listener}: {why}; leave the listener out, or \
             choose {fits}"
        )));
    }
    let program = |rule| Intake::Group(Balance::Program(rule));
    Ok(match policy {
        Policy::None => (Intake::Group(Balance::Hash), None),
        Policy::RoundRobin => (Intake::Dispatcher, None),
        Policy::KernelRoundRobin => (program(Rule::Turns), None),
        Policy::LeastBusy => (program(Rule::LeastBusy), None),
        Policy::Cpu => (Intake::Group(Balance::Cpu), None),
        Policy::Auto => {
            let hash = Intake::Group(Balance::Hash);
            (program(Rule::LeastBusy), Some(listener.map_or(shared, |_| hash)))
        }
    })
}

/// In the words of the user.
impl fmt::Display for Intake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Group(Balance::Hash) => Policy::None.fmt(f),
            Self::Group(Balance::Cpu) => Policy::Cpu.fmt(f),
            Self::Group(Balance::Program(rule)) => rule.fmt(f),
            Self::Shared(_) => write!(f, "{}/{}", Policy::None, Listener::Inherited),
            Self::Dispatcher => Policy::RoundRobin.fmt(f),
        }
    }
}

/// As the policy that goes by it.
impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Turns => Policy::KernelRoundRobin.fmt(f),
            Self::LeastBusy => Policy::LeastBusy.fmt(f),
        }
    }
}
