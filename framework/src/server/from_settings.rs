//! Settings that come from a file, the environment or flags.

mod guard;
mod logs;

use nix::sys::signal::Signal;

use super::Server;
use crate::config::{Bytes, Patience, Protocol, Settings};
use crate::error::Error;
use crate::limits::GIVE_UP_WITHIN_DEFAULT;

impl Server<'_> {
    /// Takes all that is said there; what is not said stays as it is. Addresses replace that of
    /// [`Server::bind`] and all of [`Server::also`], and those for datagrams all of [`Server::udp`]. What is said
    /// of something that is named elsewhere, such as the size of a log, goes with what there is at the start,
    /// also if the program names it after this. If there is no such thing, that is an error of [`Server::serve`].
    pub fn settings(mut self, settings: &Settings) -> Self {
        let config = &mut self.config;
        if let Some((first, further)) = settings.listen.as_deref().and_then(<[_]>::split_first) {
            config.address.clone_from(first);
            config.further = further.to_vec();
        }
        take(&mut config.udp, settings.udp.clone());
        take(&mut config.workers, settings.workers);
        take(&mut config.policy, settings.policy);
        config.listener = settings.listener.or(config.listener);
        config.accept_wake = settings.accept_wake.or(config.accept_wake);
        take(&mut config.stall_after, settings.stall_after);
        take(&mut config.backlog, settings.backlog);
        take(&mut config.grace, settings.grace);
        take(&mut config.ready_timeout, settings.ready_timeout);
        take(&mut config.min_uptime, settings.min_uptime);
        take(&mut config.connections_max, settings.connections_max);
        take(&mut config.offload_threads, settings.offload_threads);
        take(&mut config.pre_stop_delay, settings.pre_stop_delay);
        take_clone(&mut config.control, settings.control.as_ref());
        take_clone(&mut config.name, settings.name.as_ref());
        take_clone(&mut config.admin, settings.admin.as_ref());
        take_clone(&mut config.admin_token_file, settings.admin_token_file.as_ref());
        take_clone(&mut config.proxy_protocol, settings.proxy_protocol.as_ref());
        self.patience(settings).bounds(settings).logs(settings).guarded(settings)
    }

    /// For how long is waited.
    fn patience(mut self, settings: &Settings) -> Self {
        let timeouts = &mut self.config.timeouts;
        take(&mut timeouts.head, settings.head_timeout);
        take(&mut timeouts.body, settings.body_timeout);
        take(&mut timeouts.idle, settings.idle_timeout);
        take(&mut timeouts.write, settings.write_timeout);
        take(&mut timeouts.rate_min, settings.rate_min);
        let hang = settings.hang_timeout.map(|patience| match patience {
            Patience::Never => None,
            Patience::After(time) => Some(time),
        });
        take(&mut self.config.term.hang_timeout, hang);
        if let Some(deaths) = settings.give_up {
            let within = self.config.give_up.map(|(_, within)| within);
            self.config.give_up = Some((deaths, within.unwrap_or(GIVE_UP_WITHIN_DEFAULT)));
        }
        let details = &mut self.config.details;
        details.give_up_within = settings.give_up_within.or(details.give_up_within);
        self
    }

    /// How much there may be.
    fn bounds(mut self, settings: &Settings) -> Self {
        let length = |size: Bytes| usize::try_from(size.0).unwrap_or(usize::MAX);
        let (limits, term) = (&mut self.config.limits, &mut self.config.term);
        take(&mut limits.head_bytes_max, settings.head_bytes_max.map(length));
        take(&mut limits.body_bytes_max, settings.body_bytes_max.map(|size| size.0));
        take(&mut limits.requests_max, settings.connection_requests_max);
        take(&mut limits.output_high_water_bytes, settings.output_high_water.map(length));
        term.memory_max = settings.max_memory.map(|size| size.0).or(term.memory_max);
        term.requests_max = settings.max_requests.or(term.requests_max);
        term.age_max = settings.max_age.or(term.age_max);
        self
    }
}

impl Settings {
    /// Looks whether a server could be made of this, without taking an address or anything else. The names
    /// of hosts are looked up.
    ///
    /// # Errors
    /// What a start would say, as far as that can be known before it.
    pub fn check(&self, protocol: Protocol) -> Result<(), Error> {
        let mut config = Server::bind("127.0.0.1:0").settings(self).config;
        if protocol == Protocol::ListenFds {
            config.foreign = Some(Signal::SIGTERM);
        }
        config.plan().map(|_| ())
    }
}

fn take<T>(place: &mut T, said: Option<T>) {
    if let Some(said) = said {
        *place = said;
    }
}

fn take_clone<T: Clone>(place: &mut Option<T>, said: Option<&T>) {
    if said.is_some() {
        *place = said.cloned();
    }
}

#[cfg(test)]
mod tests;
