//! Answers as octets.

use super::date::DateLine;
use super::refusal::Refusal;
use crate::decimal::decimal;

/// Whether another request may follow on the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Persistence {
    /// As HTTP/1.1 has it when nothing is said.
    Keep,
    /// For a client that speaks HTTP/1.0 and asked for it.
    KeepAndSay,
    Close,
}

/// `100 Continue` (RFC 9110 section 15.2.1).
pub(super) const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The chunk that ends a body, and no trailer fields.
pub(super) const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// How the end of an answer's body can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimiter {
    /// There is no body, and its length is not said: RFC 9110 sections 8.6 and 15.4.5 (204 has no length;
    /// a 304 has that of the answer it stands for, which only its handler could know).
    Nothing,
    Length(u64),
    Chunked,
    /// For clients that speak HTTP/1.0.
    Close,
}

/// Appends the head of a handler's answer, up to the empty line.
pub(super) fn head(
    out: &mut Vec<u8>,
    status: u16,
    delimiter: Delimiter,
    persistence: Persistence,
    headers: &[u8],
    date: &DateLine,
) {
    begin(out, status, date);
    match delimiter {
        Delimiter::Length(bytes) => length(out, bytes),
        Delimiter::Chunked => out.extend_from_slice(b"Transfer-Encoding: chunked\r\n"),
        Delimiter::Nothing | Delimiter::Close => {}
    }
    connection(out, persistence);
    out.extend_from_slice(headers);
    out.extend_from_slice(b"\r\n");
}

/// Appends one chunk. An empty one would end the body, so it is left out.
pub(super) fn chunk(out: &mut Vec<u8>, portion: &[u8]) {
    if portion.is_empty() {
        return;
    }
    let length = portion.len();
    let digits = (usize::BITS - length.leading_zeros()).div_ceil(4);
    for place in (0..digits).rev() {
        out.push(b"0123456789abcdef"[(length >> (4 * place)) & 15]);
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(portion);
    out.extend_from_slice(b"\r\n");
}

/// Appends the server's own answer to a message that no handler sees. The connection ends with it.
/// Octets of its body.
pub(super) fn refusal(
    out: &mut Vec<u8>,
    refusal: Refusal,
    date: &DateLine,
    head_only: bool,
) -> u64 {
    let bytes = refusal.fault.len() as u64 + 1;
    let kind = b"Content-Type: text/plain\r\n";
    head(out, refusal.status, Delimiter::Length(bytes), Persistence::Close, kind, date);
    if head_only {
        return 0;
    }
    out.extend_from_slice(refusal.fault.as_bytes());
    out.push(b'\n');
    bytes
}

fn begin(out: &mut Vec<u8>, status: u16, date: &DateLine) {
    if status == 200 {
        out.extend_from_slice(b"HTTP/1.1 200 OK\r\nDate: ");
    } else {
        out.extend_from_slice(b"HTTP/1.1 ");
        decimal(out, status.into());
        out.push(b' ');
        out.extend_from_slice(reason(status).as_bytes());
        out.extend_from_slice(b"\r\nDate: ");
    }
    out.extend_from_slice(date);
    out.extend_from_slice(b"\r\n");
}

fn length(out: &mut Vec<u8>, bytes: u64) {
    out.extend_from_slice(b"Content-Length: ");
    decimal(out, bytes);
    out.extend_from_slice(b"\r\n");
}

fn connection(out: &mut Vec<u8>, persistence: Persistence) {
    out.extend_from_slice(match persistence {
        Persistence::Keep => b"",
        Persistence::KeepAndSay => b"Connection: keep-alive\r\n",
        Persistence::Close => b"Connection: close\r\n",
    });
}

/// RFC 9110 section 15. A status without a name has an empty reason, which section 4 of RFC 9112
/// allows.
fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        205 => "Reset Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        406 => "Not Acceptable",
        408 => "Request Timeout",
        409 => "Conflict",
        410 => "Gone",
        411 => "Length Required",
        412 => "Precondition Failed",
        413 => "Content Too Large",
        414 => "URI Too Long",
        415 => "Unsupported Media Type",
        416 => "Range Not Satisfiable",
        417 => "Expectation Failed",
        422 => "Unprocessable Content",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        505 => "HTTP Version Not Supported",
        _ => "",
    }
}
