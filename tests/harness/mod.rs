//! What the tests share: programs that are ended whatever happens, clients that do not retry, and
//! looks at the machine from outside.

pub(crate) mod activated;
pub(crate) mod admin;
pub(crate) mod app;
pub(crate) mod booted;
pub(crate) mod browser;
pub(crate) mod cli;
pub(crate) mod client;
pub(crate) mod deployed;
pub(crate) mod example;
pub(crate) mod exposition;
pub(crate) mod installed;
pub(crate) mod load;
pub(crate) mod manager;
pub(crate) mod network;
pub(crate) mod packet;
pub(crate) mod place;
pub(crate) mod privilege;
pub(crate) mod process;
pub(crate) mod terminal;
pub(crate) mod wait;
pub(crate) mod witness;
