//! Room for new connections in a worker that is full.

use std::time::Instant;

use super::EventLoop;
use crate::http::Handler;
use crate::limits::{GIVE_WAY_AFTER, GIVE_WAY_PARTS};

impl<H> EventLoop<'_, H>
where
    H: Handler,
{
    /// No more connections are allowed.
    pub(super) fn be_full(&mut self) {
        self.make_room();
        self.intake.be_full();
    }

    /// Of a full worker's connections, those that have been silent the longest give way, so that nobody
    /// keeps others out by doing nothing. nginx does the same.
    pub(super) fn make_room(&mut self) {
        if !self.intake.is_full() || self.desk.draining {
            return;
        }
        let silent_before = self.desk.now.checked_sub(GIVE_WAY_AFTER);
        let timeouts = &self.desk.timeouts;
        let since = self.clients.iter().filter_map(|(key, client)| {
            let since = client.silent_since(timeouts).filter(|since| Some(*since) <= silent_before);
            since.map(|since| (since, key))
        });
        let mut silent: Vec<(Instant, usize)> = since.collect();
        silent.sort_unstable();
        silent.truncate((self.intake.open_max() / GIVE_WAY_PARTS).max(1));
        for (_, key) in silent {
            let Some(client) = self.clients.get_mut(key) else { continue };
            let fate = client.time_out(&mut self.desk);
            self.settle(key, fate);
        }
    }
}
