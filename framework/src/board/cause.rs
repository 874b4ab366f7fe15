//! Why a worker ended.

use std::fmt;

/// Why a worker ended. The words are the same in metrics, listings and the dashboard.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) enum Cause {
    /// Somebody else's signal ended it.
    Signal,
    /// It returned an exit code that is not 0, after it had served.
    ExitCode,
    /// It was ended because it hung.
    Hang,
    /// It ended, was killed for being late, or could not be forked, before it served.
    FailedStart,
    /// Its drain had its time, and it was killed.
    Overdue,
    /// It had reached its limit of memory.
    Memory,
    /// It had reached its limit of age.
    Age,
    /// It had answered as many requests as it may.
    Requests,
    /// A reload replaced it.
    Reload,
    /// An upgrade replaced it.
    Upgrade,
    /// There are to be fewer workers.
    Scale,
    /// Somebody told it to end, with SIGTERM.
    Terminated,
    /// Its listener or its link to the dispatcher was lost.
    Unreachable,
    /// It returned 0 though nobody had told it to.
    Done,
}

impl Cause {
    pub(crate) const ALL: [Self; 14] = [
        Self::Signal,
        Self::ExitCode,
        Self::Hang,
        Self::FailedStart,
        Self::Overdue,
        Self::Memory,
        Self::Age,
        Self::Requests,
        Self::Reload,
        Self::Upgrade,
        Self::Scale,
        Self::Terminated,
        Self::Unreachable,
        Self::Done,
    ];

    /// Nobody had asked for it, and no setting.
    pub(crate) fn is_death(self) -> bool {
        matches!(
            self,
            Self::Signal
                | Self::ExitCode
                | Self::Hang
                | Self::FailedStart
                | Self::Terminated
                | Self::Unreachable
                | Self::Done
        )
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Signal => "signal",
            Self::ExitCode => "exit-code",
            Self::Hang => "hang",
            Self::FailedStart => "failed-start",
            Self::Overdue => "overdue",
            Self::Memory => "memory",
            Self::Age => "age",
            Self::Requests => "requests",
            Self::Reload => "reload",
            Self::Upgrade => "upgrade",
            Self::Scale => "scale",
            Self::Terminated => "terminated",
            Self::Unreachable => "unreachable",
            Self::Done => "done",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_cause_has_the_place_of_its_number() {
        for (at, cause) in Cause::ALL.into_iter().enumerate() {
            assert_eq!(cause as usize, at, "{cause}");
        }
    }
}
