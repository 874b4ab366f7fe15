//! Bodies of any size, which are taken as they come.

use std::ops::ControlFlow;

use evenkeel::{BodyPlan, BodySink, Request, Response};

/// Longest upload.
const UPLOAD_BYTES_MAX: u64 = 1 << 40;

/// Counts what comes, and keeps none of it.
struct Count {
    octets: u64,
    /// FNV-1a, so that a client can tell that it was its own body.
    hash: u64,
}

pub(crate) fn plan() -> BodyPlan {
    let sink = Box::new(Count { octets: 0, hash: 0xcbf2_9ce4_8422_2325 });
    BodyPlan::Stream { sink, bytes_max: UPLOAD_BYTES_MAX }
}

impl BodySink for Count {
    fn take(&mut self, octets: &[u8]) -> ControlFlow<u16> {
        self.octets += octets.len() as u64;
        for octet in octets {
            self.hash = (self.hash ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01b3);
        }
        ControlFlow::Continue(())
    }

    fn finish(self: Box<Self>, _request: &Request<'_>, response: &mut Response<'_>) {
        response.body(format!("{} octets, {:016x}\n", self.octets, self.hash));
    }
}
