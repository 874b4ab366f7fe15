//! How a running master is told what to do, and asked how it is.
//!
//! The master listens on a socket in the file system, if
//! [`Server::control`](crate::Server::control) names one. Each line that a client sends is one
//! [`Command`] as JSON, and is answered by one line, a [`Reply`], when its outcome is known. The
//! command line `evenkeel` is such a client; [`Client`] is one for programs.

mod caller;
mod client;
mod command;
mod server;
mod status;

pub use crate::apps::OutputFile;
pub use client::{Client, Peer};
pub use command::{Command, Reply, Scale};
pub(crate) use server::{Control, Taken};
pub use status::{AdminStatus, DispatcherStatus, EventStatus, Status, WorkerStatus};
