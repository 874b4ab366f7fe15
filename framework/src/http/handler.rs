//! Who answers requests, and takes their bodies.

use std::fmt;
use std::ops::ControlFlow;

use super::request::Request;
use super::response::Response;

/// Answers requests. Each closure that takes a [`Request`] and a [`Response`] is one; implement it for
/// a type of your own to take large bodies as they come:
///
/// ```no_run
/// use std::ops::ControlFlow;
/// use evenkeel::{BodyPlan, BodySink, Handler, Request, Response, Server};
///
/// struct Uploads;
///
/// /// Counts what comes, and keeps none of it.
/// struct Count(u64);
///
/// impl Handler for Uploads {
///     fn answer(&mut self, _request: &Request<'_>, response: &mut Response<'_>) {
///         response.status(404).body("POST to /upload\n");
///     }
///
///     fn body(&mut self, head: &Request<'_>) -> BodyPlan {
///         match head.path() {
///             "/upload" => BodyPlan::Stream { sink: Box::new(Count(0)), bytes_max: 1 << 40 },
///             _ => BodyPlan::Whole,
///         }
///     }
/// }
///
/// impl BodySink for Count {
///     fn take(&mut self, octets: &[u8]) -> ControlFlow<u16> {
///         self.0 += octets.len() as u64;
///         ControlFlow::Continue(())
///     }
///
///     fn finish(self: Box<Self>, _request: &Request<'_>, response: &mut Response<'_>) {
///         response.body(format!("{} octets\n", self.0));
///     }
/// }
///
/// Server::bind("127.0.0.1:8080").serve_handler(|_worker| Ok::<_, evenkeel::Error>(Uploads))?;
/// # Ok::<(), evenkeel::Error>(())
/// ```
pub trait Handler {
    /// Answers a complete request.
    fn answer(&mut self, request: &Request<'_>, response: &mut Response<'_>);

    /// The head of a request came that has a body: how is that to be taken? The body of `head` is empty
    /// here.
    fn body(&mut self, head: &Request<'_>) -> BodyPlan {
        let _ = head;
        BodyPlan::Whole
    }
}

/// How the body of one request is taken.
#[non_exhaustive]
pub enum BodyPlan {
    /// Into memory, up to [`Limits::body_bytes_max`](crate::Limits::body_bytes_max), and then
    /// [`Handler::answer`] is called.
    Whole,
    /// The same with another limit, in bytes.
    UpTo(u64),
    /// Each portion is given to the sink as it comes, and none is kept. Nothing more is read from the
    /// connection while the sink works, so that a slow sink slows the client down; it also holds up the
    /// worker's other connections.
    Stream {
        /// Takes the body and answers the request, in place of [`Handler::answer`].
        sink: Box<dyn BodySink>,
        /// A body that is longer than so many bytes is refused with 413.
        bytes_max: u64,
    },
    /// The body is not looked at: [`Handler::answer`] is called at once, with an empty one, and the
    /// connection closed after its answer. A client that waits for `100 Continue` never sends it.
    Unread,
    /// The body is not wanted: the request is answered with this status (from 400 to 599) at once, and
    /// the connection closed. A client that waits for `100 Continue` never sends it.
    Refuse(u16),
}

/// Takes one body as it comes. Dropped without [`BodySink::finish`] when the body does not come whole.
pub trait BodySink {
    /// The next octets. `Break` ends it: the request is answered with this status (from 400 to 599), and
    /// the connection closed.
    fn take(&mut self, octets: &[u8]) -> ControlFlow<u16>;

    /// The body is complete: answers the request, whose body is empty here.
    fn finish(self: Box<Self>, request: &Request<'_>, response: &mut Response<'_>);
}

impl<F> Handler for F
where
    F: FnMut(&Request<'_>, &mut Response<'_>),
{
    fn answer(&mut self, request: &Request<'_>, response: &mut Response<'_>) {
        self(request, response);
    }
}

impl fmt::Debug for BodyPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole => f.write_str("Whole"),
            Self::UpTo(bytes) => f.debug_tuple("UpTo").field(bytes).finish(),
            Self::Stream { bytes_max, .. } => {
                f.debug_struct("Stream").field("bytes_max", bytes_max).finish_non_exhaustive()
            }
            Self::Unread => f.write_str("Unread"),
            Self::Refuse(status) => f.debug_tuple("Refuse").field(status).finish(),
        }
    }
}
