//! Socket activation: listeners that a service manager has opened, passes at the start, and keeps when
//! this server has stopped. What waits in them then is for the next one.
//!
//! In a reuseport group they are the first members, in the order in which they were passed, which is
//! that in which systemd has them listen; each is the listener of one slot.

use std::io;
use std::os::fd::OwnedFd;
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::balance::{self, Chosen};
use super::endpoint::Endpoint;
use crate::error::Error;
use crate::ids::SlotId;
use crate::limits::ORPHAN_WAIT_MAX;
use crate::net::balance::Balancer;
use crate::net::group::Group;
use crate::net::listener;
use crate::plan::{AcceptWake, Address, Balance, Intake, Plan};
use crate::sys::passed::Passed;
use crate::sys::reuseport;

/// All sockets of a master that begins.
pub(super) struct Opened {
    pub(super) primary: Endpoint,
    pub(super) further: Vec<Endpoint>,
    /// The listeners of the first slots.
    pub(super) lodged: Vec<Option<OwnedFd>>,
    pub(super) group: Group,
    pub(super) balancer: Option<Balancer>,
    pub(super) why_policy: Option<String>,
}

/// Takes the addresses of the plan, each by what was passed for it or else by binding it, and agrees on
/// the policy.
pub(super) fn open(plan: &mut Plan, passed: Vec<Passed>) -> Result<Opened, Error> {
    let lent = Lent::sort(passed, plan)?;
    let why_listener = lent.bear_on(plan);
    let Chosen { balancer, why } = balance::choose(plan)?;
    lent.check(plan).map_err(Error::config)?;
    let failed = |error| Error::system("take over a listener", error);
    let primary = match &lent.address {
        Some(address) => Endpoint::lent(address.clone(), &lent.primary).map_err(failed)?,
        None => Endpoint::primary(plan)?,
    };
    let further = plan.further.iter().zip(lent.further).map(|(address, lent)| match lent {
        Some((local, socket)) => Endpoint::lent(local, &[socket]).map_err(failed),
        None => Endpoint::shared(address),
    });
    let further = further.collect::<Result<_, _>>()?;
    let (mut lodged, mut group) = (Vec::new(), Group::default());
    if let Intake::Group(_) = plan.intake {
        for (slot, socket) in (0..).map(SlotId).zip(lent.primary) {
            // A server before this one may have died with a program of its own there.
            reuseport::detach(&socket).map_err(failed)?;
            let admit = |balancer: &Balancer| admit(balancer, slot, &socket);
            balancer.as_ref().map_or(Ok(()), admit).map_err(failed)?;
            group.joined(slot);
            lodged.push(Some(socket));
        }
    }
    let opened =
        Opened { primary, further, lodged, group, balancer, why_policy: why_listener.or(why) };
    opened.block(plan).map_err(failed)?;
    Ok(opened)
}

impl Opened {
    /// Programs of others get their listeners as service managers hand them over. Who wants it otherwise
    /// sets it otherwise, for all that come after it.
    fn block(&self, plan: &Plan) -> io::Result<()> {
        let foreign = plan.foreign.is_some();
        if foreign || plan.intake == Intake::Shared(AcceptWake::Blocking) {
            listener::block(&self.primary.socket)?;
        }
        if foreign {
            let further = self.further.iter().map(|endpoint| &endpoint.socket);
            further.chain(self.lodged.iter().flatten()).try_for_each(listener::block)?;
        }
        Ok(())
    }
}

/// The kernel is a moment behind in forgetting that the listener had a name with the program of a server
/// before this one.
fn admit(balancer: &Balancer, slot: SlotId, socket: &OwnedFd) -> io::Result<()> {
    const STEP: Duration = Duration::from_millis(1);
    let deadline = Instant::now() + ORPHAN_WAIT_MAX;
    loop {
        match balancer.admit(slot, socket) {
            Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
                if Instant::now() > deadline {
                    return Err(error);
                }
            }
            other => return other,
        }
        sleep(STEP);
    }
}

/// What was passed, by address.
struct Lent {
    /// Where those for the primary address are bound.
    address: Option<Address>,
    primary: Vec<OwnedFd>,
    further: Vec<Option<(Address, OwnedFd)>>,
}

impl Lent {
    fn sort(passed: Vec<Passed>, plan: &Plan) -> Result<Self, Error> {
        let further = plan.further.iter().map(|_| None).collect();
        let mut this = Self { address: None, primary: Vec::new(), further };
        for Passed { socket, name } in passed {
            let address = listener::adopt(&socket).map_err(|error| {
                Error::config(format!(
                    "the service manager passed a socket ({name}) that cannot serve: {error}; let \
                     its .socket unit have ListenStream= lines only, and Accept=no"
                ))
            })?;
            tracing::info!(%address, name, "a listener was passed");
            this.place(address, socket, &name, plan)?;
        }
        Ok(this)
    }

    fn place(
        &mut self,
        address: Address,
        socket: OwnedFd,
        name: &str,
        plan: &Plan,
    ) -> Result<(), Error> {
        let like_others = self.address.as_ref().is_none_or(|others| *others == address);
        if address.serves_as(&plan.address) && like_others {
            self.address = Some(address);
            self.primary.push(socket);
            return Ok(());
        }
        let mut free = plan.further.iter().zip(&mut self.further);
        let Some((_, place)) =
            free.find(|(wanted, place)| place.is_none() && address.serves_as(wanted))
        else {
            let all: Vec<String> = plan.addresses().map(Address::to_string).collect();
            let all = all.join(", ");
            return Err(Error::config(format!(
                "the service manager passed a listener on {address} ({name}), and this program \
                 listens on {all}, each further address once: name the same ones in the ListenStream= \
                 lines of the .socket unit and in the settings of the program"
            )));
        };
        *place = Some((address, socket));
        Ok(())
    }

    /// With policy `auto`, what was passed decides whether each worker can have a listener of its own.
    fn bear_on(&self, plan: &mut Plan) -> Option<String> {
        let (Intake::Group(_), Some(Intake::Shared(wake))) = (plan.intake, plan.otherwise) else {
            return None;
        };
        match (self.primary.len(), self.fits_group(plan)) {
            (0, _) => None,
            (1, Err(why)) => {
                plan.intake = Intake::Shared(wake);
                Some(format!("one listener was passed, and all share it: {why}"))
            }
            _ => {
                plan.otherwise = Some(Intake::Group(Balance::Hash));
                None
            }
        }
    }

    fn check(&self, plan: &Plan) -> Result<(), String> {
        match (self.primary.len(), plan.intake) {
            (0, _) => Ok(()),
            (_, Intake::Group(_)) => self.fits_group(plan),
            (1, _) => Ok(()),
            (count, intake) => Err(format!(
                "the service manager passed {count} listeners on {}, and with {intake} there is one \
                 accept queue for all workers: leave one ListenStream= line for it in the .socket \
                 unit, or choose listener reuseport",
                plan.address
            )),
        }
    }

    /// Each listener has a worker, and each worker has one, or can bind it.
    fn fits_group(&self, plan: &Plan) -> Result<(), String> {
        let (count, workers) = (self.primary.len(), usize::from(plan.workers.get()));
        let Some(address) = &self.address else { return Ok(()) };
        if !self.primary.iter().all(|socket| listener::shares_port(socket).unwrap_or(false)) {
            return Err(format!(
                "the service manager opened {address} without SO_REUSEPORT, and each worker is to have \
                 a listener of its own: set ReusePort=yes in the .socket unit, or choose listener \
                 inherited"
            ));
        }
        if count > workers {
            return Err(format!(
                "the service manager passed {count} listeners on {address} to {workers} workers, and \
                 nobody would accept from some of them: have as many workers, or as many ListenStream= \
                 lines in the .socket unit"
            ));
        }
        let joins = |address: &Address| address.tcp().map(listener::bind_guard);
        if count < workers
            && let Some(Err(error)) = joins(address)
        {
            return Err(format!(
                "the service manager passed {count} of {workers} listeners on {address}, and no other \
                 can be bound beside them: {error}, because another user opened them; write \
                 ListenStream={address} {workers} times in the .socket unit, or choose listener \
                 inherited"
            ));
        }
        Ok(())
    }
}
