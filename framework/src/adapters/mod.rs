#![doc = include_str!("guide.md")]
#![cfg_attr(feature = "axum", doc = include_str!("guide_axum.md"))]
#![doc = include_str!("guide_raw.md")]

mod answering;
#[cfg(feature = "axum")]
mod axum;
mod connection;
mod drain;
mod raw;
#[cfg(feature = "tokio")]
mod tokio;
#[cfg(feature = "axum")]
mod tower;

#[cfg(feature = "axum")]
pub use self::axum::AxumListener;
#[cfg(feature = "tokio")]
pub(crate) use self::tokio::run as run_tokio;
#[cfg(feature = "tokio")]
pub use self::tokio::{Peer, TokioListener, TokioStream, TokioWorker};
#[cfg(feature = "axum")]
pub use self::tower::{Answer, Counted, Sending, WorkerLayer};
pub use answering::Answering;
pub use connection::{Connection, SeatGuard, Socket};
pub use drain::Drain;
pub use raw::RawWorker;
