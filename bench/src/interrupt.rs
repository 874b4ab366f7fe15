//! Ctrl-C, or a closed terminal: the measurement stops where it is, and its servers are ended.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, LazyLock};

use anyhow::{Result, ensure};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

static FLAG: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// From now on these signals are noted instead of ending the program, which could not end its
/// servers any more.
pub(crate) fn install() -> Result<()> {
    for signal in [SIGINT, SIGTERM, SIGHUP, SIGQUIT] {
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
