//! What the user wants to be told, and to say.

use std::net::SocketAddr;

use super::Cluster;
use crate::board::Snapshot;
use crate::cluster::ClusterEvent;
use crate::plan::Address;

/// The closures of the user that run in the master; and one that a worker runs before all else.
#[derive(Default)]
pub(crate) struct Hooks<'a> {
    pub(crate) listening: Option<Listening<'a>>,
    pub(crate) listening_all: Option<ListeningAll<'a>>,
    pub(crate) stop: Option<Stopped<'a>>,
    pub(crate) event: Option<Happened<'a>>,
    pub(crate) environment: Option<Environment<'a>>,
}

/// Hears the primary address.
type Listening<'a> = Box<dyn FnOnce(SocketAddr) + 'a>;
/// Hears all addresses.
type ListeningAll<'a> = Box<dyn FnOnce(&[Address]) + 'a>;
/// Hears the last counts.
type Stopped<'a> = Box<dyn FnOnce(&Snapshot) + 'a>;
/// Hears what happens to workers, and acts on it.
type Happened<'a> = Box<dyn FnMut(&ClusterEvent<'_>, &mut Cluster<'_>) + 'a>;
/// Says the variables of a slot's workers.
type Environment<'a> = Box<dyn Fn(u16) -> Vec<(String, String)> + 'a>;
