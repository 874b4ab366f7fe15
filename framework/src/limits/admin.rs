//! The limits of the admin process.

use std::time::Duration;

/// Connections to the admin process that wait: those of a few monitors and browsers.
pub(crate) const ADMIN_BACKLOG: u32 = 128;

/// Connections that the admin process holds at a time. Each is for one request.
pub(crate) const ADMIN_CONNECTIONS_MAX: usize = 64;

/// Time there for a whole request head, for the next octets of a body, and for the peer to take some of an
/// answer, and to see its end: all places are free again before a probe that waits for one, for 3 s or more, is
/// given up, whatever others leave unsaid or unread.
pub(crate) const ADMIN_PATIENCE: Duration = Duration::from_secs(1);

/// Octets a second there, on average and beyond the first second: the page, which anybody may ask for, is taken
/// within another one.
pub(crate) const ADMIN_RATE_MIN: u32 = 32 * 1024;

/// Octets of what is sent to the admin process: `{"workers":"+1"}`.
pub(crate) const ADMIN_BODY_BYTES_MAX: u64 = 1024;

/// Commands of the admin process that the master carries out at a time: a reload that takes its time, and
/// what else is asked for meanwhile. Each costs the master one descriptor.
pub(crate) const ADMIN_LINES: usize = 2;

/// Octets of a token, at least: what cannot be guessed, even if it is of hexadecimal digits.
pub(crate) const ADMIN_TOKEN_BYTES_MIN: usize = 16;

/// How long the admin process may take over its last answers when all workers are gone: a stop is not to
/// wait for somebody who only looks.
pub(crate) const ADMIN_DRAIN: Duration = Duration::from_secs(1);
