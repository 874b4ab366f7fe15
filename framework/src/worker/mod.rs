//! A worker: one process, one thread, one loop.

mod accept_thread;
mod acceptor;
mod client;
mod desk;
mod eager;
mod event_loop;
mod links;
mod pool;
mod sources;
mod stream;
mod tally;
mod term;

use std::error::Error as StdError;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use mio::{Poll, Waker};

use crate::birth::{Birth, Stock, code};
use crate::board::Board;
use crate::error::{Error, panic_text};
use crate::http::Handler;
use crate::ids::{Generation, SlotId};
use crate::net::channel::Report;
use crate::net::listener;
use crate::plan::AcceptWake;
use accept_thread::AcceptThread;
use acceptor::Acceptor;
use event_loop::EventLoop;
use sources::{PRIMARY, Sources};

/// The worker that is being started, as the closure given to
/// [`Server::serve_with`](crate::Server::serve_with) sees it.
#[derive(Clone, Copy, Debug)]
pub struct Worker {
    slot: SlotId,
    generation: Generation,
    board: &'static Board,
}

impl Worker {
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
    let result = catch_unwind(AssertUnwindSafe(|| serve(&mut birth, start)));
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

fn serve<H, E>(
    birth: &mut Birth,
    start: impl FnOnce(&Worker) -> Result<H, E>,
) -> Result<i32, Failure>
where
    H: Handler,
    E: Into<Failure>,
{
    // The admin process has a listener and no slot, and its handler asks for none.
    let slot = birth.id.place.slot().unwrap_or(SlotId(0));
    let poll = Poll::new()?;
    let (primary, lodged, cpu) = take_up(birth, &poll)?;
    let further = std::mem::take(&mut birth.further);
    let sources = Sources::new(primary, further.into_iter().map(Acceptor::further));
    let handler = start(&Worker { slot, generation: birth.id.generation, board: birth.board })
        .map_err(Into::into)?;
    let mut event_loop = EventLoop::new(birth, poll, sources, handler)?;
    // The worker before this one has the listener as well: nothing changes for it before.
    cpu.map_or(Ok(()), |cpu| event_loop.prefer_cpu(cpu))?;
    birth.ready(lodged)?;
    Ok(event_loop.run()?)
}

/// What the worker accepts from at the primary address, what it lodges with the master, and which CPU's
/// connections are for it.
fn take_up(
    birth: &mut Birth,
    poll: &Poll,
) -> io::Result<(Acceptor, Option<OwnedFd>, Option<usize>)> {
    // An empty stand-in: the stock is taken once.
    match std::mem::replace(&mut birth.stock, Stock::Links) {
        Stock::Slot { listener, cpu } => {
            let (own, lodged) = if let Some(own) = listener {
                (own, None)
            } else {
                let tcp = || io::Error::other("a unix-domain socket has no group");
                let own = listener::bind_member(birth.plan.address.tcp().ok_or_else(tcp)?)?;
                let lodged = own.try_clone()?;
                (own, Some(lodged))
            };
            Ok((Acceptor::own(own), lodged, cpu))
        }
        Stock::Shared(shared, AcceptWake::Blocking) => {
            let waker = Waker::new(poll.registry(), Sources::token(PRIMARY))?;
            Ok((Acceptor::thread(AcceptThread::new(shared, waker)), None, None))
        }
        Stock::Shared(shared, wake) => Ok((Acceptor::shared(shared, wake), None, None)),
        Stock::Links => Ok((Acceptor::links(), None, None)),
        Stock::Dispatcher(_) => Err(io::Error::other("a worker is no dispatcher")),
    }
}
