//! What a handler answers.

use super::refusal::{is_field_value, is_token};

/// The answer to one request: status 200 and empty, until the handler says something else.
///
/// The fields that frame the message (`Content-Length`, `Transfer-Encoding`, `Connection`, `Date`)
/// are the server's own. What would break the message, such as a line break in a value, is never
/// sent: the answer becomes a 500, and the log says why.
#[derive(Debug)]
pub struct Response<'a> {
    pub(super) status: u16,
    pub(super) scratch: &'a mut Scratch,
    pub(super) close: bool,
    pub(super) fault: Option<&'static str>,
}

/// Buffers that all answers of a worker use in turn.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    /// Header fields as they are sent.
    pub(super) headers: Vec<u8>,
    pub(super) body: Vec<u8>,
}

impl<'a> Response<'a> {
    pub(super) fn new(scratch: &'a mut Scratch) -> Self {
        scratch.headers.clear();
        scratch.body.clear();
        Self { status: 200, scratch, close: false, fault: None }
    }

    /// Sets the status, from 200 to 599.
    pub fn status(&mut self, status: u16) -> &mut Self {
        if !(200..=599).contains(&status) {
            self.fault = Some("a status that is not from 200 to 599");
        }
        self.status = status;
        self
    }

    /// Adds a header field.
    pub fn header(&mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> &mut Self {
        let (name, value) = (name.as_ref(), value.as_ref());
        if let Some(fault) = fault_in(name, value) {
            self.fault = Some(fault);
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
        self.scratch.body.clear();
        self.scratch.body.extend_from_slice(body.as_ref());
    }

    /// Closes the connection after this answer.
    pub fn close(&mut self) -> &mut Self {
        self.close = true;
        self
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
