//! Times and sizes as people write them.

use std::fmt;
use std::time::Duration;

/// An amount of memory or data. As text: `64MiB`, `1.5GB`, or a number of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bytes(pub u64);

/// For how long something is borne. As text: `60s`, or `never`: it is borne for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// For ever.
    Never,
    /// For so long.
    After(Duration),
}

/// In nanoseconds, the longest first.
const TIMES: [(&str, u64); 7] = [
    ("d", 86_400_000_000_000),
    ("h", 3_600_000_000_000),
    ("m", 60_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

/// In bytes. `K` and the like are left out: some mean 1,000 by them, and some 1,024.
const SIZES: [(&str, u64); 7] = [
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// A time such as `30s`, `1.5s` or `1h30m`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    let wrong =
        || format!("{text:?} is no time: say a number and a unit (d, h, m, s, ms, us), as in 30s");
    let mut nanoseconds = 0_u64;
    let mut rest = text.trim();
    if rest.is_empty() {
        return Err(wrong());
    }
    while !rest.is_empty() {
        let unit = rest.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wrong)?;
        let (number, after) = rest.split_at(unit);
        let end = after.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(after.len());
        let (unit, next) = after.split_at(end);
        let part = scaled(number, unit, &TIMES).ok_or_else(wrong)?;
        nanoseconds = nanoseconds.checked_add(part).ok_or_else(wrong)?;
        rest = next.trim_start();
    }
    Ok(Duration::from_nanos(nanoseconds))
}

/// An amount such as `64MiB`.
pub(super) fn bytes(text: &str) -> Result<Bytes, String> {
    let wrong = || {
        format!(
            "{text:?} is no size: say a number and a unit (KiB, MiB, GiB, kB, MB, GB, B), as in 64MiB"
        )
    };
    let text = text.trim();
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit);
    let unit = if unit.is_empty() { "B" } else { unit };
    scaled(number, unit, &SIZES).map(Bytes).ok_or_else(wrong)
}

/// Digits, and a fraction of at most nine of them.
fn scaled(number: &str, unit: &str, units: &[(&str, u64)]) -> Option<u64> {
    let (_, scale) = units.iter().find(|(name, _)| *name == unit)?;
    let number = number.trim();
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|octet| octet.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 9 {
        return None;
    }
    if number.ends_with('.') {
        return None;
    }
    let mut part = 0;
    if !fraction.is_empty() {
        let denominator = 10_u128.pow(u32::try_from(fraction.len()).ok()?);
        part = fraction.parse::<u128>().ok()? * u128::from(*scale) / denominator;
    }
    let whole = whole.parse::<u64>().ok()?.checked_mul(*scale)?;
    whole.checked_add(u64::try_from(part).ok()?)
}

/// The shortest text that means the same.
pub(super) fn time_text(time: Duration) -> String {
    let nanoseconds = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
    if nanoseconds == 0 {
        return "0s".to_owned();
    }
    shortest(nanoseconds, &TIMES)
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&if self.0 == 0 { "0B".to_owned() } else { shortest(self.0, &SIZES) })
    }
}

impl fmt::Display for Patience {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.pad("never"),
            Self::After(time) => f.pad(&time_text(*time)),
        }
    }
}

fn shortest(value: u64, units: &[(&str, u64)]) -> String {
    let whole = units.iter().filter(|(_, scale)| value.is_multiple_of(*scale));
    let texts = whole.map(|(unit, scale)| format!("{}{unit}", value / scale));
    texts.min_by_key(String::len).unwrap_or_else(|| value.to_string())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn times_and_sizes_are_read_as_people_write_them() {
        assert_eq!(time("30s"), Ok(Duration::from_secs(30)));
        assert_eq!(time("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(time("1h30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(time(" 250 ms "), Ok(Duration::from_millis(250)));
        assert_eq!(bytes("64MiB"), Ok(Bytes(64 << 20)));
        assert_eq!(bytes("1.5 GB"), Ok(Bytes(1_500_000_000)));
        assert_eq!(bytes("4096"), Ok(Bytes(4096)));
    }

    #[test]
    fn what_is_neither_is_refused_with_the_mend() {
        for text in [
            "",
            "30",
            "s",
            "-1s",
            "1.s",
            "1x",
            "1 s 2",
            "99999999999999999999s",
            "1.0000000001s",
            "é",
        ] {
            assert!(time(text).is_err_and(|error| error.contains("as in 30s")), "{text}");
        }
        for text in ["", "MiB", "-1", "1K", "1.5.5MiB", "18446744073709551616", "1 MiB MiB", "ß"] {
            assert!(bytes(text).is_err_and(|error| error.contains("as in 64MiB")), "{text}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(number: u64) {
            let nanoseconds = Duration::from_nanos(number);
            prop_assert_eq!(time(&time_text(nanoseconds)), Ok(nanoseconds));
            prop_assert_eq!(bytes(&Bytes(number).to_string()), Ok(Bytes(number)));
        }
    }
}
