//! Connections of a worker, as a task waits for them.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use super::stream::TokioStream;
use crate::adapters::connection::Connection;
use crate::worker::Hosted;

/// Where the connections of a worker come from, whatever the policy. Dropping the last one of a
/// worker stops accepting; what was accepted and not taken is closed then.
#[derive(Debug)]
pub struct TokioListener {
    hosted: Arc<Hosted>,
}

impl TokioListener {
    pub(super) fn new(hosted: Arc<Hosted>) -> Self {
        hosted.add_listener();
        Self { hosted }
    }

    /// The next connection; `None` when this worker has drained, and none is left.
    ///
    /// The first call tells the master that this worker is ready. What is queued is taken, or left to others,
    /// as the master says; also while this worker drains.
    ///
    /// Dropping the future loses no connection.
    ///
    /// # Errors
    /// A system call failed.
    pub async fn accept(&self) -> io::Result<Option<TokioStream>> {
        self.take().await?.map(TokioStream::new).transpose()
    }

    /// The same before tokio waits on it. After an error none comes, and the worker ends with it.
    pub(in crate::adapters) async fn take(&self) -> io::Result<Option<Connection>> {
        let arrived = poll_fn(|context| self.hosted.poll_take(context)).await?;
        Ok(arrived.map(|arrived| Connection::new(arrived, Arc::clone(&self.hosted))))
    }

    /// The address that the server was bound to; `None` if it is a unix-domain socket.
    pub fn local_address(&self) -> Option<SocketAddr> {
        self.hosted.local_address()
    }
}

impl Drop for TokioListener {
    fn drop(&mut self) {
        self.hosted.drop_listener();
    }
}
