//! HTTP/1.1, without a socket or a clock: octets in, a handler's call, octets out.
//!
//! ```text
//! octets ── head ── framing ── (chunked) ──▶ Request ── handler ──▶ Response ── encode ──▶ octets
//!            └───────────── connection: one peer's messages, in order ─────────────┘
//! ```
//!
//! RFC 9110 and 9112 are the judges, and strictly: what two programs could read in two ways is
//! refused, and the connection closed. Deliberately absent: HTTP/2 and TLS, which a proxy or the
//! user's own server does better, `Upgrade`, and `CONNECT`.

mod chunked;
mod connection;
mod date;
mod encode;
#[cfg(test)]
mod file;
mod framing;
mod head;
mod limits;
#[cfg(test)]
mod proxy;
mod refusal;
mod request;
mod response;
mod turn;

pub(crate) use connection::{Awaits, Connection, Next};
pub(crate) use date::{DateCache, DateLine};
pub(crate) use limits::Limits;
pub use request::{Request, Version};
pub use response::Response;
pub(crate) use response::Scratch;
pub(crate) use turn::{Meter, Turn};
