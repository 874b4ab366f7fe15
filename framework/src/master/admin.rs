//! What the master has to do with its admin process.

use std::io;
use std::os::unix::net::UnixStream;

use super::{Endpoint, Master};
use crate::birth::Outfit;
use crate::control::Control;
use crate::error::Error;
use crate::ids::{ChildId, Place};
use crate::limits::ADMIN_LINES;
use crate::net::listener;
use crate::plan::{Intake, Plan};

/// Opens the listener of the admin process, if there is to be one; its port is in the plan then.
pub(super) fn open(plan: &mut Plan) -> Result<Option<Endpoint>, Error> {
    let Some(admin) = &mut plan.admin else { return Ok(None) };
    let endpoint = Endpoint::admin(&admin.address)?;
    admin.address = endpoint.local.clone();
    tracing::info!(address = %admin.address, "the admin process is to be reached");
    Ok(Some(endpoint))
}

/// Where commands come from, if from anywhere.
pub(super) fn control(plan: &Plan) -> Result<Option<Control>, Error> {
    let listen = |path| Control::listen(path).map_err(|error| Error::control(path, error));
    let control = plan.control.as_deref().map(listen).transpose()?;
    Ok(control.or_else(|| plan.admin.is_some().then(Control::private)))
}

impl Master<'_> {
    /// What the child gets besides, if it is the admin process, and the master's ends of its lines.
    pub(super) fn outfit(&self, id: ChildId) -> io::Result<(Vec<UnixStream>, Option<Outfit>)> {
        if id.place != Place::Admin {
            return Ok((Vec::new(), None));
        }
        let pairs = (0..ADMIN_LINES).map(|_| UnixStream::pair());
        let (ours, lines) = pairs.collect::<io::Result<Vec<_>>>()?.into_iter().unzip();
        // In a group the primary socket only keeps the port.
        let primary = Some(&self.primary).filter(|_| !matches!(self.plan.intake, Intake::Group(_)));
        let shared = primary.into_iter().chain(&self.further);
        let shared = shared.map(|it| Ok((it.local.clone(), listener::inode(&it.socket)?)));
        let shared = shared.collect::<io::Result<_>>()?;
        Ok((ours, Some(Outfit { master: std::process::id(), lines, shared })))
    }

    /// Takes commands of the child from now on.
    pub(super) fn listen_to(&mut self, id: ChildId, lines: Vec<UnixStream>) {
        for line in lines {
            let admitted = self.control.as_mut().map_or(Ok(()), |it| it.admit(line, id));
            if let Err(error) = admitted {
                tracing::error!("{id} can give no orders: {error}");
            }
        }
    }
}
