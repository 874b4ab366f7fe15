//! What is written for each request, and what becomes of what workers write.

use crate::config::{Bytes, Settings};
use crate::plan::{AccessLog, Files, Output, RotationDetails};
use crate::server::Server;

impl Server<'_> {
    pub(super) fn logs(mut self, settings: &Settings) -> Self {
        let config = &mut self.config;
        if let Some(path) = &settings.access_log {
            let new = AccessLog::new(path);
            config.access_log = Some(match config.access_log.take() {
                Some(old) => AccessLog { target: new.target, ..old },
                None => new,
            });
        }
        if let Some(path) = &settings.output {
            config.output = Some(match config.output.take() {
                Some(old) => Output { path: path.clone(), ..old },
                None => Output::merged(path),
            });
        }
        let details = &mut config.details;
        let files = |each| if each { Files::PerWorker } else { Files::Merged };
        details.output_files = settings.output_per_worker.map(files).or(details.output_files);
        details.access_log_format = settings.access_log_format.or(details.access_log_format);
        take(&mut details.output, settings.output_max, settings.output_keep);
        take(&mut details.access_log, settings.access_log_max, settings.access_log_keep);
        self
    }
}

fn take(details: &mut RotationDetails, max: Option<Bytes>, keep: Option<u32>) {
    details.max_bytes = max.map(|size| size.0).or(details.max_bytes);
    details.keep = keep.or(details.keep);
}
