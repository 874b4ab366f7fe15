//! What one program leaves to the next in the same process: everything that is known, in a memory
//! file, and the descriptors, which stay open across `execve`.
//!
//! Each socket is named with its cookie, which the kernel gives to one socket only, once: with
//! `SO_REUSEPORT` a bind would succeed as well, and hide that a hand-over has failed.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use nix::unistd::Pid;
use serde::{Deserialize, Serialize};

use super::Master;
use super::child::HandedChild;
use super::datagrams::HandedPort;
use super::endpoint::HandedEndpoint;
use super::supervisor::Saved;
use crate::apps::Name;
use crate::board;
use crate::control::Control;
use crate::error::Error;
use crate::ids::SlotId;
use crate::net::balance::{self, Balancer, Descriptors};
use crate::net::listener;
use crate::plan::{Address, Intake, Plan};
use crate::sys::exec;

/// Changes with the form of what follows.
const FORM: u32 = 6;

/// What the next program is to know. Numbers of descriptors are the same there.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Handover {
    form: u32,
    pid: u32,
    #[serde(flatten)]
    pub(super) primary: HandedEndpoint,
    #[serde(default)]
    pub(super) further: Vec<HandedEndpoint>,
    pub(super) udp: Vec<HandedPort>,
    pub(super) admin: Option<HandedEndpoint>,
    /// Who accepts from what, in words.
    intake: String,
    /// The table, the map of listeners and the program, if one chooses.
    balancer: Option<[RawFd; 3]>,
    /// How the table is laid out, if there is one.
    #[serde(default)]
    table_layout: u64,
    pub(super) why_policy: Option<String>,
    memory: RawFd,
    /// How its content is laid out.
    board_layout: u64,
    /// Where the program is.
    pub(super) program: Option<PathBuf>,
    pub(super) lodged: Vec<Option<Handed>>,
    /// The members of the reuseport group in the kernel's order.
    pub(super) group: Vec<SlotId>,
    pub(super) children: Vec<HandedChild>,
    pub(super) supervisor: Saved,
    control: Option<PathBuf>,
    #[serde(default)]
    name: Option<String>,
    pub(super) control_listener: Option<RawFd>,
    pub(super) callers: Vec<HandedCaller>,
    pub(super) announced: bool,
    /// Its workers are programs that do not link evenkeel.
    foreign: bool,
}

/// A socket, and how to know it again.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Handed {
    number: RawFd,
    cookie: u64,
}

/// Somebody who is connected to the control socket.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct HandedCaller {
    pub(super) number: RawFd,
    /// The beginning of a command.
    pub(super) received: Vec<u8>,
    /// For the outcome of this upgrade.
    pub(super) waits: bool,
    pub(super) is_child: bool,
}

impl Master<'_> {
    /// All that is known, to be read by another program.
    pub(super) fn handover(&self) -> io::Result<Handover> {
        let lodged = self.lodged.iter().map(|lodged| lodged.as_ref().map(Handed::of).transpose());
        let further = self.further.iter().map(HandedEndpoint::of);
        let control = self.control.as_ref();
        Ok(Handover {
            form: FORM,
            pid: std::process::id(),
            primary: HandedEndpoint::of(&self.primary)?,
            further: further.collect::<io::Result<_>>()?,
            udp: self.datagrams.hand_over()?,
            admin: self.admin.as_ref().map(HandedEndpoint::of).transpose()?,
            intake: format!("{:?}", self.plan.intake),
            balancer: self.balancer.as_ref().map(|balancer| {
                balancer.descriptors().all().map(|descriptor| descriptor.as_raw_fd())
            }),
            table_layout: balance::LAYOUT,
            why_policy: self.why_policy.clone(),
            memory: self.memory.as_raw_fd(),
            board_layout: board::LAYOUT,
            program: self.upgrade.program_path(),
            lodged: lodged.collect::<io::Result<_>>()?,
            group: self.group.members().to_vec(),
            children: self.children.iter().map(HandedChild::of).collect(),
            supervisor: self.supervisor.save(),
            control: control.and_then(Control::path).map(PathBuf::from),
            name: self.plan.name.as_ref().map(Name::to_string),
            control_listener: control.and_then(Control::listener).map(|it| it.as_raw_fd()),
            callers: control.into_iter().flat_map(|control| self.handed_callers(control)).collect(),
            announced: self.announced,
            foreign: self.plan.foreign.is_some(),
        })
    }

    /// Marks everything that the next program is to have; or, when there is none, takes that back.
    pub(super) fn leave_open(&self, open: bool) -> io::Result<()> {
        let inherit = |socket: &dyn AsFd| exec::inherit(socket.as_fd(), open);
        inherit(&self.memory)?;
        inherit(&self.primary.socket)?;
        let further = self.further.iter().chain(&self.admin);
        further.map(|endpoint| &endpoint.socket).try_for_each(|socket| inherit(socket))?;
        self.datagrams.sockets().try_for_each(|socket| inherit(socket))?;
        for descriptor in self.balancer.iter().flat_map(|balancer| balancer.descriptors().all()) {
            inherit(&descriptor)?;
        }
        self.lodged.iter().flatten().try_for_each(|socket| inherit(socket))?;
        for child in &self.children {
            child.channel.iter().try_for_each(|channel| inherit(channel))?;
            child.links.iter().try_for_each(|(_, link)| inherit(link))?;
        }
        if let Some(control) = &self.control {
            control.listener().iter().try_for_each(|listener| inherit(listener))?;
            control.callers().iter().try_for_each(|caller| inherit(&caller.stream))?;
        }
        Ok(())
    }

    /// Whoever waits for anything else than this upgrade is told so before the change.
    fn handed_callers(&self, control: &Control) -> impl Iterator<Item = HandedCaller> {
        control.callers().iter().map(|caller| HandedCaller {
            number: caller.stream.as_raw_fd(),
            received: caller.received.clone(),
            is_child: caller.is_child,
            waits: self.waiting.for_upgrade().any(|(waiting, _)| waiting == caller.key),
        })
    }
}

impl Handover {
    /// Writes it into memory that can be handed on.
    pub(super) fn write(&self) -> io::Result<OwnedFd> {
        let memory = std::fs::File::from(exec::memory()?);
        memory.write_all_at(&serde_json::to_vec(self)?, 0)?;
        Ok(memory.into())
    }

    /// Reads what another program wrote.
    pub(super) fn read(memory: OwnedFd) -> io::Result<Self> {
        let memory = std::fs::File::from(memory);
        let length = usize::try_from(memory.metadata()?.len()).map_err(io::Error::other)?;
        let mut bytes = vec![0; length];
        memory.read_exact_at(&mut bytes, 0)?;
        Ok(serde_json::from_slice(&bytes)?)
    }

    /// Whether this program, with this plan, can go on with it.
    pub(super) fn fits(&self, plan: &Plan) -> Result<(), Error> {
        let differs = |what: &str, old: &dyn std::fmt::Display, new: &dyn std::fmt::Display| {
            Err(Error::config(format!(
                "an upgrade cannot change the {what} from {old} to {new}: stop, and start anew"
            )))
        };
        let table_differs = self.balancer.is_some() && self.table_layout != balance::LAYOUT;
        if self.form != FORM || self.board_layout != board::LAYOUT || table_differs {
            let text = "the running program is of a version of evenkeel that hands over in another \
                        form: stop, and start anew";
            return Err(Error::config(text.into()));
        }
        let old = &self.primary.address;
        if !old.serves_as(&plan.address) {
            return differs("address", old, &plan.address);
        }
        let old = || self.further.iter().map(|endpoint| &endpoint.address);
        let same = old().zip(&plan.further).all(|(old, new)| old.serves_as(new));
        if !same || self.further.len() != plan.further.len() {
            return differs("further addresses", &list(old()), &list(plan.further.iter()));
        }
        let old: Vec<_> = self.udp.iter().map(|port| Address::Tcp(port.local)).collect();
        let new: Vec<_> = plan.udp.iter().copied().map(Address::Tcp).collect();
        let same = old.iter().zip(&new).all(|(old, new)| old.serves_as(new));
        if !same || old.len() != new.len() {
            return differs("addresses for UDP", &list(old.iter()), &list(new.iter()));
        }
        let old = self.admin.as_ref().map(|endpoint| &endpoint.address);
        let new = plan.admin.as_ref().map(|admin| &admin.address);
        let same = old.zip(new).map_or(old == new, |(old, new)| old.serves_as(new));
        if !same {
            return differs("admin address", &list(old.into_iter()), &list(new.into_iter()));
        }
        if self.intake(plan).is_none() {
            let (what, new) =
                ("way that connections come to workers", format!("{:?}", plan.intake));
            return differs(what, &self.intake, &new);
        }
        // Workers of one kind cannot be told what those of the other kind are, and take other listeners.
        if self.foreign != plan.foreign.is_some() {
            let kind = |foreign| if foreign { "programs of others" } else { "its own" };
            return differs("workers", &kind(self.foreign), &kind(plan.foreign.is_some()));
        }
        let path = |path: Option<&PathBuf>| {
            path.map_or("none".to_owned(), |path| path.display().to_string())
        };
        let name = plan.name.as_ref().map(Name::to_string);
        if self.name != name {
            let text = |name: &Option<String>| name.clone().unwrap_or_else(|| "none".to_owned());
            return differs("name", &text(&self.name), &text(&name));
        }
        if self.control != plan.control {
            let (old, new) = (path(self.control.as_ref()), path(plan.control.as_ref()));
            return differs("control socket", &old, &new);
        }
        Ok(())
    }

    /// How connections come to workers, if the plan goes with it.
    pub(super) fn intake(&self, plan: &Plan) -> Option<Intake> {
        let allowed = [Some(plan.intake), plan.otherwise];
        allowed.into_iter().flatten().find(|intake| format!("{intake:?}") == self.intake)
    }

    /// What chooses among the listeners.
    pub(super) fn balancer(&self, intake: Intake) -> io::Result<Option<Balancer>> {
        let (Some(rule), Some(numbers)) = (intake.rule(), self.balancer) else { return Ok(None) };
        let [table, listeners, program] = numbers.map(exec::take);
        let descriptors = Descriptors::take_over([table?, listeners?, program?])?;
        Balancer::take_over(rule, descriptors).map(Some)
    }

    /// The scoreboard that the workers count on.
    pub(super) fn board(&self) -> io::Result<(&'static board::Board, OwnedFd)> {
        let memory = exec::take(self.memory)?;
        Ok((board::take_over(&memory)?, memory))
    }

    /// This process wrote it.
    pub(super) fn is_of(&self, process: Pid) -> bool {
        Ok(self.pid) == u32::try_from(process.as_raw())
    }
}

/// In words.
fn list<'a>(addresses: impl Iterator<Item = &'a Address>) -> String {
    let addresses: Vec<String> = addresses.map(Address::to_string).collect();
    if addresses.is_empty() { "none".into() } else { addresses.join(", ") }
}

impl Handed {
    pub(super) fn of(socket: &OwnedFd) -> io::Result<Self> {
        Ok(Self { number: socket.as_raw_fd(), cookie: listener::cookie(socket)? })
    }

    /// The socket; an error if it is another one.
    pub(super) fn take(&self) -> io::Result<OwnedFd> {
        let socket = exec::take(self.number)?;
        if listener::cookie(&socket)? != self.cookie {
            return Err(io::Error::other(format!("descriptor {} is another socket", self.number)));
        }
        Ok(socket)
    }
}
