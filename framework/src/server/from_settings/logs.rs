//! What is written for each request, and what becomes of what workers write.

use super::take;
use crate::config::{Bytes, Settings};
use crate::limits::ROTATIONS_KEPT_DEFAULT;
use crate::plan::{AccessLog, Files, Output, Rotation};
use crate::server::Server;

impl Server<'_> {
    pub(super) fn logs(mut self, settings: &Settings) -> Self {
        let said = (settings.access_log_max, settings.access_log_keep);
        let config = &mut self.config;
        if let Some(path) = &settings.access_log {
            let new = AccessLog::new(path);
            config.access_log = Some(match config.access_log.take() {
                Some(old) => AccessLog { target: new.target, ..old },
                None => new,
            });
        }
        if let Some(log) = &mut config.access_log {
            take(&mut log.format, settings.access_log_format);
            log.rotation = rotation(log.rotation, said);
        }
        let rotates = config.access_log.as_ref().is_some_and(|log| log.rotation.is_some());
        let there = config.access_log.is_some();
        self.goes_with(
            "access_log_format",
            settings.access_log_format.is_some(),
            "access_log",
            there,
        )
        .goes_with("access_log_max", said.0.is_some(), "access_log", there)
        .goes_with("access_log_keep", said.1.is_some(), "access_log_max", rotates)
        .output_of_workers(settings)
    }

    fn output_of_workers(mut self, settings: &Settings) -> Self {
        let said = (settings.output_max, settings.output_keep);
        let config = &mut self.config;
        if let Some(path) = &settings.output {
            config.output = Some(match config.output.take() {
                Some(old) => Output { path: path.clone(), ..old },
                None => Output::merged(path),
            });
        }
        if let Some(output) = &mut config.output {
            let files = |each| if each { Files::PerWorker } else { Files::Merged };
            take(&mut output.files, settings.output_per_worker.map(files));
            output.rotation = rotation(output.rotation, said);
        }
        let rotates = config.output.as_ref().is_some_and(|output| output.rotation.is_some());
        let there = config.output.is_some();
        self.goes_with("output_per_worker", settings.output_per_worker.is_some(), "output", there)
            .goes_with("output_max", said.0.is_some(), "output", there)
            .goes_with("output_keep", said.1.is_some(), "output_max", rotates)
    }
}

fn rotation(
    before: Option<Rotation>,
    (max, keep): (Option<Bytes>, Option<u32>),
) -> Option<Rotation> {
    let max_bytes = max.map(|size| size.0).or(before.map(|rotation| rotation.max_bytes))?;
    let keep = keep.or(before.map(|rotation| rotation.keep)).unwrap_or(ROTATIONS_KEPT_DEFAULT);
    Some(Rotation { max_bytes, keep })
}
