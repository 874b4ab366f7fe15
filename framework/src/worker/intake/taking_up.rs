//! What a worker begins with.

use std::io;
use std::os::fd::OwnedFd;

use mio::{Poll, Waker};

use crate::birth::{Birth, Possessions, Stock};
use crate::plan::AcceptWake;
use crate::worker::accept_thread::AcceptThread;
use crate::worker::acceptor::Acceptor;
use crate::worker::sources::{PRIMARY, Sources};

/// What is left to do before the worker is ready.
pub(super) struct Debut {
    /// What it lodges with the master.
    pub(super) lodged: Option<OwnedFd>,
    /// Which CPU's connections are for it.
    pub(super) cpu: Option<usize>,
}

/// Who waits on the epoll instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::worker) enum Waiting {
    /// A thread of this process.
    Thread,
    /// Another epoll instance. The kernel counts nobody who waits in this way as woken
    /// (`ep_poll_callback`), so that what is meant for one goes on to all: a place in the line of those
    /// who are woken in turn is worth nothing.
    Epoll,
}

/// The sources, taken out of what the worker was born with.
pub(super) fn take_up(
    birth: &Birth,
    Possessions { stock, further }: Possessions,
    poll: &Poll,
    waiting: Waiting,
) -> io::Result<(Sources, Debut)> {
    let mut debut = Debut { lodged: None, cpu: None };
    let primary = match stock {
        Stock::Slot { listener, is_new, cpu } => {
            debut.cpu = cpu;
            debut.lodged = is_new.then(|| listener.try_clone()).transpose()?;
            Acceptor::own(listener)
        }
        Stock::Shared(shared, AcceptWake::Blocking) => {
            let waker = Waker::new(poll.registry(), Sources::token(PRIMARY))?;
            Acceptor::thread(AcceptThread::new(shared, waker))
        }
        Stock::Shared(shared, wake) => Acceptor::shared(shared, waiting.effective(wake)),
        Stock::Links => Acceptor::links(),
        Stock::Dispatcher(_) => return Err(io::Error::other("a worker is no dispatcher")),
    };
    let further = further.into_iter();
    let further = further.map(|it| Acceptor::further(it, waiting.effective(AcceptWake::Rotating)));
    let mut sources = Sources::new(primary, further);
    sources.iter_mut().zip(&birth.lent).for_each(|(source, lent)| source.set_lent(*lent));
    Ok((sources, debut))
}

impl Waiting {
    fn effective(self, wake: AcceptWake) -> AcceptWake {
        match self {
            Self::Thread => wake,
            Self::Epoll => AcceptWake::Herd,
        }
    }
}
