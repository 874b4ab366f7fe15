//! What the user's master is told of its workers, and gives them.

use std::fmt;

use super::Server;
use crate::cluster::ClusterEvent;
use crate::master::Cluster;

impl<'a> Server<'a> {
    /// Is called in the master for all that happens to workers, and can act on it: the events, messages and
    /// commands of Node's `cluster`. See [the guide](crate::guide::node).
    ///
    /// It runs on the only thread of the master, which does nothing else meanwhile: it must be short, never
    /// wait, and start no thread (the master could not fork any more). When it panics, that is logged, and
    /// the master goes on. An upgrade replaces it, with what it has gathered, by that of the new program.
    ///
    /// ```no_run
    /// use evenkeel::{ClusterEvent, Server};
    ///
    /// Server::bind("127.0.0.1:8080")
    ///     .on_event(|event, cluster| {
    ///         if let ClusterEvent::Message { worker, bytes } = event {
    ///             // To all others: a cache that is to forget something, say.
    ///             for other in cluster.workers().into_iter().filter(|other| other != worker) {
    ///                 if let Err(error) = cluster.send(other, bytes) {
    ///                     eprintln!("{error}");
    ///                 }
    ///             }
    ///         }
    ///     })
    ///     .serve(|_, res| res.body("hello\n"))?;
    /// # Ok::<(), evenkeel::Error>(())
    /// ```
    pub fn on_event(mut self, tell: impl FnMut(&ClusterEvent<'_>, &mut Cluster<'_>) + 'a) -> Self {
        self.hooks.event = Some(Box::new(tell));
        self
    }

    /// Takes datagrams at this address, `HOST:PORT`, besides; with port 0 at one that the kernel chooses. It can
    /// be called several times. What comes is for the user's own threads or tasks: see
    /// [`Worker::udp_sockets`](crate::Worker::udp_sockets).
    ///
    /// Each slot has a socket of its own (`SO_REUSEPORT`), whatever the policy, and the kernel's hash of
    /// addresses and ports chooses among them. It is there before the first worker and outlives it: what comes
    /// while a slot has no worker waits for the next one, as long as the socket's buffer has room
    /// (`net.core.rmem_default`). A slot that is to have no worker any more gets no more datagrams; until it is
    /// gone, those of one peer may go to several others. An upgrade keeps the sockets, and cannot change the
    /// addresses.
    pub fn udp(mut self, address: impl fmt::Display) -> Self {
        self.config.udp.push(address.to_string());
        self
    }

    /// The environment of the workers of a slot, besides that of the master: pairs of name and value. It is
    /// called in each worker, right after the fork, and set before anything else of the user runs there. A
    /// name or value that cannot be set stops the server, as [`Error::fatal`](crate::Error::fatal) does.
    ///
    /// Each worker has its slot in `EVENKEEL_SLOT` and its generation in `EVENKEEL_GENERATION` anyway, and
    /// so have the programs that it starts.
    ///
    /// ```no_run
    /// evenkeel::Server::bind("127.0.0.1:8080")
    ///     .worker_env(|slot| vec![("METRICS_PORT".into(), (9100 + slot).to_string())])
    ///     .serve(|_, res| res.body(std::env::var("METRICS_PORT").unwrap_or_default()))?;
    /// # Ok::<(), evenkeel::Error>(())
    /// ```
    pub fn worker_env(mut self, variables: impl Fn(u16) -> Vec<(String, String)> + 'a) -> Self {
        self.hooks.environment = Some(Box::new(variables));
        self
    }
}
