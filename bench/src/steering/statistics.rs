//! The kernel's statistics of its programs.

use std::fs;

use anyhow::{Context, Result};

/// While it is 1, each run of a program is counted and timed.
pub(super) const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// They are switched on until this is dropped, when they are again as they were before.
pub(super) struct Statistics {
    before: String,
}

impl Statistics {
    pub(super) fn switch_on() -> Result<Self> {
        let mend = || {
            format!(
                "the kernel's statistics cannot be switched on: run this as root, where {SWITCH} can \
                 be written"
            )
        };
        let before = fs::read_to_string(SWITCH).with_context(mend)?;
        fs::write(SWITCH, "1").with_context(mend)?;
        Ok(Self { before })
    }
}

impl Drop for Statistics {
    fn drop(&mut self) {
        if let Err(error) = fs::write(SWITCH, &self.before) {
            eprintln!("{SWITCH} stays 1 ({error}): write {} to it", self.before.trim());
        }
    }
}

/// What the kernel has counted since a program was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Count {
    pub(super) ns: u64,
    pub(super) runs: u64,
}

impl Count {
    /// Of the program that chooses among the listeners of a server with this master, which holds its
    /// descriptor.
    pub(super) fn of(master: u32) -> Result<Self> {
        let folder = format!("/proc/{master}/fdinfo");
        let entries = fs::read_dir(&folder).with_context(|| format!("cannot read {folder}"))?;
        let texts = entries.flatten().flat_map(|entry| fs::read_to_string(entry.path()));
        let count = texts.into_iter().find_map(|text| Self::read(&text));
        count.with_context(|| format!("no descriptor in {folder} is a program that chooses"))
    }

    /// `None` if it is about something else.
    fn read(fdinfo: &str) -> Option<Self> {
        const SK_REUSEPORT: u64 = 21;
        let field = |name: &str| {
            let value = fdinfo.lines().find_map(|line| line.strip_prefix(name));
            value?.trim().parse::<u64>().ok()
        };
        if field("prog_type:")? != SK_REUSEPORT {
            return None;
        }
        Some(Self { ns: field("run_time_ns:")?, runs: field("run_cnt:")? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernels_count_of_a_program_is_read() {
        let text = "pos:\t0\nflags:\t02000002\nprog_type:\t21\nprog_jited:\t1\nmemlock:\t57344\n\
                    run_time_ns:\t4200\nrun_cnt:\t42\nrecursion_misses:\t0\n";
        assert_eq!(Count::read(text), Some(Count { ns: 4200, runs: 42 }));
        assert_eq!(Count::read(&text.replace("21", "1")), None, "another kind of program");
        assert_eq!(Count::read("pos:\t0\nflags:\t02\nmap_type:\t2\n"), None);
    }
}
