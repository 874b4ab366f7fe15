//! An office without threads, for connections that are driven without a worker.

use std::cell::Cell;
use std::sync::Arc;

use super::later::{Job, Office, Post};

/// Does each job at once; what comes of it waits in its letter box.
#[derive(Debug)]
pub(crate) struct Solitude {
    post: Arc<Post>,
    serial: Cell<u64>,
}

impl Default for Solitude {
    fn default() -> Self {
        Self { post: Arc::new(Post::new(|| {})), serial: Cell::new(0) }
    }
}

impl Office for Solitude {
    fn post(&self) -> &Arc<Post> {
        &self.post
    }

    fn next_serial(&self) -> u64 {
        self.serial.replace(self.serial.get() + 1)
    }

    fn submit(&self, job: Job) -> bool {
        job();
        true
    }
}
