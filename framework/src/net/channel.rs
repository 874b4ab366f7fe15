//! What the master and its children say to each other, over one `SOCK_SEQPACKET` pair a child.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Duration;

use socket2::SockRef;

use crate::board::Cause;
use crate::ids::{Generation, SlotId};
use crate::limits::{CHANNEL_BUFFER_BYTES, MESSAGE_BYTES_MAX, TEXT_BYTES_MAX};
use crate::sys::descriptors::{self, Received};
use crate::sys::unsent::unsent;

/// One side of a channel. The other side's end of file means that the process there is gone.
#[derive(Debug)]
pub(crate) struct Channel(OwnedFd);

/// From a child to the master.
#[derive(Debug)]
pub(crate) enum Report {
    /// The child can serve. A worker that bound its own listener lodges a duplicate of it.
    Ready { lodged: Option<OwnedFd> },
    /// The child was sent SIGTERM and asks what is to become of its accept queue. When a service
    /// manager sends the signal to all processes at once, only the master can know that nobody will
    /// come after this one.
    WantsDrain,
    /// The child serves, has reached a limit of its own, which the text names, and asks for a
    /// successor.
    WantsSuccessor { why: Cause, text: String },
    /// The child has obeyed [`Order::Reopen`] with this number; why it goes on with the old file, if it
    /// does.
    Reopened { number: u32, failure: Option<String> },
    /// The child is about to exit because of this.
    Failed { text: String },
    /// The child runs, and has let go of all that is not its own.
    Online,
    /// The user's worker says this to the user's master.
    Message(Vec<u8>),
}

/// From the master to a child.
#[derive(Debug)]
pub(crate) enum Order {
    /// The listener listens: accept from it. Whoever has not been told has accepted nothing.
    Accept,
    /// Something may have come into the accept queue without a word.
    Look,
    /// Drain within this time, then exit.
    Drain { grace: Duration, queue: Queue },
    /// To the dispatcher: this worker takes sockets from the other end of `link`, which is missing when
    /// the receiver had no descriptor left for it.
    Introduce { slot: SlotId, generation: Generation, link: Option<OwnedFd> },
    /// To a worker: a dispatcher sends sockets on the other end of `link`, which may be missing, too.
    Link { link: Option<OwnedFd> },
    /// To a worker: no other link will come.
    Parted,
    /// Open the files of logs anew.
    Reopen { number: u32 },
    /// The user's master says this to the user's worker.
    Message(Vec<u8>),
}

/// What a draining worker does with connections that wait in its accept queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Queue {
    /// Accepts them until none is left: nobody else will.
    Empty,
    /// Leaves them to a sibling or successor with the same listener.
    Leave,
}

/// What [`Channel::next_report`] or [`Channel::next_order`] found.
#[derive(Debug)]
pub(crate) enum Next<T> {
    Message(T),
    /// A message that nobody here understands, to be passed over.
    Unknown,
    /// Nothing more for now.
    Nothing,
    /// The other side is gone.
    End,
}

/// The first octet of each message.
mod tag {
    pub(super) const READY: u8 = 1;
    pub(super) const WANTS_DRAIN: u8 = 2;
    pub(super) const FAILED: u8 = 3;
    pub(super) const WANTS_SUCCESSOR: u8 = 4;
    pub(super) const REOPENED: u8 = 5;
    pub(super) const ONLINE: u8 = 6;
    pub(super) const MESSAGE: u8 = 7;
    pub(super) const DRAIN_EMPTY: u8 = 16;
    pub(super) const DRAIN_LEAVE: u8 = 17;
    pub(super) const INTRODUCE: u8 = 18;
    pub(super) const ACCEPT: u8 = 19;
    pub(super) const LINK: u8 = 20;
    pub(super) const PARTED: u8 = 21;
    pub(super) const LOOK: u8 = 22;
    pub(super) const REOPEN: u8 = 23;
    pub(super) const ORDER_MESSAGE: u8 = 24;
}

thread_local! {
    /// For whatever comes next; most of it is never touched.
    static BUFFER: RefCell<Box<[u8]>> = RefCell::new(vec![0; MESSAGE_BYTES_MAX + 1].into());
}

impl Channel {
    /// Both sides of a new channel.
    pub(crate) fn pair() -> io::Result<(Self, Self)> {
        let (one, other) = descriptors::pair()?;
        for side in [&one, &other] {
            // The kernel gives what it allows (`net.core.wmem_max`).
            SockRef::from(side).set_send_buffer_size(CHANNEL_BUFFER_BYTES)?;
        }
        Ok((Self(one), Self(other)))
    }

    /// The same side once more, for a thread.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        self.0.try_clone().map(Self)
    }

    /// A side that was handed over by another program.
    pub(crate) fn from_descriptor(descriptor: OwnedFd) -> Self {
        Self(descriptor)
    }

    /// Sends to the master. Never waits.
    pub(crate) fn report(&self, report: &Report) -> io::Result<()> {
        match report {
            Report::Ready { lodged } => self.send(&[tag::READY], lodged.as_ref().map(AsFd::as_fd)),
            Report::WantsDrain => self.send(&[tag::WANTS_DRAIN], None),
            Report::WantsSuccessor { why, text } => {
                self.send_cut(tag::WANTS_SUCCESSOR, &[*why as u8], text)
            }
            Report::Reopened { number, failure } => {
                let text = failure.as_deref().unwrap_or_default();
                self.send_cut(tag::REOPENED, &number.to_le_bytes(), text)
            }
            Report::Failed { text } => self.send_text(tag::FAILED, text),
            Report::Online => self.send(&[tag::ONLINE], None),
            Report::Message(bytes) => self.send_message(tag::MESSAGE, bytes),
        }
    }

    /// Sends to the child. Never waits.
    pub(crate) fn order(&self, order: &Order) -> io::Result<()> {
        match order {
            Order::Accept => self.send(&[tag::ACCEPT], None),
            Order::Parted => self.send(&[tag::PARTED], None),
            Order::Look => self.send(&[tag::LOOK], None),
            Order::Reopen { number } => self.send_cut(tag::REOPEN, &number.to_le_bytes(), ""),
            Order::Drain { grace, queue } => {
                let kind = match queue {
                    Queue::Empty => tag::DRAIN_EMPTY,
                    Queue::Leave => tag::DRAIN_LEAVE,
                };
                let milliseconds = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
                let mut bytes = vec![kind];
                bytes.extend(milliseconds.to_le_bytes());
                self.send(&bytes, None)
            }
            Order::Introduce { slot, generation, link } => {
                let mut bytes = vec![tag::INTRODUCE];
                bytes.extend(slot.0.to_le_bytes());
                bytes.extend(generation.0.to_le_bytes());
                self.send(&bytes, link.as_ref().map(AsFd::as_fd))
            }
            Order::Link { link } => self.send(&[tag::LINK], link.as_ref().map(AsFd::as_fd)),
            Order::Message(bytes) => self.send_message(tag::ORDER_MESSAGE, bytes),
        }
    }

    /// The next report of the child.
    pub(crate) fn next_report(&self) -> Next<Report> {
        self.next(|tag, body, descriptor| match tag {
            tag::READY => Some(Report::Ready { lodged: descriptor }),
            tag::WANTS_DRAIN => Some(Report::WantsDrain),
            tag::FAILED => Some(Report::Failed { text: text(body) }),
            tag::ONLINE => Some(Report::Online),
            tag::MESSAGE => Some(Report::Message(body.into())),
            tag::WANTS_SUCCESSOR => {
                let (why, body) = body.split_first()?;
                let why = *Cause::ALL.get(usize::from(*why))?;
                Some(Report::WantsSuccessor { why, text: text(body) })
            }
            tag::REOPENED => {
                let (number, failure) = body.split_first_chunk()?;
                let failure = (!failure.is_empty()).then(|| text(failure));
                Some(Report::Reopened { number: u32::from_le_bytes(*number), failure })
            }
            _ => None,
        })
    }

    /// The next order of the master.
    pub(crate) fn next_order(&self) -> Next<Order> {
        self.next(|tag, body, descriptor| match tag {
            tag::ACCEPT => Some(Order::Accept),
            tag::DRAIN_EMPTY => Some(Order::Drain { grace: grace(body)?, queue: Queue::Empty }),
            tag::DRAIN_LEAVE => Some(Order::Drain { grace: grace(body)?, queue: Queue::Leave }),
            tag::INTRODUCE => {
                let (slot, generation) = body.split_first_chunk()?;
                Some(Order::Introduce {
                    slot: SlotId(u16::from_le_bytes(*slot)),
                    generation: Generation(u32::from_le_bytes(generation.try_into().ok()?)),
                    link: descriptor,
                })
            }
            tag::PARTED => Some(Order::Parted),
            tag::LOOK => Some(Order::Look),
            tag::REOPEN => {
                Some(Order::Reopen { number: u32::from_le_bytes(body.try_into().ok()?) })
            }
            tag::LINK => Some(Order::Link { link: descriptor }),
            tag::ORDER_MESSAGE => Some(Order::Message(body.into())),
            _ => None,
        })
    }

    fn send_text(&self, tag: u8, text: &str) -> io::Result<()> {
        self.send_cut(tag, &[], text)
    }

    fn send_cut(&self, tag: u8, numbers: &[u8], text: &str) -> io::Result<()> {
        let mut bytes = vec![tag];
        bytes.extend(numbers);
        bytes.extend(text.bytes().take(TEXT_BYTES_MAX - bytes.len()));
        self.send(&bytes, None)
    }

    /// What a user says leaves half of the buffer to orders and reports: however much he says, and
    /// however little the other side reads, those get through. `WouldBlock` when it is full so far.
    fn send_message(&self, tag: u8, bytes: &[u8]) -> io::Result<()> {
        let room = SockRef::from(&self.0).send_buffer_size()? / 2;
        if unsent(self.as_fd())? > u64::try_from(room).unwrap_or(u64::MAX) {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let mut message = Vec::with_capacity(bytes.len() + 1);
        message.push(tag);
        message.extend(bytes);
        self.send(&message, None)
    }

    fn send(&self, bytes: &[u8], descriptor: Option<BorrowedFd<'_>>) -> io::Result<()> {
        descriptors::send(self, bytes, descriptor)
    }

    fn next<T>(&self, decode: impl Fn(u8, &[u8], Option<OwnedFd>) -> Option<T>) -> Next<T> {
        BUFFER.with_borrow_mut(|buffer| self.next_in(buffer, decode))
    }

    fn next_in<T>(
        &self,
        buffer: &mut [u8],
        decode: impl Fn(u8, &[u8], Option<OwnedFd>) -> Option<T>,
    ) -> Next<T> {
        loop {
            match descriptors::receive(self, buffer) {
                Ok(Received::Message(length, descriptor)) => {
                    let known = buffer[..length].split_first();
                    let message = known.and_then(|(tag, body)| decode(*tag, body, descriptor));
                    return message.map_or(Next::Unknown, Next::Message);
                }
                Ok(Received::End) => return Next::End,
                Err(error) => match error.kind() {
                    io::ErrorKind::WouldBlock => return Next::Nothing,
                    io::ErrorKind::Interrupted => {}
                    _ => return Next::End,
                },
            }
        }
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn text(body: &[u8]) -> String {
    String::from_utf8_lossy(body).into()
}

fn grace(body: &[u8]) -> Option<Duration> {
    Some(Duration::from_millis(u64::from_le_bytes(body.try_into().ok()?)))
}

#[cfg(test)]
mod tests;
