//! What a handler sees of a request.

use std::net::SocketAddr;

use super::head::Head;

/// The version that a client speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    Http11,
}

/// A whole request: its head has been checked against RFC 9112, its body is complete.
///
/// ```no_run
/// evenkeel::Server::bind("127.0.0.1:8080").serve(|req, res| {
///     match (req.method(), req.path()) {
///         ("GET", "/") => res.body("hello\n"),
///         ("POST", "/echo") => res.body(req.body()),
///         _ => {
///             res.status(404);
///         }
///     }
/// })?;
/// # Ok::<(), evenkeel::Error>(())
/// ```
#[derive(Debug)]
pub struct Request<'a> {
    head: Head<'a, 'a>,
    body: &'a [u8],
    remote: Option<SocketAddr>,
}

impl<'a> Request<'a> {
    pub(super) fn new(head: Head<'a, 'a>, body: &'a [u8], remote: Option<SocketAddr>) -> Self {
        Self { head, body, remote }
    }

    /// The method, in the client's case: `GET`, `POST` and so on.
    pub fn method(&self) -> &'a str {
        self.head.method
    }

    /// The target as it was sent: `/path?query`, an absolute URI, or `*`.
    pub fn target(&self) -> &'a str {
        self.head.target
    }

    /// The path, without the query; percent-encoding is left as it is. `/` when an absolute URI has
    /// none.
    pub fn path(&self) -> &'a str {
        let path = self.path_and_query().split('?').next().unwrap_or_default();
        if path.is_empty() { "/" } else { path }
    }

    /// What follows the first `?`, if there is one.
    pub fn query(&self) -> Option<&'a str> {
        self.path_and_query().split_once('?').map(|(_, query)| query)
    }

    /// The first value of `name` in a query of the form `name=value&name=value`. Nothing is decoded.
    pub fn query_value(&self, name: &str) -> Option<&'a str> {
        let pairs = self.query()?.split('&');
        pairs
            .filter_map(|pair| pair.split_once('='))
            .find_map(|(key, value)| (key == name).then_some(value))
    }

    /// The client's version.
    pub fn version(&self) -> Version {
        self.head.version
    }

    /// The value of the first field of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&'a [u8]> {
        self.head.values(name).next()
    }

    /// All fields, in the order in which they were sent.
    pub fn headers(&self) -> impl Iterator<Item = (&'a str, &'a [u8])> {
        self.head.headers.iter().map(|header| (header.name, header.value))
    }

    /// The whole body, with the chunked coding undone; empty if there is none.
    pub fn body(&self) -> &'a [u8] {
        self.body
    }

    /// The address that the connection came from, or that its proxy names; `None` for unix-domain sockets,
    /// and when the peer had gone before it could be asked for.
    pub fn remote(&self) -> Option<SocketAddr> {
        self.remote
    }

    fn path_and_query(&self) -> &'a str {
        let target = self.head.target;
        let Some((_, after)) = target.split_once("://").filter(|_| !target.starts_with('/')) else {
            return target;
        };
        after.find(['/', '?']).map_or("", |at| &after[at..])
    }
}
