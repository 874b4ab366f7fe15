//! What goes with workers that are another program.

use nix::sys::signal::Signal;

use super::{Config, Policy};
use crate::error::Error;

/// Signals by which a program can be told to end. The master holds all of them back around a fork.
pub(crate) fn stop_signals() -> &'static [Signal] {
    &[
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGQUIT,
        Signal::SIGHUP,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGWINCH,
    ]
}

/// Why there is no rotation by size.
pub(crate) const FOREIGN_KEEPS_ITS_FILE: &str = "a program that does not link evenkeel writes on to the file that it was started with, so that none is moved \
     away by size: leave this out, and have another program move the file and then run `evenkeel reload`";

/// What would have no effect is refused, and so is what cannot be had without the program's help.
pub(super) fn check(config: &Config) -> Result<(), Error> {
    if config.foreign.is_none() {
        return Ok(());
    }
    let why = match config.policy {
        Policy::RoundRobin => {
            Some("its dispatcher hands sockets to workers that know its protocol")
        }
        Policy::LeastBusy | Policy::Auto => Some("it goes by what workers count"),
        _ => None,
    };
    if let Some(why) = why {
        return Err(Error::config(format!(
            "policy {} does not go with a program that does not link evenkeel: {why}; choose none, \
             kernel-rr or cpu",
            config.policy
        )));
    }
    let term = config.term;
    let set = [
        ("accept_wake", config.accept_wake.is_some()),
        ("access_log", config.access_log.is_some()),
        ("proxy_protocol", config.proxy_protocol.is_some()),
        ("max_memory", term.memory_max.is_some()),
        ("max_requests", term.requests_max.is_some()),
        ("max_age", term.age_max.is_some()),
    ];
    if let Some((name, _)) = set.iter().find(|(_, set)| *set) {
        return Err(Error::config(format!(
            "{name} does not go with a program that does not link evenkeel: it accepts and answers for \
             itself; leave it out"
        )));
    }
    let rotates = config.output.as_ref().is_some_and(|output| output.rotation.is_some());
    let wrong = [
        (rotates, FOREIGN_KEEPS_ITS_FILE),
        (
            !config.udp.is_empty(),
            "udp does not go with a program that does not link evenkeel: it is given \
             listeners only; leave it out",
        ),
        (
            filters_exec(config),
            "the filter deny-exec would keep workers from becoming a program that does not \
             link evenkeel: choose deny",
        ),
    ];
    let wrong = wrong.into_iter().find_map(|(is_so, why)| is_so.then_some(why));
    wrong.map_or(Ok(()), |why| Err(Error::config(why.into())))
}

fn filters_exec(config: &Config) -> bool {
    #[cfg(feature = "seccomp")]
    return config.guard.seccomp == Some(super::Seccomp::DenyExec);
    #[cfg(not(feature = "seccomp"))]
    return {
        let _ = config;
        false
    };
}
