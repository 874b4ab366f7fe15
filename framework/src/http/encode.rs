//! Answers as octets.

use super::date::DateLine;
use super::refusal::Refusal;
use super::response::Response;

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

/// Appends a handler's answer. With `head_only`, for HEAD, the body is announced and not sent.
pub(super) fn response(
    out: &mut Vec<u8>,
    response: &Response<'_>,
    date: &DateLine,
    persistence: Persistence,
    head_only: bool,
) {
    begin(out, response.status, date);
    let body = response.scratch.body.as_slice();
    // RFC 9110 sections 8.6 and 15.4.5: 204 has no length; a 304 has that of the answer it stands
    // for, which only its handler could know.
    let bodiless = matches!(response.status, 204 | 304);
    // Section 15.3.6: a 205 has an empty body.
    let body = if response.status == 205 { &[][..] } else { body };
    if !bodiless {
        length(out, body.len());
    }
    connection(out, persistence);
    out.extend_from_slice(&response.scratch.headers);
    out.extend_from_slice(b"\r\n");
    if !bodiless && !head_only {
        out.extend_from_slice(body);
    }
}

/// Appends the server's own answer to a message that no handler sees. The connection ends with it.
pub(super) fn refusal(out: &mut Vec<u8>, refusal: Refusal, date: &DateLine, head_only: bool) {
    begin(out, refusal.status, date);
    length(out, refusal.fault.len() + 1);
    connection(out, Persistence::Close);
    out.extend_from_slice(b"Content-Type: text/plain\r\n\r\n");
    if !head_only {
        out.extend_from_slice(refusal.fault.as_bytes());
        out.push(b'\n');
    }
}

fn begin(out: &mut Vec<u8>, status: u16, date: &DateLine) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, usize::from(status));
    out.push(b' ');
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\nDate: ");
    out.extend_from_slice(date);
    out.extend_from_slice(b"\r\n");
}

fn length(out: &mut Vec<u8>, bytes: usize) {
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

/// Without the formatting machinery, which costs more than all of the rest.
fn decimal(out: &mut Vec<u8>, mut number: usize) {
    let mut digits = [0; 20];
    let mut start = digits.len();
    loop {
        start -= 1;
        // A digit, so it fits.
        digits[start] = b'0' + u8::try_from(number % 10).unwrap_or(0);
        number /= 10;
        if number == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[start..]);
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
