//! The fork, on both sides.
//!
//! In the child nothing prints, logs or runs the user's code before it has closed what is not its
//! own: a listener or a channel kept open by a sibling would outlive its owner unseen.

use std::fmt;
use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid};

use super::balance::forget_privilege;
use super::chronicle::Fate;
use super::{Child, Master, SIGNALS};
#[cfg(feature = "admin")]
use crate::admin::run as administer;
use crate::birth::{Birth, Outfit, Stock, code};
use crate::board::{SEATS, What};
use crate::dispatcher;
use crate::ids::{ChildId, Place};
use crate::net::balance::Load;
use crate::net::channel::{Channel, Report};
use crate::net::cpu;
use crate::net::group::Group;
use crate::plan::{AcceptWake, Balance, Intake};
use crate::signals::Signals;
use crate::sys::descriptors;
use crate::sys::fork::{Refused, Side, exit_now, fork};

/// What a child reacts to. SIGINT is not among them: a terminal sends it to the master as well, which
/// gives the orders.
const CHILD_SIGNALS: [Signal; 2] = [Signal::SIGTERM, Signal::SIGQUIT];

/// Why there is no child.
pub(super) struct NoChild(Refused);

impl Master<'_> {
    /// Forks `id`. Returns in the master only.
    pub(super) fn fork(&mut self, id: ChildId) -> Result<(), NoChild> {
        let (channel, theirs) = Channel::pair()?;
        let (lines, outfit) = self.outfit(id)?;
        if let Place::Slot(slot) = id.place {
            let slots = self.lodged.len().max(slot.index() + 1);
            self.lodged.resize_with(slots, || None);
        }
        flush();
        let seat = self.free_seat(id.place);
        let master = getpid();
        Signals::block(&SIGNALS)?;
        let side = fork();
        if let Ok(Side::Child) = side {
            drop((channel, lines));
            self.live(id, seat, master, theirs, outfit);
        }
        Signals::unblock(&SIGNALS)?;
        let Side::Master { child: pid } = side? else { unreachable!("the child never gets here") };
        self.board.row(id.place).occupied(id.generation, u32::try_from(pid.as_raw()).unwrap_or(0));
        tracing::info!(pid = pid.as_raw(), "{id} is starting");
        let channel = Some(channel);
        self.children.push(Child {
            id,
            pid,
            seat,
            channel,
            links: Vec::new(),
            failure: None,
            fate: Fate::default(),
        });
        self.note_of(What::Started, id);
        self.listen_to(id, lines);
        Ok(())
    }

    /// A seat on the scoreboard that nobody of this place sits on: at most two live there at a time.
    fn free_seat(&self, place: Place) -> usize {
        let taken = |seat: &usize| {
            self.children.iter().any(|child| child.id.place == place && child.seat == *seat)
        };
        (0..SEATS).find(|seat| !taken(seat)).unwrap_or(0)
    }

    /// How the worker tells of its load, if the policy goes by that.
    fn load_of(&self, place: Place, seat: usize) -> Option<Load> {
        let Place::Slot(slot) = place else { return None };
        self.balancer.as_ref()?.load_of(slot, self.board.row(place), seat)
    }

    /// The child's whole life.
    fn live(
        &mut self,
        id: ChildId,
        seat: usize,
        master: Pid,
        channel: Channel,
        outfit: Option<Outfit>,
    ) -> ! {
        let load = self.load_of(id.place, seat);
        let exit = match self.let_go(id, master) {
            Ok((signals, stock, further)) => {
                let admin = id.place == Place::Admin;
                let plan = if admin { self.plan.for_admin() } else { self.plan.clone() };
                let seat = self.board.row(id.place).seat(seat);
                let board = self.board;
                let birth =
                    Birth { id, plan, board, seat, load, channel, signals, stock, further, outfit };
                let life = AssertUnwindSafe(|| match id.place {
                    Place::Admin => administer(birth),
                    Place::Dispatcher => dispatcher::run(birth),
                    Place::Slot(_) => (self.work)(birth),
                });
                catch_unwind(life).unwrap_or(code::PANICKED)
            }
            Err(error) => {
                // When the master cannot be told, the exit code still speaks.
                let _ = channel.report(&Report::Failed { text: error.to_string() });
                code::FAILED
            }
        };
        flush();
        exit_now(exit)
    }

    /// Keeps what is the child's own and lets go of all else.
    fn let_go(&mut self, id: ChildId, master: Pid) -> io::Result<(Signals, Stock, Vec<OwnedFd>)> {
        self.children = Vec::new();
        self.control = None;
        self.balancer = None;
        self.upgrade.forget();
        if self.plan.uses_privilege() {
            forget_privilege();
        }
        let mut lodged = std::mem::take(&mut self.lodged);
        let admin = self.admin.take().map(|endpoint| endpoint.socket);
        self.group = Group::default();
        let stock = match (self.plan.intake, id.place) {
            (_, Place::Admin) => {
                let gone = || io::Error::other("the admin process has no listener");
                Stock::Shared(admin.ok_or_else(gone)?, AcceptWake::Rotating)
            }
            (Intake::Group(balance), Place::Slot(slot)) => {
                let workers = usize::from(self.plan.workers.get());
                let cpu =
                    (balance == Balance::Cpu).then(|| cpu::bind(slot, workers)).transpose()?;
                Stock::Slot { listener: lodged[slot.index()].take(), cpu }
            }
            (Intake::Shared(wake), _) => Stock::Shared(self.primary.socket.try_clone()?, wake),
            (_, Place::Dispatcher) => Stock::Dispatcher(self.primary.socket.try_clone()?),
            (Intake::Dispatcher, Place::Slot(_)) => Stock::Links,
        };
        drop(lodged);
        // The master's socket cannot be moved out of its place; a channel to nowhere stands in.
        let (stand_in, _) = descriptors::pair()?;
        self.primary.socket = stand_in;
        let further = std::mem::take(&mut self.further).into_iter();
        let accepts = matches!(id.place, Place::Slot(_));
        let further = further.filter(|_| accepts).map(|endpoint| endpoint.socket).collect();
        let signals = Signals::register(&CHILD_SIGNALS)?;
        std::mem::replace(&mut self.signals, Signals::register(&[])?).unregister();
        // Until it is ready a child has nothing to finish, and its loop does not watch the channel.
        set_pdeathsig(Signal::SIGKILL)?;
        if getppid() != master {
            return Err(io::Error::other("the master died during the fork"));
        }
        Signals::unblock(&SIGNALS)?;
        Ok((signals, stock, further))
    }
}

/// Without the feature nobody can ask for one.
#[cfg(not(feature = "admin"))]
fn administer(_: Birth) -> i32 {
    code::FATAL
}

/// What stands in a buffer at the fork would be written twice.
pub(super) fn flush() {
    let _ = io::stdout().flush();
    let _ = io::stderr().flush();
}

impl From<io::Error> for NoChild {
    fn from(error: io::Error) -> Self {
        Self(Refused::System(error))
    }
}

impl From<Refused> for NoChild {
    fn from(refused: Refused) -> Self {
        Self(refused)
    }
}

impl fmt::Display for NoChild {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Refused::System(error) => write!(f, "{error}"),
            Refused::Threads(names) => write!(
                f,
                "{} threads are alive in the master ({}); nothing may start a thread there",
                names.len(),
                names.join(", ")
            ),
        }
    }
}
