//! Threads of a worker for what takes long.

use std::cell::Cell;
use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::http::{Job, Office, Post};
use crate::limits::OFFLOAD_QUEUE_MAX;

/// The threads, which begin when there is something to do, and the letter box for what they send.
pub(super) struct Pool {
    post: Arc<Post>,
    bell: Arc<EventFd>,
    serial: Cell<u64>,
    threads_max: usize,
    threads: Cell<usize>,
    queue: Arc<Queue>,
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    /// Threads that wait for one.
    idle: usize,
}

impl Pool {
    pub(super) fn new(threads_max: usize) -> io::Result<Self> {
        let flags = EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK;
        let bell = Arc::new(EventFd::from_flags(flags)?);
        let rung = Arc::clone(&bell);
        // It fails when 2^64 rings were not heard.
        let post = Arc::new(Post::new(move || _ = rung.write(1)));
        let (serial, threads, queue) = (Cell::new(0), Cell::new(0), Arc::default());
        Ok(Self { post, bell, serial, threads_max, threads, queue })
    }

    /// Becomes readable, with a new edge, when a letter comes.
    pub(super) fn bell(&self) -> BorrowedFd<'_> {
        self.bell.as_fd()
    }

    /// One thread more, unless there are enough.
    fn grow(&self) -> bool {
        let count = self.threads.get();
        if count >= self.threads_max {
            return count > 0;
        }
        let queue = Arc::clone(&self.queue);
        let name = format!("offload {count}");
        match std::thread::Builder::new().name(name).spawn(move || queue.work()) {
            Ok(_) => self.threads.set(count + 1),
            Err(error) => tracing::warn!("cannot start a thread for offloaded work: {error}"),
        }
        self.threads.get() > 0
    }
}

impl Office for Pool {
    fn post(&self) -> &Arc<Post> {
        &self.post
    }

    fn next_serial(&self) -> u64 {
        self.serial.replace(self.serial.get() + 1)
    }

    fn submit(&self, job: Job) -> bool {
        let mut state = self.queue.state();
        if state.jobs.len() >= OFFLOAD_QUEUE_MAX {
            return false;
        }
        if state.idle <= state.jobs.len() && !self.grow() {
            return false;
        }
        state.jobs.push_back(job);
        drop(state);
        self.queue.changed.notify_one();
        true
    }
}

impl Queue {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn work(&self) {
        let mut state = self.state();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                drop(state);
                // It catches its own panics.
                job();
                state = self.state();
            } else {
                state.idle += 1;
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                state.idle -= 1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    #[test]
    fn all_threads_work_at_the_same_time_and_no_more_jobs_wait_than_may() {
        let pool = Pool::new(2).unwrap();
        let (said, heard) = channel();
        let gate = Arc::new(std::sync::Barrier::new(3));
        for _ in 0..2 {
            let (gate, said) = (Arc::clone(&gate), said.clone());
            let submitted = pool.submit(Box::new(move || {
                said.send(()).unwrap();
                gate.wait();
            }));
            assert!(submitted);
        }
        // Both run, so what comes now waits.
        (0..2).for_each(|_| heard.recv().unwrap());
        for _ in 0..OFFLOAD_QUEUE_MAX {
            let said = said.clone();
            assert!(pool.submit(Box::new(move || said.send(()).unwrap())));
        }
        assert!(!pool.submit(Box::new(|| {})));
        gate.wait();
        (0..OFFLOAD_QUEUE_MAX).for_each(|_| heard.recv().unwrap());
        assert_eq!(pool.threads.get(), 2);
    }
}
