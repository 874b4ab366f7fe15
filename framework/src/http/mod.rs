//! HTTP/1.1, without a socket or a clock: octets in, a handler's call, octets out.
//!
//! ```text
//! octets ── head ── framing ── (chunked) ──▶ Request ── handler ──▶ Response ── encode ──▶ octets
//!            └───────────── connection: one peer's messages, in order ─────────────┘
//! ```
//!
//! RFC 9110 and 9112 are the judges, and strictly: what two programs could read in two ways is
//! refused, and the connection closed: [`conformance`](crate::conformance) says how, rule by rule.
//! Deliberately absent: HTTP/2 and TLS, which a proxy or the
//! user's own server does better, `Upgrade`, and `CONNECT`.

mod characters;
mod chunked;
mod connection;
mod converse;
mod date;
mod encode;
mod file;
mod framing;
mod handler;
mod head;
mod later;
mod limits;
mod outgoing;
mod pipe;
mod proxy;
mod record;
mod refusal;
mod rehearsal;
mod request;
mod request_target;
mod response;
mod send_file;
mod solitude;
mod source;
mod turn;

pub(crate) use connection::{Awaits, Connection, Next};
pub use converse::{Awaited, Conversation, Heard, Terms, converse, converse_on, proxied};
pub(crate) use date::{DateCache, DateLine};
pub(crate) use file::{Stat, media_type};
pub use handler::{BodyPlan, BodySink, Handler};
pub use later::Responder;
pub(crate) use later::{Job, Letter, Office, Post};
pub use limits::Limits;
pub use pipe::BodyWriter;
pub(crate) use record::Served;
pub use rehearsal::rehearse;
pub use request::{Request, Version};
pub use response::Response;
pub(crate) use response::Scratch;
pub use source::{Flow, Source};
pub(crate) use turn::{Meter, Turn};
