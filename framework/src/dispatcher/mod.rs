//! The process of policy `rr`: it accepts, and hands each socket to the next worker in turn.
//!
//! It takes a connection out of the accept queue only when a worker has room for it, so that what
//! waits, waits in the kernel, where its death costs nothing. A socket stays open here until its
//! worker has acknowledged it; when the worker dies first, another gets it.

mod relay;
pub(crate) mod rotation;

use crate::birth::{Birth, Stock, code};
use crate::net::channel::Report;
use relay::Relay;

/// The dispatcher's life from its birth on; its exit code.
pub(crate) fn run(mut birth: Birth) -> i32 {
    // An empty stand-in: the stock is taken once.
    let Stock::Dispatcher(listener) = std::mem::replace(&mut birth.stock, Stock::Links) else {
        return code::FAILED;
    };
    let result = Relay::new(&birth, listener).and_then(|mut relay| {
        birth.confine()?;
        birth.ready(None)?;
        relay.run()
    });
    match result {
        Ok(exit) => exit,
        Err(error) => {
            // When the master cannot be told, the exit code still speaks.
            let _ = birth.channel.report(&Report::Failed { text: error.to_string() });
            code::FAILED
        }
    }
}
