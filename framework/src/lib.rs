//! Prefork servers that the kernel balances.
//!
//! A program that calls [`Server::serve`] at the top of `main` becomes a minimal master, which forks
//! workers and then only waits for signals and for their short messages, and workers, each with one
//! thread, one event loop and its own listener on the same port (`SO_REUSEPORT`). The kernel picks
//! the worker for a connection; the master never touches one.
//!
//! ```no_run
//! fn main() -> Result<(), evenkeel::Error> {
//!     evenkeel::Server::bind("0.0.0.0:8080")
//!         .serve(|req, res| res.body(format!("hello from {}\n", req.path())))
//! }
//! ```
//!
//! # What holds
//! - The listener of a slot outlives its workers: the master keeps a duplicate, so that what waits in
//!   the accept queue when a worker dies is answered by the next one.
//! - A connection is not sent to a slot without a ready worker: the kernel is told to choose among
//!   the others.
//! - All workers stop together: what was queued or in flight is answered, within one deadline.
//!
//! Workers may also serve with axum, hyper, anything on tokio, or a loop of their own: see [`adapters`].
//!
//! # Signals to the master
//! | signal | meaning |
//! |---|---|
//! | TERM, INT | drain and stop; the second one: at once |
//! | QUIT | stop at once |
//! | HUP | reload: replace all workers, one after the other, each when its successor is ready |
//! | USR2 | upgrade: run the program that is on disk now, in place, and then reload |
//! | USR1 | open the files of logs anew, after they were moved |
//! | TTIN, TTOU | one worker more, one fewer |
//!
//! The same, with an answer when it is done, can be had over a socket: see [`control`]. A worker that
//! gets TERM drains and is replaced. Metrics, health and a page that shows how all is are served by a
//! process of their own, if [`Server::admin`] names an address. Linux only.

#![cfg_attr(
    not(feature = "admin"),
    allow(dead_code, reason = "what the admin process reads is written all the same")
)]

mod access_log;
pub mod adapters;
#[cfg(feature = "admin")]
mod admin;
pub mod apps;
mod birth;
mod board;
mod cluster;
#[cfg(feature = "config")]
pub mod config;
pub mod control;
mod decimal;
mod dispatcher;
mod error;
mod files;
mod guard;
pub mod guide;
mod http;
mod ids;
mod limits;
mod master;
mod net;
mod output;
mod plan;
mod role;
mod rotation;
mod server;
mod signals;
mod sys;
mod worker;

#[cfg(feature = "tokio")]
pub use adapters::TokioWorker;
pub use adapters::{Connection, Drain, RawWorker};
pub use board::{Phase, Snapshot, WorkerSnapshot};
pub use cluster::{ClusterEvent, WorkerId};
pub use error::Error;
pub use http::{
    BodyPlan, BodySink, BodyWriter, Flow, Handler, Limits, Request, Responder, Response, Source,
    Version,
};
pub use limits::{MESSAGE_BYTES_MAX, SLOTS_MAX};
pub use master::Cluster;
#[cfg(feature = "seccomp")]
pub use plan::Seccomp;
pub use plan::{
    AcceptWake, AccessLog, Address, Listener, LogFormat, Output, Policy, Resource, Timeouts,
    Workers,
};
pub use role::{is_master, is_worker};
pub use server::Server;
pub use worker::Worker;
pub use worker::foreign::Foreign;

#[doc = include_str!("http/strictness.md")]
pub mod conformance {}

/// The examples of README.md, compiled.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
mod readme {}

/// The pure parts, for the project's own simulations and property tests, and what the program `evenkeel` asks of
/// the system. Not part of the interface.
#[doc(hidden)]
pub mod internals {
    pub use crate::apps::directory::let_through;
    pub use crate::apps::lock::Lock;
    pub use crate::board::total;
    pub use crate::http::rehearse;
    pub use crate::http::{Awaited, Conversation, Heard, Terms, converse, converse_on, proxied};
    pub use crate::ids::{ChildId, Generation, Place, SlotId};
    pub use crate::limits::{GRACE_DEFAULT, READY_TIMEOUT_DEFAULT};
    pub use crate::master::action::{Action, Outcome, Reason, Rollout, Verdict};
    pub use crate::master::event::{Event, Exit};
    pub use crate::master::supervisor::{Layout, Rules, Scaling, Supervisor};
    pub use crate::net::balance::{Balancer, Table, least_busy, turns};
    pub use crate::net::group::{Choice, Group};
    pub use crate::plan::Rule;
    pub use crate::server::STARTED;
    pub use crate::sys::descriptors::close_strangers_on_exec;
}
