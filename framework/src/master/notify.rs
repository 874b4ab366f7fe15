//! What the service manager is told (`sd_notify(3)`), if there is one.
//!
//! The main pid is never told: an upgrade keeps it.

use std::time::Duration;

use sd_notify::NotifyState;

use crate::error::Error;

/// All is as it should be: after the start, and after each reload.
pub(super) fn ready(text: &str) {
    say(&[NotifyState::Ready, NotifyState::Status(&line(text))]);
}

/// A reload or an upgrade begins; [`ready`] ends it, whether it was done or not. The clock lets
/// systemd tell this reload from one before (`Type=notify-reload`).
pub(super) fn reloading(text: &str) {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => say(&[NotifyState::Reloading, now, NotifyState::Status(&line(text))]),
        Err(error) => tracing::warn!("cannot read the clock for the service manager: {error}"),
    }
}

/// The stop has begun, or is announced, and takes no longer than this: the manager is to wait as long,
/// whatever it would wait by itself.
pub(super) fn stopping(text: &str, longest: Duration) {
    let extension = extension(longest);
    let text = line(text);
    let states = [NotifyState::Stopping, NotifyState::Status(&text)];
    say(&[&states[..], &[NotifyState::Custom(&extension)]].concat());
}

/// How far it is, and how long the next step may take.
pub(super) fn status(text: &str, longest: Option<Duration>) {
    let (line, extension) = (line(text), longest.map(extension));
    let extension = extension.as_deref().map(NotifyState::Custom);
    say(&std::iter::once(NotifyState::Status(&line)).chain(extension).collect::<Vec<_>>());
}

/// What was begun takes so much longer than was said.
pub(super) fn extend(longest: Duration) {
    say(&[NotifyState::Custom(&extension(longest))]);
}

/// The loop of this master turns.
pub(super) fn alive() {
    say(&[NotifyState::Watchdog]);
}

/// The server ends because of this.
pub(crate) fn failed(error: &Error) {
    say(&[NotifyState::Status(&line(&error.to_string()))]);
}

/// In microseconds, of which the number of the crate holds 71 minutes only.
fn extension(longest: Duration) -> String {
    format!("EXTEND_TIMEOUT_USEC={}", longest.as_micros())
}

/// One line is one assignment, and the text may hold the words of a worker.
fn line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Without a service manager nothing is sent, and that is no error.
fn say(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("cannot tell the service manager: {error}");
    }
}
