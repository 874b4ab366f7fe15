//! What a handler answers.

use std::borrow::Cow;
use std::fmt;

use super::characters::{is_field_value, is_token};
use super::head::Head;
use super::later::{Office, Responder, Ticket};
use super::outgoing::Parts;

use super::source::{Producer, Source};

/// The answer to one request: status 200 and empty, until the handler says something else.
///
/// The fields that frame the message (`Content-Length`, `Transfer-Encoding`, `Connection`, `Date`)
/// are the server's own. What would break the message, such as a line break in a value, is never
/// sent: the answer becomes a 500, and the log says why.
pub struct Response<'a> {
    pub(super) status: u16,
    pub(super) scratch: &'a mut Scratch,
    pub(super) payload: Payload,
    pub(super) close: bool,
    pub(super) fault: Option<Fault>,
    pub(super) place: Place<'a>,
}

/// Buffers that all answers of a worker use in turn.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Header fields as they are sent.
    pub(super) headers: Vec<u8>,
    pub(super) body: Vec<u8>,
    /// A portion of a body that is made while it is sent.
    pub(super) portion: Vec<u8>,
}

/// Why an answer cannot be sent.
pub(super) type Fault = Cow<'static, str>;

/// What follows the head of an answer.
#[derive(Debug, Default)]
pub(super) enum Payload {
    /// The scratch's body.
    #[default]
    Whole,
    /// So many octets, if that is known.
    Stream(Producer, Option<u64>),
    File(Box<Parts>),
    /// Somebody else answers, under this serial.
    Later(u64),
}

/// Where an answer is made.
#[derive(Clone, Copy)]
pub(super) enum Place<'a> {
    /// In a handler.
    Here { head: &'a Head<'a, 'a>, office: &'a dyn Office, client: usize },
    /// In some thread, after this was asked.
    Elsewhere(&'a Asked),
}

/// What is kept of a request that is answered later.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) method: String,
    /// Those that choose a part of a file, or whether it is sent at all.
    pub(super) fields: Vec<(&'static str, Vec<u8>)>,
}

/// What was made of an answer, without its buffers.
#[derive(Debug)]
pub(super) struct Draft {
    pub(super) status: u16,
    pub(super) payload: Payload,
    pub(super) close: bool,
    pub(super) fault: Option<Fault>,
}

impl Scratch {
    /// Lets go of buffers that one large answer has made larger than this, in octets.
    pub(crate) fn give_back(&mut self, kept_bytes: usize) {
        for buffer in [&mut self.headers, &mut self.body, &mut self.portion] {
            if buffer.capacity() > kept_bytes {
                *buffer = Vec::new();
            }
        }
    }
}

impl<'a> Response<'a> {
    pub(super) fn here(
        scratch: &'a mut Scratch,
        head: &'a Head<'a, 'a>,
        office: &'a dyn Office,
        client: usize,
    ) -> Self {
        Self::new(scratch, Place::Here { head, office, client })
    }

    pub(super) fn elsewhere(scratch: &'a mut Scratch, asked: &'a Asked) -> Self {
        Self::new(scratch, Place::Elsewhere(asked))
    }

    fn new(scratch: &'a mut Scratch, place: Place<'a>) -> Self {
        scratch.headers.clear();
        scratch.body.clear();
        Self { status: 200, scratch, payload: Payload::Whole, close: false, fault: None, place }
    }

    /// Sets the status, from 200 to 599.
    pub fn status(&mut self, status: u16) -> &mut Self {
        if !(200..=599).contains(&status) {
            self.fault = Some("a status that is not from 200 to 599".into());
        }
        self.status = status;
        self
    }

    /// Adds a header field.
    pub fn header(&mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> &mut Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        if let Some(fault) = fault_in(name, value) {
            self.fault = Some(fault.into());
            return self;
        }
        let headers = &mut self.scratch.headers;
        for part in [name.as_bytes(), b": ", value, b"\r\n"] {
            headers.extend_from_slice(part);
        }
        self
    }

    /// Sets the whole body. An earlier one is replaced.
    pub fn body(&mut self, body: impl AsRef<[u8]>) {
        self.payload = Payload::Whole;
        self.scratch.body.clear();
        self.scratch.body.extend_from_slice(body.as_ref());
    }

    /// Sends a body that is made while it is sent, in the chunked coding; to clients that speak HTTP/1.0
    /// up to the end of the connection.
    ///
    /// ```no_run
    /// use evenkeel::Flow;
    ///
    /// evenkeel::Server::bind("127.0.0.1:8080").serve(|_req, res| {
    ///     let mut numbers = 0..1_000_000;
    ///     res.stream(move |portion: &mut Vec<u8>| {
    ///         for number in numbers.by_ref().take(1000) {
    ///             portion.extend_from_slice(format!("{number}\n").as_bytes());
    ///         }
    ///         Ok(if numbers.is_empty() { Flow::Done } else { Flow::More })
    ///     });
    /// })?;
    /// # Ok::<(), evenkeel::Error>(())
    /// ```
    pub fn stream(&mut self, source: impl Source + 'static) {
        self.payload = Payload::Stream(Producer::Pulled(Box::new(source)), None);
    }

    /// The same for a body whose length, in bytes, is known. A source that makes more or less than that
    /// ends the connection, and the log says so.
    pub fn stream_exactly(&mut self, bytes: u64, source: impl Source + 'static) {
        self.payload = Payload::Stream(Producer::Pulled(Box::new(source)), Some(bytes));
    }

    /// The answer will be given by the [`Responder`]; what was said here is forgotten. The connection
    /// waits for it, and the worker serves others meanwhile. A worker that drains waits for it, too,
    /// within its time.
    pub fn later(&mut self) -> Responder {
        let Place::Here { head, office, client } = self.place else {
            // Nobody waits for it, so that it can be dropped.
            self.fault = Some("an answer that is given later cannot be put off again".into());
            let post = std::sync::Arc::new(super::later::Post::new(|| {}));
            let ticket = Ticket { client: usize::MAX, serial: u64::MAX };
            return Responder::new(post, ticket, Asked { method: String::new(), fields: vec![] });
        };
        let serial = office.next_serial();
        self.payload = Payload::Later(serial);
        Responder::new(office.post().clone(), Ticket { client, serial }, Asked::of(head))
    }

    /// Has a thread of the worker make the answer, so that what takes long holds up nobody else. What
    /// was said here is forgotten. When too many jobs wait already the client is told so, with a 503.
    ///
    /// ```no_run
    /// # fn resize(image: &[u8]) -> Vec<u8> { image.to_vec() }
    /// evenkeel::Server::bind("127.0.0.1:8080").serve(|req, res| {
    ///     let image = req.body().to_vec();
    ///     res.offload(move |res| res.body(resize(&image)));
    /// })?;
    /// # Ok::<(), evenkeel::Error>(())
    /// ```
    pub fn offload(&mut self, job: impl FnOnce(&mut Response<'_>) + Send + 'static) {
        let Place::Here { office, .. } = self.place else {
            // It is in a thread already.
            return job(self);
        };
        let responder = self.later();
        let job = Box::new(move || responder.answer(job));
        if !office.submit(job) {
            self.scratch.headers.clear();
            self.status(503).header("Retry-After", "1").body("too much to do\n");
        }
    }

    /// Closes the connection after this answer.
    pub fn close(&mut self) -> &mut Self {
        self.close = true;
        self
    }

    pub(super) fn into_draft(self) -> Draft {
        let Self { status, payload, close, fault, .. } = self;
        Draft { status, payload, close, fault }
    }
}

impl Asked {
    fn of(head: &Head<'_, '_>) -> Self {
        const KEPT: [&str; 6] = [
            "range",
            "if-range",
            "if-match",
            "if-none-match",
            "if-modified-since",
            "if-unmodified-since",
        ];
        let values = |name| head.values(name).map(move |value| (name, value.to_vec()));
        let fields = KEPT.into_iter().flat_map(values).collect();
        Self { method: head.method.to_owned(), fields }
    }
}

impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let headers = String::from_utf8_lossy(&self.scratch.headers);
        f.debug_struct("Response")
            .field("status", &self.status)
            .field("headers", &headers)
            .field("payload", &self.payload)
            .finish_non_exhaustive()
    }
}

fn fault_in(name: &str, value: &[u8]) -> Option<&'static str> {
    const OURS: [&str; 4] = ["content-length", "transfer-encoding", "connection", "date"];
    if !is_token(name.as_bytes()) {
        Some("a header name with characters that it must not have")
    } else if !is_field_value(value) {
        Some("a header value with control characters")
    } else if OURS.iter().any(|ours| name.eq_ignore_ascii_case(ours)) {
        Some("a header field that is the server's own")
    } else {
        None
    }
}
