//! Workers with a runtime of tokio.

mod listener;
mod runtime;
mod stream;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::answering::Answering;
use super::drain::Drain;
use crate::worker::{Hosted, Worker};
pub use listener::TokioListener;
pub(crate) use runtime::run;
pub use stream::{Peer, TokioStream};

/// A worker with a runtime of tokio; see [`Server::run_tokio`](crate::Server::run_tokio).
#[derive(Clone)]
pub struct TokioWorker {
    hosted: Arc<Hosted>,
    about: Worker,
}

impl TokioWorker {
    /// Which worker this is.
    pub fn about(&self) -> &Worker {
        &self.about
    }

    /// Where its connections come from. All listeners of a worker share them.
    pub fn tokio_listener(&self) -> TokioListener {
        TokioListener::new(Arc::clone(&self.hosted))
    }

    /// The same for `axum::serve`.
    #[cfg(feature = "axum")]
    pub fn axum_listener(&self) -> super::axum::AxumListener {
        super::axum::AxumListener::new(self.tokio_listener())
    }

    /// A layer of tower that counts requests, and says `Connection: close` while the worker drains: to be
    /// the outermost one.
    #[cfg(feature = "axum")]
    pub fn layer(&self) -> super::tower::WorkerLayer {
        super::tower::WorkerLayer::new(Arc::clone(&self.hosted))
    }

    /// The drain of this worker, to be looked at or waited for.
    pub fn drain(&self) -> Drain {
        Drain::new(Arc::clone(&self.hosted))
    }

    /// Counts a request that is answered after this time, and says whether the answer is to be the last one
    /// on its connection. The layer does so by itself.
    pub fn answer(&self, duration: Duration) -> Answering {
        Answering::begin(&self.hosted, duration)
    }

    /// Counts something that went wrong.
    pub fn count_error(&self) {
        self.hosted.count_error();
    }
}

impl fmt::Debug for TokioWorker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TokioWorker").field("about", &self.about).finish_non_exhaustive()
    }
}
