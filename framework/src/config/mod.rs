//! Settings from outside of the program: a file in TOML, the environment and flags, with one precedence
//! and one list of keys.
//!
//! ```toml
//! # shop.toml
//! listen = ["0.0.0.0:8080", "unix:/run/shop.sock"]
//! workers = "max"
//! grace = "30s"
//! max_memory = "512MiB"
//! ```
//!
//! ```no_run
//! use evenkeel::Server;
//! use evenkeel::config::Settings;
//!
//! # fn main() -> Result<(), evenkeel::Error> {
//! // What the environment says (EVENKEEL_WORKERS=4) goes before what the file says.
//! let settings = Settings::from_env()?.over(Settings::from_file("shop.toml")?);
//! Server::bind("127.0.0.1:8080").settings(&settings).serve(|_req, res| res.body("hello\n"))
//! # }
//! ```
//!
//! # Where paths lead
//! A relative path in a file is relative to the folder of the file; one in the environment or in a flag to where
//! the program runs.
//!
//! # What it takes to change a setting
//! A reload forks new workers from the same master, and so knows the old settings: nothing here changes
//! with it, but what the closure of [`Server::serve_with`](crate::Server::serve_with) reads does. An
//! upgrade runs `main` again, which reads the file again; it is the way to change most settings of a
//! running server. The environment of a process stays, so that what was said there, as well as addresses,
//! policy, listener and names, changes with a restart. `evenkeel start` hands the settings of an application
//! to its program by the environment: all of them change with `evenkeel restart`. [`Key::change`] says which key needs what.

#[macro_use]
mod keyed;

mod application;
mod environment;
mod file;
#[cfg(not(feature = "seccomp"))]
mod filter;
mod raw;
mod schema;
mod settings;
mod several;
mod units;
mod value;

pub use application::{Application, Applications, Program, Protocol};
#[cfg(not(feature = "seccomp"))]
pub use filter::NoSeccomp;
pub use keyed::{Change, Key};
pub use schema::schema;
pub use settings::Settings;
pub use units::{Bytes, Patience};
