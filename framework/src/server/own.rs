//! Workers with a loop or a runtime of the user's own.

use super::Server;
use crate::adapters::RawWorker;
use crate::error::Error;
use crate::worker::{self, Failure};

impl Server<'_> {
    /// Forks workers that serve with a loop of their own: `run` is called in each, and its worker ends when
    /// it returns. See [`adapters`](crate::adapters), also for what is said here in short.
    ///
    /// What the built-in server does with connections is left to it: timeouts, limits, the access log and
    /// the PROXY protocol. The last two cannot be set with this.
    ///
    /// # Errors
    /// Those of [`Server::serve`].
    pub fn run<F, E>(self, mut run: F) -> Result<(), Error>
    where
        F: FnMut(&RawWorker) -> Result<(), E>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        self.without_http()?.start(&mut |birth| {
            worker::run_hosted(birth, |hosted, about| {
                run(&RawWorker::new(hosted.clone(), about)).map_err(Into::<Failure>::into)
            })
        })
    }

    /// Forks workers with a runtime of tokio, of one thread each: `run` is called in it, and the worker ends
    /// when what it returns does; in a drain, when no connection is left either. See
    /// [`adapters`](crate::adapters).
    ///
    /// The runtime is made in the worker, after the fork, so that this is called from a plain `fn main`:
    /// with `#[tokio::main]` threads are alive, and it refuses ([`Error::is_threads`]).
    ///
    /// What the built-in server does with connections is left to it: timeouts, limits, the access log and
    /// the PROXY protocol. The last two cannot be set with this.
    ///
    /// # Errors
    /// Those of [`Server::serve`].
    #[cfg(feature = "tokio")]
    pub fn run_tokio<F, W, E>(self, mut run: F) -> Result<(), Error>
    where
        F: FnMut(crate::adapters::TokioWorker) -> W,
        W: Future<Output = Result<(), E>>,
        E: Into<Box<dyn std::error::Error + Send + Sync>>,
    {
        let hang_timeout = self.config.term.hang_timeout;
        self.without_http()?.start(&mut |birth| {
            worker::run_hosted(birth, |hosted, about| {
                crate::adapters::run_tokio(hosted, about, hang_timeout, &mut run)
            })
        })
    }

    /// Nothing is set that the built-in server alone can do.
    fn without_http(self) -> Result<Self, Error> {
        let set = [
            ("access_log", self.config.access_log.is_some()),
            ("proxy_protocol", self.config.proxy_protocol.is_some()),
        ];
        let wrong = set.iter().find(|(_, set)| *set);
        wrong.map_or(Ok(self), |(name, _)| {
            Err(Error::config(format!(
                "{name} is for the built-in server: leave it out, or serve with serve or serve_with"
            )))
        })
    }
}
