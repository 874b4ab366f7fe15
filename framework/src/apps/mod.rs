//! The servers of this user that have a name, as the runtime directory shows them. No daemon is asked:
//! each master writes who it is, and its scoreboard can be read there.
//!
//! A server with a name ([`Server::name`](crate::Server::name)) has a folder `RUNTIME/NAME`:
//!
//! | file | content |
//! |---|---|
//! | `app.json` | a [`Record`] |
//! | `control.sock` | the control socket, unless [`Server::control`](crate::Server::control) says another |
//! | `board` | a link to the master's scoreboard, which dangles when the master is dead |
//! | `lock` | nothing; who takes the name, or gives it back, has it locked for that |
//!
//! `RUNTIME` is `$EVENKEEL_RUNTIME_DIR`, else `/run/evenkeel` for root, else `$XDG_RUNTIME_DIR/evenkeel`,
//! else `/tmp/evenkeel-UID`. It must belong to this user or to root, and nobody else may write to it.
//! So must the folder and the record of a server. Root sees those of other users as well, as of services of systemd:
//! they are believed what they say of their own processes and files ([`Owner`]).
//!
//! ```no_run
//! for app in evenkeel::apps::apps()? {
//!     let requests: u64 = app.snapshot().map_or(0, |now| now.workers.iter().map(|w| w.requests).sum());
//!     println!("{} {} {requests}", app.record.name, app.is_running());
//! }
//! # Ok::<(), evenkeel::Error>(())
//! ```

mod app;
pub(crate) mod directory;
mod entry;
pub(crate) mod lock;
mod name;
mod owner;
mod process;
mod record;

pub use app::{App, apps, find};
pub use directory::runtime_directory;
pub(crate) use entry::Entry;
pub use name::Name;
pub use owner::Owner;
pub use record::{OutputFile, Record};
