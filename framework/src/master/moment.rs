//! Points in time that cross an `execve`.
//!
//! An [`Instant`] has no value that another program could read. What is written is how far it lies
//! ahead, or back; the milliseconds that the change of programs takes are not counted.

use std::time::{Duration, Instant};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Milliseconds from now; negative for the past.
#[derive(Serialize, Deserialize)]
struct Offset(i64);

impl Offset {
    fn of(moment: Instant) -> Self {
        let now = Instant::now();
        let milliseconds = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        match moment.checked_duration_since(now) {
            Some(ahead) => Self(milliseconds(ahead)),
            None => Self(-milliseconds(now - moment)),
        }
    }

    fn moment(&self) -> Instant {
        let now = Instant::now();
        let distance = Duration::from_millis(self.0.unsigned_abs());
        let moment = if self.0 < 0 { now.checked_sub(distance) } else { now.checked_add(distance) };
        moment.unwrap_or(now)
    }
}

pub(super) fn serialize<S: Serializer>(moment: &Instant, to: S) -> Result<S::Ok, S::Error> {
    Offset::of(*moment).serialize(to)
}

pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Instant, D::Error> {
    Ok(Offset::deserialize(from)?.moment())
}

/// The same for a moment that may be missing.
pub(super) mod option {
    use super::{Deserialize, Deserializer, Instant, Offset, Serialize, Serializer};

    #[allow(clippy::ref_option, reason = "the signature that serde calls")]
    pub(in crate::master) fn serialize<S: Serializer>(
        moment: &Option<Instant>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        moment.map(Offset::of).serialize(to)
    }

    pub(in crate::master) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Instant>, D::Error> {
        Ok(Option::<Offset>::deserialize(from)?.as_ref().map(Offset::moment))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Serialize, Deserialize)]
    struct Moments {
        #[serde(with = "super")]
        due: Instant,
        #[serde(with = "super::option")]
        since: Option<Instant>,
        #[serde(with = "super::option")]
        never: Option<Instant>,
    }

    #[test]
    fn a_moment_keeps_its_distance() {
        let now = Instant::now();
        let minute = Duration::from_secs(60);
        let moments = Moments { due: now + minute, since: now.checked_sub(minute), never: None };
        let text = serde_json::to_string(&moments).unwrap();
        let read: Moments = serde_json::from_str(&text).unwrap();
        let near = |one: Instant, other: Instant| {
            one.max(other) - one.min(other) < Duration::from_secs(10)
        };
        assert!(near(read.due, now + minute));
        assert!(near(read.since.unwrap(), now.checked_sub(minute).unwrap()));
        assert_eq!(read.never, None);
    }
}
