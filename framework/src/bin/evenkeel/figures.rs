//! Figures of processes, and how figures are written.

use std::fs;
use std::time::{Duration, UNIX_EPOCH};

use nix::unistd::{SysconfVar, sysconf};

/// The largest unit, as `ps` and PM2 show it.
pub(crate) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..86_400 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// A moment in UTC, as logs have it, from milliseconds since the Unix epoch.
pub(crate) fn moment(at_ms: u64) -> String {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let text = httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_millis(at_ms));
    // Such as `Sun, 06 Nov 1994 08:49:37 GMT`.
    match text.split(' ').collect::<Vec<_>>()[..] {
        [_, day, month, year, time, _] => {
            let month = MONTHS.find(month).unwrap_or(0) / 3 + 1;
            format!("{year}-{month:02}-{day} {time}Z")
        }
        _ => text,
    }
}

pub(crate) fn memory(bytes: u64) -> String {
    format!("{}.{} MiB", bytes >> 20, (bytes % (1 << 20)) * 10 / (1 << 20))
}

pub(crate) fn microseconds(time: Option<u64>) -> String {
    match time {
        None => "-".to_owned(),
        Some(time @ 0..10_000) => format!("{time} us"),
        Some(time) => format!("{} ms", time / 1_000),
    }
}

/// Bytes that only this process has, without what it has of files (`proc_pid_statm(5)`).
pub(crate) fn private_memory(pid: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{pid}/statm")).unwrap_or_default();
    let mut pages = text.split_ascii_whitespace().skip(1).filter_map(|word| word.parse().ok());
    let (resident, shared): (u64, u64) = (pages.next().unwrap_or(0), pages.next().unwrap_or(0));
    resident.saturating_sub(shared) * setting(SysconfVar::PAGE_SIZE, 4096)
}

/// Processor time that a process has used, in seconds (`proc_pid_stat(5)`, fields 14 and 15).
pub(crate) fn processor_time(pid: u32) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let fields: Vec<&str> =
        stat.rsplit_once(") ").map_or("", |(_, rest)| rest).split(' ').collect();
    let ticks = |at: usize| fields.get(at).and_then(|text| text.parse::<u32>().ok()).unwrap_or(0);
    (f64::from(ticks(11)) + f64::from(ticks(12))) / f64::from(ticks_per_second())
}

/// Seconds since a process began at this tick.
pub(crate) fn since(started: u64) -> u64 {
    let uptime = fs::read_to_string("/proc/uptime").unwrap_or_default();
    let seconds: u64 = uptime.split('.').next().and_then(|text| text.parse().ok()).unwrap_or(0);
    seconds.saturating_sub(started / u64::from(ticks_per_second()))
}

fn ticks_per_second() -> u32 {
    u32::try_from(setting(SysconfVar::CLK_TCK, 100)).unwrap_or(100).max(1)
}

fn setting(variable: SysconfVar, usual: u64) -> u64 {
    let said = sysconf(variable).ok().flatten();
    said.and_then(|value| u64::try_from(value).ok()).unwrap_or(usual)
}
