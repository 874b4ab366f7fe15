//! Load in which every request is counted, and none is tried twice.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use super::client::{Answer, Client, Failure};

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
    /// A new connection for each request.
    pub(crate) fn start(port: u16, clients: usize, target: &'static str) -> Self {
        Self::of(clients, move || {
            move || {
                let mut client = Client::connect(port)?;
                client.get_last(target).inspect_err(|failure| say(*failure, &client))
            }
        })
    }

    /// A connection serves until an answer says that it was the last.
    pub(crate) fn keep_alive(port: u16, clients: usize, target: &'static str) -> Self {
        Self::of(clients, move || {
            let mut kept = None;
            move || {
                let mut client = kept.take().map_or_else(|| Client::connect(port), Ok)?;
                let answer = client.get(target).inspect_err(|failure| say(*failure, &client))?;
                kept = (answer.header("connection") != Some("close")).then_some(client);
                Ok(answer)
            }
        })
    }

    /// Clients that ask one after the other, each as `make_client` makes it.
    pub(crate) fn of<A>(clients: usize, make_client: impl Fn() -> A) -> Self
    where
        A: FnMut() -> Result<Answer, Failure> + Send + 'static,
    {
        let done = Arc::new(AtomicBool::new(false));
        let client = |_| {
            let done = Arc::clone(&done);
            let mut ask = make_client();
            std::thread::spawn(move || {
                let mut count = Count::default();
                let mut asked = 0;
                while !done.load(Relaxed) && asked < REQUESTS_MAX {
                    count.note(ask());
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

/// Where a request failed, to be compared with the log.
fn say(failure: Failure, client: &Client) {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let (minutes, millis) = (since_epoch.as_secs() / 60 % 60, since_epoch.as_millis() % 60_000);
    eprintln!("{minutes:02}:{:02}.{:03} {failure:?}: {client:?}", millis / 1000, millis % 1000);
}

impl Count {
    fn note(&mut self, outcome: Result<Answer, Failure>) {
        match outcome {
            Ok(answer) => {
                self.answered += 1;
                *self.by_worker.entry(answer.worker()).or_default() += 1;
            }
            Err(Failure::Refused) => self.refused += 1,
            Err(Failure::Cut) => self.cut += 1,
            Err(Failure::Hung) => self.hung += 1,
        }
    }

    /// Requests without an answer.
    pub(crate) fn failed(&self) -> u64 {
        self.refused + self.cut + self.hung
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.answered += other.answered;
        self.refused += other.refused;
        self.cut += other.cut;
        self.hung += other.hung;
        for (worker, count) in other.by_worker {
            *self.by_worker.entry(worker).or_default() += count;
        }
    }
}
