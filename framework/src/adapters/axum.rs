//! A listener for `axum::serve`.

use std::future::pending;
use std::io;

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};

use super::tokio::{Peer, TokioListener, TokioStream};

/// Where the connections of a worker come from, for `axum::serve`.
///
/// The peer's address is to be had by
/// `into_make_service_with_connect_info::<`[`Peer`]`>()`.
#[derive(Debug)]
pub struct AxumListener {
    inner: TokioListener,
}

impl AxumListener {
    pub(super) fn new(inner: TokioListener) -> Self {
        Self { inner }
    }
}

impl Listener for AxumListener {
    type Io = TokioStream;
    type Addr = Peer;

    /// Once the worker has drained it waits for ever: `with_graceful_shutdown` ends that.
    async fn accept(&mut self) -> (TokioStream, Peer) {
        loop {
            // What is an error here the worker ends with.
            let Ok(Some(connection)) = self.inner.take().await else { pending().await };
            match TokioStream::new(connection) {
                Ok(stream) => {
                    let peer = stream.peer();
                    return (stream, peer);
                }
                Err(error) => {
                    tracing::error!("a connection is lost: {error}");
                    tokio::task::yield_now().await;
                }
            }
        }
    }

    /// Listeners have the address that the server was bound to.
    fn local_addr(&self) -> io::Result<Peer> {
        Ok(Peer(self.inner.local_address()))
    }
}

impl Connected<IncomingStream<'_, AxumListener>> for Peer {
    fn connect_info(stream: IncomingStream<'_, AxumListener>) -> Self {
        *stream.remote_addr()
    }
}
