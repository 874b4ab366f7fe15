//! What settings say of something that is named elsewhere: in another setting, or by the program, before or after.

use std::time::Duration;

use super::{Config, Files, LogFormat, Rotation};
use crate::error::Error;
use crate::limits::ROTATIONS_KEPT_DEFAULT;

/// Details of what may not be there yet.
#[derive(Clone, Debug, Default)]
pub(crate) struct Details {
    pub(crate) access_log_format: Option<LogFormat>,
    pub(crate) access_log: RotationDetails,
    pub(crate) output_files: Option<Files>,
    pub(crate) output: RotationDetails,
    pub(crate) give_up_within: Option<Duration>,
}

/// Details of the rotation of a log.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct RotationDetails {
    pub(crate) max_bytes: Option<u64>,
    pub(crate) keep: Option<u32>,
}

impl Config {
    /// Gives what is there its details, whoever was first to speak.
    ///
    /// # Errors
    /// Something is not there: the key of its detail means nothing, and is not passed over.
    pub(super) fn settle_details(&mut self) -> Result<(), Error> {
        let said = std::mem::take(&mut self.details);
        if let Some(log) = &mut self.access_log {
            log.format = said.access_log_format.unwrap_or(log.format);
            log.rotation = said.access_log.over(log.rotation, "access_log")?;
        } else {
            vain(said.access_log_format.is_some(), "access_log_format", "access_log")?;
            said.access_log.without("access_log")?;
        }
        if let Some(output) = &mut self.output {
            output.files = said.output_files.unwrap_or(output.files);
            output.rotation = said.output.over(output.rotation, "output")?;
        } else {
            vain(said.output_files.is_some(), "output_per_worker", "output")?;
            said.output.without("output")?;
        }
        if let Some((_, within)) = &mut self.give_up {
            *within = said.give_up_within.unwrap_or(*within);
            return Ok(());
        }
        vain(said.give_up_within.is_some(), "give_up_within", "give_up")
    }
}

impl RotationDetails {
    fn over(self, before: Option<Rotation>, log: &str) -> Result<Option<Rotation>, Error> {
        let keep = self.keep.or(before.map(|rotation| rotation.keep));
        let max_bytes = self.max_bytes.or(before.map(|rotation| rotation.max_bytes));
        let Some(max_bytes) = max_bytes else {
            vain(self.keep.is_some(), &format!("{log}_keep"), &format!("{log}_max"))?;
            return Ok(None);
        };
        Ok(Some(Rotation { max_bytes, keep: keep.unwrap_or(ROTATIONS_KEPT_DEFAULT) }))
    }

    fn without(self, log: &str) -> Result<(), Error> {
        vain(self.max_bytes.is_some(), &format!("{log}_max"), log)?;
        vain(self.keep.is_some(), &format!("{log}_keep"), log)
    }
}

fn vain(said: bool, key: &str, other: &str) -> Result<(), Error> {
    if !said {
        return Ok(());
    }
    Err(Error::config(format!(
        "{key} means nothing without {other}: say that, too, or leave it out"
    )))
}
