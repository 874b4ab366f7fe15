//! Load of new connections, one for each request, in which every request is counted.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;

use super::client::{self, Failure};

/// Clients that ask until they are told to stop, or have asked enough.
pub(crate) struct Load {
    done: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Count>>,
}

/// What happened to all requests.
#[derive(Debug, Default)]
pub(crate) struct Count {
    pub(crate) answered: u64,
    pub(crate) refused: u64,
    pub(crate) cut: u64,
    pub(crate) hung: u64,
    pub(crate) by_worker: BTreeMap<u16, u64>,
}

/// Each client ends by itself after so many requests, so that no load is without bound.
const REQUESTS_MAX: u64 = 200_000;

impl Load {
    pub(crate) fn start(port: u16, clients: usize, target: &'static str) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let done = Arc::clone(&done);
            std::thread::spawn(move || {
                let mut count = Count::default();
                let mut asked = 0;
                while !done.load(Relaxed) && asked < REQUESTS_MAX {
                    count.note(port, target);
                    asked += 1;
                }
                count
            })
        };
        let clients = (0..clients).map(client).collect();
        Self { done, clients }
    }

    pub(crate) fn stop(self) -> Count {
        self.done.store(true, Relaxed);
        let mut total = Count::default();
        for client in self.clients {
            total.add(client.join().unwrap());
        }
        total
    }
}

impl Count {
    fn note(&mut self, port: u16, target: &str) {
        match client::get(port, target) {
            Ok(answer) => {
                self.answered += 1;
                *self.by_worker.entry(answer.worker()).or_default() += 1;
            }
            Err(Failure::Refused) => self.refused += 1,
            Err(Failure::Cut) => self.cut += 1,
            Err(Failure::Hung) => self.hung += 1,
        }
    }

    fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.refused += other.refused;
        self.cut += other.cut;
        self.hung += other.hung;
        for (worker, count) in other.by_worker {
            *self.by_worker.entry(worker).or_default() += count;
        }
    }
}
