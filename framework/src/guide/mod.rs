//! How things are done with this crate, a chapter each.

#[doc = include_str!("deploy.md")]
pub mod deploy {}

#[doc = include_str!("logs.md")]
pub mod logs {}

#[doc = include_str!("nginx_gunicorn.md")]
pub mod nginx_gunicorn {}

#[doc = include_str!("node.md")]
pub mod node {}

#[doc = include_str!("pm2.md")]
pub mod pm2 {}
