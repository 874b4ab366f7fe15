//! The runtime of a worker, made after the fork, and what goes on in it beside the user's own.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Builder;

use super::TokioWorker;
use crate::limits::HEARTBEATS;
use crate::sys::async_fd;
use crate::worker::{Failure, Hosted, Phase, Worker};

/// Runs what `start` gives until it ends, and while connections of a drain are left; not longer if this
/// worker is to end at once.
pub(crate) fn run<F, E>(
    hosted: &Arc<Hosted>,
    about: Worker,
    hang_timeout: Option<Duration>,
    start: impl FnOnce(TokioWorker) -> F,
) -> Result<(), Failure>
where
    F: Future<Output = Result<(), E>>,
    E: Into<Failure>,
{
    let (parks, unparks) = (Arc::clone(hosted), Arc::clone(hosted));
    let runtime = Builder::new_current_thread()
        .enable_all()
        .on_thread_park(move || parks.rests())
        .on_thread_unpark(move || unparks.works())
        .build()?;
    let result = runtime.block_on(async {
        if let Some(limit) = hang_timeout {
            tokio::spawn(beat(Arc::clone(hosted), limit / HEARTBEATS));
        }
        let mut driver = pin!(drive(hosted));
        let mut users = pin!(start(TokioWorker { hosted: Arc::clone(hosted), about }));
        let mut ended = false;
        poll_fn(|context| {
            if !ended && let Poll::Ready(result) = users.as_mut().poll(context) {
                result.map_err(Into::into)?;
                ended = true;
            }
            // Tasks may have some, such as those that have left HTTP. The last one's end is a turn.
            if ended && !hosted.is_finishing() {
                return Poll::Ready(Ok(()));
            }
            driver.as_mut().poll(context).map_err(Failure::from)
        })
        .await
    });
    // What still runs in its threads is not waited for: the process ends.
    runtime.shutdown_background();
    result
}

/// Does what the master orders and takes connections, until this worker is to end at once.
async fn drive(hosted: &Hosted) -> io::Result<()> {
    let descriptor = async_fd::readable(hosted.ready().try_clone_to_owned()?)?;
    while !hosted.is_cut() {
        let mut ready = descriptor.readable().await?;
        if hosted.turn()? {
            ready.clear_ready();
        }
    }
    Ok(())
}

/// A runtime with always something to do never parks; that it comes here shows that it gets on.
async fn beat(hosted: Arc<Hosted>, interval: Duration) {
    while hosted.phase() < Phase::Over {
        tokio::time::sleep(interval).await;
        hosted.gets_on();
    }
}
