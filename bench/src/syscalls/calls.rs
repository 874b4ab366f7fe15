//! How often each system call was made.

use std::collections::{BTreeMap, BTreeSet};

use crate::stats::float;

/// Less than this, per request, is none: a timer's tick, or the beginning and the end of a connection
/// that is kept.
pub(super) const NONE: f64 = 0.02;

/// By name; counts, or, divided, calls per request.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Calls(BTreeMap<String, f64>);

impl Calls {
    /// Reads the table that `strace -c` makes: a line for each call, of which the fourth column is the
    /// number and the last one the name. The column of errors between them may be empty.
    pub(super) fn read(summary: &str) -> Self {
        let of_line = |line: &str| {
            let cells: Vec<&str> = line.split_whitespace().collect();
            let (share, name) = (cells.first()?, cells.last()?);
            share.parse::<f64>().ok().filter(|_| *name != "total")?;
            Some(((*name).to_owned(), float(cells.get(3)?.parse::<u64>().ok()?)))
        };
        Self(summary.lines().filter_map(of_line).collect())
    }

    pub(super) fn per_request(self, requests: u64) -> Self {
        let each = self.0.into_iter().map(|(name, count)| (name, count / float(requests)));
        Self(each.filter(|(_, count)| *count >= NONE).collect())
    }

    pub(super) fn sum(&self) -> f64 {
        self.0.values().sum()
    }

    pub(super) fn cell(&self, name: &str) -> String {
        self.0.get(name).map_or_else(|| "–".to_owned(), |count| format!("{count:.2}"))
    }

    /// What is made more often here than there, in words.
    pub(super) fn beyond(&self, other: &Self) -> String {
        let more = self.0.iter().filter_map(|(name, count)| {
            let more = count - other.0.get(name).copied().unwrap_or(0.0);
            (more >= NONE).then(|| format!("{name} {more:.2}"))
        });
        let more: Vec<String> = more.collect();
        if more.is_empty() { "nothing".to_owned() } else { more.join(", ") }
    }
}

/// Of all calls of all servers.
pub(super) fn names<'a>(servers: impl Iterator<Item = &'a Calls>) -> BTreeSet<&'a str> {
    servers.flat_map(|calls| calls.0.keys().map(String::as_str)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUMMARY: &str = "\
% time     seconds  usecs/call     calls    errors syscall
------ ----------- ----------- --------- --------- ----------------
 60.00    0.000100          10        20           epoll_wait
 40.00    0.000050          10        30         9 accept4
  0.00    0.000000           0         1           timerfd_settime
------ ----------- ----------- --------- --------- ----------------
100.00    0.000150          20        51         9 total
";

    #[test]
    fn the_table_of_strace_is_read_with_and_without_errors() {
        let calls = Calls::read(SUMMARY).per_request(10);
        assert_eq!(
            (calls.cell("epoll_wait"), calls.cell("accept4")),
            ("2.00".into(), "3.00".into())
        );
        assert_eq!((calls.cell("write"), calls.cell("total")), ("–".into(), "–".into()));
        assert!((calls.sum() - 5.1).abs() < 1e-9);
        let rare = Calls::read(SUMMARY).per_request(1000);
        assert_eq!(rare.cell("timerfd_settime"), "–", "one in a thousand is none");
        assert_eq!(Calls::read("strace: attach: Operation not permitted\n"), Calls::default());
    }

    #[test]
    fn what_is_beyond_another_server_is_named() {
        let (few, many) =
            (Calls::read(SUMMARY).per_request(20), Calls::read(SUMMARY).per_request(10));
        assert_eq!(many.beyond(&few), "accept4 1.50, epoll_wait 1.00, timerfd_settime 0.05");
        assert_eq!(few.beyond(&many), "nothing");
    }
}
