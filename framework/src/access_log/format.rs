//! One line for one request.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use super::text;
use super::time::Times;
use crate::decimal::decimal;
use crate::limits::{LOG_FIELD_BYTES_MAX, LOG_TARGET_BYTES_MAX, LOG_WORD_BYTES_MAX};
use crate::plan::LogFormat;

/// What is told of one request. Method and target are empty when no parser could read them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) remote: Option<SocketAddr>,
    pub(crate) method: &'a [u8],
    pub(crate) target: &'a [u8],
    /// As in `HTTP/1.1`.
    pub(crate) version: &'a str,
    pub(crate) status: u16,
    pub(crate) body_bytes: u64,
    pub(crate) duration_ns: u64,
    pub(crate) referer: Option<&'a [u8]>,
    pub(crate) user_agent: Option<&'a [u8]>,
    pub(crate) worker: u16,
    pub(crate) unix_seconds: u64,
}

/// Writes lines of one format.
#[derive(Debug)]
pub(super) struct Lines {
    format: LogFormat,
    times: Times,
}

impl Lines {
    pub(super) fn new(format: LogFormat) -> Self {
        Self { format, times: Times::default() }
    }

    /// Appends one line, of at most [`LOG_LINE_BYTES_MAX`](crate::limits::LOG_LINE_BYTES_MAX).
    pub(super) fn append(&mut self, out: &mut Vec<u8>, record: &Record<'_>) {
        match self.format {
            LogFormat::Common => self.common(out, record),
            LogFormat::Combined => {
                self.common(out, record);
                for field in [record.referer, record.user_agent] {
                    out.extend_from_slice(b" \"");
                    text::hexed(out, field.unwrap_or(b"-"), LOG_FIELD_BYTES_MAX);
                    out.push(b'"');
                }
            }
            LogFormat::Json => self.json(out, record),
        }
        out.push(b'\n');
    }

    fn common(&mut self, out: &mut Vec<u8>, record: &Record<'_>) {
        match record.remote {
            Some(remote) => address(out, remote.ip()),
            None => out.push(b'-'),
        }
        // Nobody asks who the user is.
        out.extend_from_slice(b" - - ");
        out.extend_from_slice(self.times.common(record.unix_seconds));
        out.extend_from_slice(b" \"");
        if record.method.is_empty() || record.target.is_empty() {
            out.push(b'-');
        } else {
            text::hexed(out, record.method, LOG_WORD_BYTES_MAX);
            out.push(b' ');
            text::hexed(out, record.target, LOG_TARGET_BYTES_MAX);
            out.push(b' ');
            text::hexed(out, record.version.as_bytes(), LOG_WORD_BYTES_MAX);
        }
        out.extend_from_slice(b"\" ");
        decimal(out, record.status.into());
        out.push(b' ');
        decimal(out, record.body_bytes);
    }

    fn json(&mut self, out: &mut Vec<u8>, record: &Record<'_>) {
        out.extend_from_slice(b"{\"time\":\"");
        out.extend_from_slice(self.times.rfc3339(record.unix_seconds));
        match record.remote {
            Some(remote) => {
                out.extend_from_slice(b"\",\"remote\":\"");
                address(out, remote.ip());
                out.extend_from_slice(b"\",\"port\":");
                decimal(out, remote.port().into());
            }
            None => out.extend_from_slice(b"\",\"remote\":null,\"port\":null"),
        }
        let method = Some(record.method).filter(|method| !method.is_empty());
        let target = Some(record.target).filter(|target| !target.is_empty());
        let version = method.map(|_| record.version.as_bytes());
        string(out, b",\"method\":", method, LOG_WORD_BYTES_MAX);
        string(out, b",\"target\":", target, LOG_TARGET_BYTES_MAX);
        string(out, b",\"version\":", version, LOG_WORD_BYTES_MAX);
        out.extend_from_slice(b",\"status\":");
        decimal(out, record.status.into());
        out.extend_from_slice(b",\"bytes\":");
        decimal(out, record.body_bytes);
        out.extend_from_slice(b",\"duration_us\":");
        decimal(out, record.duration_ns / 1_000);
        string(out, b",\"referer\":", record.referer, LOG_FIELD_BYTES_MAX);
        string(out, b",\"user_agent\":", record.user_agent, LOG_FIELD_BYTES_MAX);
        out.extend_from_slice(b",\"worker\":");
        decimal(out, record.worker.into());
        out.push(b'}');
    }
}

fn string(out: &mut Vec<u8>, name: &[u8], value: Option<&[u8]>, max: usize) {
    out.extend_from_slice(name);
    let Some(value) = value else { return out.extend_from_slice(b"null") };
    out.push(b'"');
    text::json(out, value, max);
    out.push(b'"');
}

/// An IPv4 address that comes through a socket for IPv6 is written as what it is.
fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address.to_canonical() {
        IpAddr::V4(address) => {
            for (at, octet) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    out.push(b'.');
                }
                decimal(out, octet.into());
            }
        }
        // A vector takes all that is written.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}

#[cfg(test)]
mod tests;
