//! What the service manager is told (`sd_notify(3)`), if there is one.

use sd_notify::NotifyState;

/// All is as it should be: after the start, and after each reload.
pub(super) fn ready(text: &str) {
    // One line is one assignment, and the text may hold the words of a worker.
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    say(&[NotifyState::Ready, NotifyState::Status(&text)]);
}

/// A reload or an upgrade begins; [`ready`] ends it, whether it was done or not. The clock lets
/// systemd tell this reload from one before (`Type=notify-reload`).
pub(super) fn reloading(text: &str) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now, NotifyState::Status(text)]),
        Err(error) => tracing::warn!("cannot read the clock for the service manager: {error}"),
    }
}

/// The stop has begun, or is announced.
pub(super) fn stopping(text: &str) {
    say(&[NotifyState::Stopping, NotifyState::Status(text)]);
}

/// Without a service manager nothing is sent, and that is no error.
fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("cannot tell the service manager: {error}");
    }
}
