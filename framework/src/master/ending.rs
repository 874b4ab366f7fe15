//! The beginning of a stop.

use std::time::Duration;

use super::{Endpoint, Master};
use crate::board::What;
use crate::net::listener;

impl Master<'_> {
    /// Whoever balances the load has this long to notice.
    pub(super) fn announce_stop(&self, delay: Duration) {
        self.board.close();
        self.note_all(What::Closing(u64::try_from(delay.as_millis()).unwrap_or(u64::MAX)));
        tracing::info!("the stop begins in {delay:?}; until then all is served as before");
        self.tell_stopping("a stop is announced", delay);
    }

    /// What was passed to this server stays open, for whoever comes after it.
    pub(super) fn refuse_newcomers(&self) {
        self.board.close();
        self.note_all(What::Stopping);
        self.tell_stopping("draining", Duration::ZERO);
        self.leave_to_lent();
        let alone = self.group.members().is_empty();
        let own = |endpoint: &&Endpoint| endpoint.lent == 0;
        let shared = Some(&self.primary).filter(|_| alone).into_iter().chain(&self.further);
        let shared = shared.filter(own).map(|endpoint| &endpoint.socket);
        let lent = if alone { 0 } else { usize::from(self.primary.lent) };
        for socket in self.lodged.iter().skip(lent).flatten().chain(shared) {
            if let Err(error) = listener::refuse_newcomers(socket, self.board) {
                tracing::warn!("connections that come now may be reset: {error}");
            }
        }
        tracing::info!("stopping: no new connections, what is queued and in flight is answered");
    }
}
