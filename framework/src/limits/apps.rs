//! Limits of applications by their names, and of who asks their masters.

use std::time::Duration;

/// Octets of the name of an application: what a label of DNS may have (RFC 1035 section 2.3.4), so that it
/// can be one anywhere.
pub(crate) const NAME_BYTES_MAX: usize = 63;

/// Octets of what a master says of itself: its arguments, and a path for the output of each worker, are most of it.
pub(crate) const RECORD_BYTES_MAX: u64 = 1024 * 1024;

/// How long a lock is waited for that another process holds. It does so while it reads and writes a few small
/// files; only one that stands still has it for longer.
pub(crate) const LOCK_PATIENCE: Duration = Duration::from_secs(5);

/// How often such a lock is tried for: about as long as it is held.
pub(crate) const LOCK_LOOK: Duration = Duration::from_millis(5);

/// How long a control socket may take no connection before that is an error. A master takes one as soon as it
/// is scheduled, unless it stands still.
pub(crate) const CONNECT_PATIENCE: Duration = Duration::from_secs(5);

/// How often a connection to a control socket whose queue is full is tried again: nobody says when there is room.
pub(crate) const CONNECT_LOOK: Duration = Duration::from_millis(10);
