//! Ctrl-C: the measurement stops where it is, and its servers are ended.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use anyhow::{Result, ensure};

static FLAG: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From now on SIGINT and SIGTERM are noted instead of ending the program, which could not end its
/// servers any more.
pub(crate) fn install() -> Result<()> {
    for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
        signal_hook::flag::register(signal, Arc::clone(&FLAG))?;
    }
    Ok(())
}

/// Set once a signal came.
pub(crate) fn flag() -> &'static AtomicBool {
    &FLAG
}

pub(crate) fn requested() -> bool {
    FLAG.load(Relaxed)
}

/// An error once a signal came.
pub(crate) fn check() -> Result<()> {
    ensure!(!requested(), "interrupted");
    Ok(())
}
