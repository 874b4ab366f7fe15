//! What flags, environment and file say together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use evenkeel::config::{Bytes, Patience, Settings};

use crate::cli::{Bind, Cli};

const PORT: u16 = 8080;

/// A flag goes before the environment, and that before the file.
pub(crate) fn settings(cli: &Cli) -> Result<Settings, evenkeel::Error> {
    let mut weaker = Settings::from_env()?;
    if let Some(path) = &cli.config {
        weaker = weaker.over(Settings::from_file(path)?);
    }
    Ok(flags(cli, &weaker).over(weaker))
}

fn flags(cli: &Cli, weaker: &Settings) -> Settings {
    let mut settings = Settings::default();
    settings.name.clone_from(&cli.name);
    settings.listen = Some(addresses(cli, weaker.listen.as_deref().unwrap_or_default()));
    settings.workers = cli.workers;
    settings.policy = cli.policy;
    settings.listener = cli.listener;
    settings.accept_wake = cli.accept_wake;
    let milliseconds = |number: f64| Duration::from_secs_f64(number / 1000.0);
    settings.stall_after = cli.stall_after.map(milliseconds);
    settings.grace = cli.grace.map(Duration::from_secs);
    settings.min_uptime = cli.min_uptime.map(Duration::from_secs);
    settings.ready_timeout = cli.ready_timeout.map(Duration::from_secs);
    settings.pre_stop_delay = cli.pre_stop_delay.map(Duration::from_secs_f64);
    let after =
        |time: Duration| if time.is_zero() { Patience::Never } else { Patience::After(time) };
    settings.hang_timeout = cli.hang_timeout.map(Duration::from_secs_f64).map(after);
    settings.max_memory = cli.max_memory.map(|mib| Bytes(mib << 20));
    settings.max_requests = cli.max_requests;
    settings.max_age = cli.max_age.map(Duration::from_secs);
    settings.give_up = cli.give_up;
    settings.control.clone_from(&cli.control);
    settings.access_log.clone_from(&cli.access_log);
    settings.access_log_format = cli.access_log_format;
    settings.admin.clone_from(&cli.admin);
    settings.admin_token_file.clone_from(&cli.admin_token_file);
    settings.proxy_protocol = Some(cli.proxy_protocol.clone()).filter(|peers| !peers.is_empty());
    settings
}

/// `--bind` and `--port` change their part of the primary address, and `--also` names all others.
fn addresses(cli: &Cli, said: &[String]) -> Vec<String> {
    let (first, further) =
        said.split_first().map_or((None, &[][..]), |(first, further)| (Some(first), further));
    let further = if cli.also.is_empty() { further } else { &cli.also };
    let default = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), PORT);
    let address = match (&cli.bind, cli.port, first) {
        (None, None, Some(first)) => first.clone(),
        (Some(Bind::Unix(path)), ..) => path.clone(),
        (bind, port, first) => {
            let first: SocketAddr = first.and_then(|text| text.parse().ok()).unwrap_or(default);
            let ip = |bind: &Bind| if let Bind::Ip(ip) = bind { Some(*ip) } else { None };
            let ip: IpAddr = bind.as_ref().and_then(ip).unwrap_or(first.ip());
            SocketAddr::new(ip, port.unwrap_or(first.port())).to_string()
        }
    };
    std::iter::once(address).chain(further.iter().cloned()).collect()
}
