//! The fork, on both sides.
//!
//! In the child nothing prints, logs or runs the user's code before it has closed what is not its
//! own: a listener or a channel kept open by a sibling would outlive its owner unseen.

use std::io::{self, Write};
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{Pid, getpid, getppid};
use tracing::span::EnteredSpan;

use super::balance::forget_privilege;
use super::child::Child;
use super::no_child::NoChild;
use super::telling::Happening;
use super::{Master, SIGNALS};
#[cfg(feature = "admin")]
use crate::admin::run as administer;
use crate::birth::{Birth, Outfit, Stock, code};
use crate::board::{SEATS, What};
use crate::dispatcher;
use crate::guard;
use crate::ids::{ChildId, Place};
use crate::net::balance::Load;
use crate::net::channel::{Channel, Report};
use crate::net::cpu;
use crate::net::group::Group;
use crate::net::listener;
use crate::output;
use crate::plan::{AcceptWake, Address, Balance, Intake};
use crate::role;
use crate::signals::Signals;
use crate::sys::fork::{Side, exit_now, fork};
use crate::sys::{descriptors, exec};

/// What a child reacts to. SIGINT is not among them: a terminal sends it to the master as well, which
/// gives the orders.
const CHILD_SIGNALS: [Signal; 2] = [Signal::SIGTERM, Signal::SIGQUIT];

/// What a child keeps of the master's.
struct Kept {
    signals: Signals,
    stock: Stock,
    further: Vec<OwnedFd>,
    udp: Vec<OwnedFd>,
}

impl Master<'_> {
    /// Forks `id`. Returns in the master only.
    pub(super) fn fork(&mut self, id: ChildId) -> Result<(), NoChild> {
        let (channel, theirs) = Channel::pair()?;
        let (lines, outfit) = self.outfit(id)?;
        if let Place::Slot(slot) = id.place {
            let slots = self.lodged.len().max(slot.index() + 1);
            self.lodged.resize_with(slots, || None);
            self.datagrams.furnish(slot)?;
            self.steer_datagrams();
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
        let child = Child::new(id, pid, seat, channel);
        self.board.row(id.place).occupied(id.generation, child.number(), child.since_ns);
        tracing::info!(pid = pid.as_raw(), "{id} is starting");
        self.children.push(child);
        self.note(id, Happening::Fork);
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

    /// Which of the child's listeners stay open when all go.
    fn lent_to(&self, place: Place) -> Vec<bool> {
        let primary = match (self.plan.intake, place) {
            (Intake::Group(_), Place::Slot(slot)) => self.is_lent(slot),
            _ => self.primary.lent > 0,
        };
        let further = self.further.iter().map(|endpoint| endpoint.lent > 0);
        std::iter::once(primary).chain(further).collect()
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
        role::be_child(matches!(id.place, Place::Slot(_)));
        // The user's worker may speak from any thread, until the process ends.
        let channel: &'static Channel = Box::leak(Box::new(channel));
        let load = self.load_of(id.place, seat);
        let lent = self.lent_to(id.place);
        let exit = match self.let_go(id, master) {
            Ok(Kept { signals, stock, further, udp }) => {
                let admin = id.place == Place::Admin;
                let plan = if admin { self.plan.for_admin() } else { self.plan.clone() };
                let _named = named(id);
                let seat = self.board.row(id.place).seat(seat);
                let board = self.board;
                let heard = self.hooks.event.is_some();
                let birth = Birth {
                    id,
                    plan,
                    board,
                    seat,
                    load,
                    channel,
                    heard,
                    signals,
                    stock,
                    further,
                    udp: Vec::leak(udp),
                    lent,
                    outfit,
                };
                let life = AssertUnwindSafe(|| match id.place {
                    Place::Admin => {
                        take_output(&birth);
                        administer(birth)
                    }
                    Place::Dispatcher => {
                        take_output(&birth);
                        dispatcher::run(birth)
                    }
                    Place::Slot(_) => self.be_worker(id, birth),
                });
                catch_unwind(life).unwrap_or(code::PANICKED)
            }
            Err(error) => {
                // When the master cannot be told, the exit code still speaks.
                let _ = channel.report(&Report::Failed { text: error.to_string() });
                // What is not allowed to one child is not allowed to any.
                let never = error.kind() == io::ErrorKind::PermissionDenied;
                if never { code::FATAL } else { code::FAILED }
            }
        };
        flush();
        exit_now(exit)
    }

    fn be_worker(&mut self, id: ChildId, birth: Birth) -> i32 {
        if birth.heard {
            // A master that is gone asks for nothing.
            let _ = birth.channel.report(&Report::Online);
        }
        if let Err(error) = self.set_environment(id) {
            let text = format!("its environment cannot be set: {error}");
            // When the master cannot be told, the exit code still speaks.
            let _ = birth.channel.report(&Report::Failed { text });
            return code::FATAL;
        }
        // It may begin a thread, beside which no environment is set.
        take_output(&birth);
        (self.work)(birth)
    }

    /// Keeps what is the child's own and lets go of all else.
    fn let_go(&mut self, id: ChildId, master: Pid) -> io::Result<Kept> {
        self.children = Vec::new();
        self.control = None;
        self.entry = None;
        self.leaving = Vec::new();
        self.balancer = None;
        self.upgrade.forget();
        // Only the master speaks to the service manager.
        for variable in ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"] {
            exec::take_variable(variable);
        }
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
                let (listener, is_new) = match lodged[slot.index()].take() {
                    Some(listener) => (listener, false),
                    // As the user who bound the others of the group: the kernel lets nobody else join.
                    None => (bind_member(&self.plan.address)?, true),
                };
                Stock::Slot { listener, is_new, cpu }
            }
            (Intake::Shared(wake), _) => Stock::Shared(self.primary.socket.try_clone()?, wake),
            (_, Place::Dispatcher) => Stock::Dispatcher(self.primary.socket.try_clone()?),
            (Intake::Dispatcher, Place::Slot(_)) => Stock::Links,
        };
        drop(lodged);
        // What is the master's cannot be moved out of its place; a channel to nowhere stands in.
        let (stand_in, other) = descriptors::pair()?;
        self.primary.socket = stand_in;
        self.memory = other;
        let further = std::mem::take(&mut self.further).into_iter();
        let accepts = matches!(id.place, Place::Slot(_));
        let further = further.filter(|_| accepts).map(|endpoint| endpoint.socket).collect();
        let datagrams = std::mem::take(&mut self.datagrams);
        let udp = match id.place {
            Place::Slot(slot) => datagrams.of_slot(slot),
            Place::Admin | Place::Dispatcher => Vec::new(),
        };
        let stop = self.plan.foreign.filter(|signal| !CHILD_SIGNALS.contains(signal));
        let signals: Vec<Signal> = CHILD_SIGNALS.into_iter().chain(stop).collect();
        let signals = Signals::register(&signals)?;
        std::mem::replace(&mut self.signals, Signals::register(&[])?).unregister();
        guard::enter(&self.plan.guard)?;
        // Until it is ready a child has nothing to finish, and its loop does not watch the channel.
        set_pdeathsig(Signal::SIGKILL)?;
        if getppid() != master {
            return Err(io::Error::other("the master died during the fork"));
        }
        Signals::unblock(&SIGNALS)?;
        Ok(Kept { signals, stock, further, udp })
    }
}

fn bind_member(address: &Address) -> io::Result<OwnedFd> {
    let group = || io::Error::other("a unix-domain socket has no group");
    listener::bind_member(address.tcp().ok_or_else(group)?).map_err(cannot_join)
}

fn cannot_join(error: io::Error) -> io::Error {
    if error.kind() != io::ErrorKind::AddrInUse {
        return error;
    }
    io::Error::other(
        "no further listener can be bound beside those of another user, who may be the service manager \
         that passed them: have it pass as many as there are workers",
    )
}

/// Says in each event of this thread whose it is.
fn named(id: ChildId) -> EnteredSpan {
    let (generation, pid) = (id.generation.0, std::process::id());
    let span = match id.place {
        Place::Slot(slot) => tracing::error_span!("worker", slot = slot.0, generation, pid),
        Place::Admin => tracing::error_span!("admin", generation, pid),
        Place::Dispatcher => tracing::error_span!("dispatcher", generation, pid),
    };
    span.entered()
}

fn take_output(birth: &Birth) {
    // No thread lives on in another program, and none is to change descriptors while it is begun.
    let foreign = birth.plan.foreign.is_some() && birth.id.place.slot().is_some();
    let take = if foreign { output::direct } else { output::begin };
    let taken = birth.plan.output.as_ref().map(|output| take(output, birth.id.place));
    if let Some(Err(error)) = taken {
        tracing::error!("the output goes where the master's goes, or is not rotated: {error}");
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
