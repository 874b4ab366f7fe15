//! A worker: one process, one thread, one loop.

mod accept_thread;
mod acceptor;
mod client;
mod datagrams;
mod desk;
mod eager;
mod event_loop;
pub(crate) mod foreign;
mod hosted;
mod intake;
mod links;
mod mailbox;
mod pool;
mod sources;
mod stream;
mod tally;
mod term;

use std::error::Error as StdError;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::birth::{Birth, code};
use crate::board::Board;
use crate::error::{Error, panic_text};
use crate::http::Handler;
use crate::ids::{Generation, SlotId};
use crate::net::channel::{Channel, Report};
use event_loop::EventLoop;
pub(crate) use hosted::{Arrived, Hosted, Phase, Reached};
use intake::{Intake, Waiting};
pub(crate) use stream::Origin;

/// The worker that is being started, as the closure given to
/// [`Server::serve_with`](crate::Server::serve_with) sees it.
#[derive(Clone, Copy, Debug)]
pub struct Worker {
    slot: SlotId,
    generation: Generation,
    board: &'static Board,
    channel: &'static Channel,
    /// The master has a hook for messages.
    heard: bool,
    udp: &'static [OwnedFd],
}

impl Worker {
    fn of(birth: &Birth) -> Self {
        // The admin process has a listener and no slot, and its handler asks for none.
        let slot = birth.id.place.slot().unwrap_or(SlotId(0));
        Self {
            slot,
            generation: birth.id.generation,
            board: birth.board,
            channel: birth.channel,
            heard: birth.heard,
            udp: birth.udp,
        }
    }

    /// The number of the worker's slot, from 0. A successor has the same one.
    pub fn index(&self) -> u16 {
        self.slot.0
    }

    /// How many processes have sat in the slot, this one included.
    pub fn generation(&self) -> u32 {
        self.generation.0
    }

    /// A stop was announced or has begun: a load balancer that asks is to be told so.
    pub fn is_closing(&self) -> bool {
        self.board.closing()
    }

    /// The process id.
    pub fn pid(&self) -> u32 {
        std::process::id()
    }
}

/// Why a worker ends before it should.
pub(crate) type Failure = Box<dyn StdError + Send + Sync>;

/// A worker's life from its birth on; its exit code.
pub(crate) fn run<H, E>(mut birth: Birth, start: impl FnOnce(&Worker) -> Result<H, E>) -> i32
where
    H: Handler,
    E: Into<Failure>,
{
    let possessions = birth.take_possessions();
    live(&birth, || {
        let intake = Intake::new(&birth, possessions, Waiting::Thread)?;
        let handler = start(&Worker::of(&birth)).map_err(Into::into)?;
        Ok(EventLoop::new(intake, handler)?.run()?)
    })
}

/// The same for a worker whose loop is the user's.
pub(crate) fn run_hosted(
    mut birth: Birth,
    run: impl FnOnce(&Arc<Hosted>, Worker) -> Result<(), Failure>,
) -> i32 {
    let possessions = birth.take_possessions();
    // What the user keeps of it may live as long as the process.
    let birth: &'static Birth = Box::leak(Box::new(birth));
    live(birth, || {
        let hosted = Arc::new(Hosted::new(birth, possessions)?);
        let ended = run(&hosted, Worker::of(birth));
        match hosted.exit_code() {
            // What it says of its end is of no account.
            code::CUT => Ok(code::CUT),
            exit => ended.map(|()| exit),
        }
    })
}

fn live(birth: &Birth, life: impl FnOnce() -> Result<i32, Failure>) -> i32 {
    let result = catch_unwind(AssertUnwindSafe(life));
    let (text, exit) = match result {
        Ok(Ok(exit)) => return exit,
        Ok(Err(failure)) => (failure.to_string(), exit_code(&failure)),
        Err(panic) => (format!("it panicked: {}", panic_text(&*panic)), code::PANICKED),
    };
    // When the master cannot be told, the exit code still speaks.
    let _ = birth.channel.report(&Report::Failed { text });
    exit
}

/// What the start closure said by the kind of its error.
fn exit_code(failure: &Failure) -> i32 {
    match failure.downcast_ref::<Error>().map(|error| i32::from(error.exit_code())) {
        Some(said @ (code::RETRY_LATER | code::FATAL)) => said,
        _ => code::FAILED,
    }
}
