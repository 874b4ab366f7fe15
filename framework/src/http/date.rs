//! The value of the `Date` field (RFC 9110 section 6.6.1), made once a second.

use std::io::Write;
use std::time::{Duration, UNIX_EPOCH};

use httpdate::HttpDate;

/// An IMF-fixdate, such as `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) type DateLine = [u8; 29];

/// The last date that was asked for.
#[derive(Debug)]
pub(crate) struct DateCache {
    unix_seconds: Option<u64>,
    line: DateLine,
}

impl Default for DateCache {
    fn default() -> Self {
        Self { unix_seconds: None, line: [b' '; 29] }
    }
}

impl DateCache {
    /// The date of a second since the Unix epoch, before the year 9999.
    pub(crate) fn at(&mut self, unix_seconds: u64) -> &DateLine {
        if self.unix_seconds != Some(unix_seconds) {
            // httpdate refuses years beyond 9999 with a panic.
            const YEAR_9999: u64 = 253_370_764_800;
            let time = UNIX_EPOCH + Duration::from_secs(unix_seconds.min(YEAR_9999));
            let mut line = [b' '; 29];
            // Such a date has 29 octets.
            if write!(&mut line[..], "{}", HttpDate::from(time)).is_ok() {
                self.line = line;
            }
            self.unix_seconds = Some(unix_seconds);
        }
        &self.line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_date_is_that_of_the_second_asked_for() {
        let mut dates = DateCache::default();
        assert_eq!(dates.at(784_111_777), b"Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(dates.at(784_111_778), b"Sun, 06 Nov 1994 08:49:38 GMT");
        assert_eq!(dates.at(u64::MAX).len(), 29);
    }
}
