//! Who waits for a phase of the drain.

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use slab::Slab;

use super::{Hosted, Phase};

/// Waits until the worker has come so far. There may be one for each connection: it leaves nothing behind
/// when it is dropped.
pub(crate) struct Reached {
    hosted: Arc<Hosted>,
    phase: Phase,
    /// Where its waker is. Nobody else takes that away.
    place: Option<usize>,
}

/// The wakers of those who wait.
#[derive(Default)]
pub(super) struct Waiting(Slab<(Phase, Waker)>);

impl Reached {
    pub(crate) fn new(hosted: Arc<Hosted>, phase: Phase) -> Self {
        Self { hosted, phase, place: None }
    }
}

impl Future for Reached {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { hosted, phase, place } = self.get_mut();
        // A waker that is dropped may drop a task, which may have connections: that is not for the lock.
        let mut waker = context.waker().clone();
        hosted.with(|state| {
            if state.phase >= *phase {
                return Poll::Ready(());
            }
            match place.and_then(|place| state.waiting.0.get_mut(place)) {
                Some((_, known)) => std::mem::swap(known, &mut waker),
                None => *place = Some(state.waiting.0.insert((*phase, waker.clone()))),
            }
            Poll::Pending
        })
    }
}

impl Drop for Reached {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            drop(self.hosted.with(|state| state.waiting.0.try_remove(place)));
        }
    }
}

impl Waiting {
    /// Those who have waited for what is reached now, and was not before.
    pub(super) fn woken(&self, before: Phase, now: Phase) -> impl Iterator<Item = Waker> + '_ {
        let reached = move |phase: Phase| phase > before && phase <= now;
        self.0.iter().filter(move |(_, (phase, _))| reached(*phase)).map(|(_, (_, it))| it.clone())
    }
}

impl fmt::Debug for Reached {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reached").field("phase", &self.phase).finish_non_exhaustive()
    }
}
