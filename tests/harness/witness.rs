//! A client that behaves, while others do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::Duration;

use super::client::{Client, Failure};
use super::wait::wait_until;

/// Asks all the time, at its leisure, and wants each answer soon.
pub(crate) struct Witness {
    done: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    client: JoinHandle<Result<(), Failure>>,
}

/// No answer is so late unless something is wrong; how late they are is not for tests.
const SOON: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_millis(10);
/// So many answers are no chance.
const ANSWERS: u64 = 10;

impl Witness {
    /// Asks on a kept connection and on new ones by turns.
    pub(crate) fn start(port: u16) -> Self {
        Self::asking(port, move |kept| {
            ask(kept)?;
            ask(&mut Client::connect(port)?)
        })
    }

    /// Asks on a connection that it has already.
    pub(crate) fn start_kept(port: u16) -> Self {
        Self::asking(port, ask)
    }

    fn asking(
        port: u16,
        ask_once: impl Fn(&mut Client) -> Result<(), Failure> + Send + 'static,
    ) -> Self {
        let (done, answered) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
        let mut kept = Client::connect(port).unwrap();
        ask(&mut kept).unwrap();
        let (is_done, count) = (Arc::clone(&done), Arc::clone(&answered));
        let client = std::thread::spawn(move || {
            while !is_done.load(Relaxed) {
                ask_once(&mut kept)?;
                count.fetch_add(1, Relaxed);
                std::thread::sleep(PAUSE);
            }
            Ok(())
        });
        Self { done, answered, client }
    }

    /// Waits until it was answered some times more.
    pub(crate) fn is_answered(&self) {
        let enough = self.answered.load(Relaxed) + ANSWERS;
        wait_until("answers to whoever behaves", || {
            self.client.is_finished() || self.answered.load(Relaxed) >= enough
        });
        assert!(!self.client.is_finished(), "whoever behaves was not answered");
    }

    /// Each of its requests was answered.
    pub(crate) fn stop(self) {
        self.is_answered();
        self.done.store(true, Relaxed);
        assert_eq!(self.client.join().unwrap(), Ok(()), "whoever behaves was not answered");
    }
}

fn ask(client: &mut Client) -> Result<(), Failure> {
    let answer = client.get_within("/", SOON)?;
    assert_eq!(answer.status, 200, "{}", answer.head);
    Ok(())
}
