//! The time of a line, made once a second.

use std::time::{Duration, UNIX_EPOCH};

/// httpdate knows the calendar, and refuses years beyond 9999 with a panic.
const YEAR_9999: u64 = 253_370_764_800;

/// The last second that was asked for, in both ways to write it.
#[derive(Debug)]
pub(super) struct Times {
    unix_seconds: Option<u64>,
    common: [u8; 28],
    rfc3339: [u8; 20],
}

impl Default for Times {
    fn default() -> Self {
        let (common, rfc3339) = (*b"[01/Jan/1970:00:00:00 +0000]", *b"1970-01-01T00:00:00Z");
        Self { unix_seconds: None, common, rfc3339 }
    }
}

impl Times {
    /// As in `[10/Oct/2000:13:55:36 +0000]`.
    pub(super) fn common(&mut self, unix_seconds: u64) -> &[u8] {
        self.turn_to(unix_seconds);
        &self.common
    }

    /// As in `2000-10-10T13:55:36Z`.
    pub(super) fn rfc3339(&mut self, unix_seconds: u64) -> &[u8] {
        self.turn_to(unix_seconds);
        &self.rfc3339
    }

    fn turn_to(&mut self, unix_seconds: u64) {
        if self.unix_seconds == Some(unix_seconds) {
            return;
        }
        self.unix_seconds = Some(unix_seconds);
        let since_epoch = Duration::from_secs(unix_seconds.min(YEAR_9999));
        let text = httpdate::fmt_http_date(UNIX_EPOCH + since_epoch);
        // Sun, 06 Nov 1994 08:49:37 GMT
        let Ok(text) = <&[u8; 29]>::try_from(text.as_bytes()) else { return };
        let (day, name, year, clock) = (&text[5..7], &text[8..11], &text[12..16], &text[17..25]);
        self.common[1..3].copy_from_slice(day);
        self.common[4..7].copy_from_slice(name);
        self.common[8..12].copy_from_slice(year);
        self.common[13..21].copy_from_slice(clock);
        self.rfc3339[..4].copy_from_slice(year);
        self.rfc3339[5..7].copy_from_slice(month_number(name));
        self.rfc3339[8..10].copy_from_slice(day);
        self.rfc3339[11..19].copy_from_slice(clock);
    }
}

fn month_number(name: &[u8]) -> &'static [u8; 2] {
    match name {
        b"Jan" => b"01",
        b"Feb" => b"02",
        b"Mar" => b"03",
        b"Apr" => b"04",
        b"May" => b"05",
        b"Jun" => b"06",
        b"Jul" => b"07",
        b"Aug" => b"08",
        b"Sep" => b"09",
        b"Oct" => b"10",
        b"Nov" => b"11",
        _ => b"12",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_that_of_the_second_asked_for() {
        let mut times = Times::default();
        assert_eq!(times.common(971_186_136), b"[10/Oct/2000:13:55:36 +0000]");
        assert_eq!(times.rfc3339(971_186_136), b"2000-10-10T13:55:36Z");
        assert_eq!(times.rfc3339(971_186_137), b"2000-10-10T13:55:37Z");
        assert_eq!(times.common(951_782_400), b"[29/Feb/2000:00:00:00 +0000]");
        assert_eq!(times.rfc3339(u64::MAX).len(), 20);
    }

    #[test]
    fn each_month_has_its_number() {
        let mut times = Times::default();
        for month in 1..=12u64 {
            // The middle of each month of 1970.
            let seconds = (month * 61 / 2 - 15) * 86_400;
            let text = times.rfc3339(seconds).to_owned();
            assert_eq!(text[5..7], *format!("{month:02}").as_bytes());
        }
    }
}
