//! What flags, environment and file say together.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use evenkeel::config::Settings;

use crate::cli::Cli;
use crate::values::Bind;

const PORT: u16 = 8080;

/// A flag goes before the environment, and that before the file.
pub(crate) fn settings(cli: &Cli) -> Result<Settings, evenkeel::Error> {
    let mut weaker = Settings::from_env()?;
    if let Some(path) = &cli.config {
        weaker = weaker.over(Settings::from_file(path)?);
    }
    let mut settings = flags(cli)?;
    settings.listen = Some(addresses(cli, weaker.listen.as_deref().unwrap_or_default()));
    Ok(settings.over(weaker))
}

/// Each flag whose name is that of a key.
fn flags(cli: &Cli) -> Result<Settings, evenkeel::Error> {
    let peers = Some(cli.proxy_protocol.join(",")).filter(|peers| !peers.is_empty());
    let mut settings = Settings::default();
    for (key, said) in [
        ("name", &cli.name),
        ("workers", &cli.workers),
        ("policy", &cli.policy),
        ("listener", &cli.listener),
        ("accept_wake", &cli.accept_wake),
        ("stall_after", &cli.stall_after),
        ("grace", &cli.grace),
        ("min_uptime", &cli.min_uptime),
        ("ready_timeout", &cli.ready_timeout),
        ("pre_stop_delay", &cli.pre_stop_delay),
        ("hang_timeout", &cli.hang_timeout),
        ("max_memory", &cli.max_memory),
        ("max_requests", &cli.max_requests),
        ("max_age", &cli.max_age),
        ("give_up", &cli.give_up),
        ("control", &cli.control),
        ("admin", &cli.admin),
        ("admin_token_file", &cli.admin_token_file),
        ("proxy_protocol", &peers),
        ("user", &cli.user),
        ("group", &cli.group),
        ("seccomp", &cli.seccomp),
        ("access_log", &cli.access_log),
        ("access_log_format", &cli.access_log_format),
        ("access_log_max", &cli.access_log_max),
        ("access_log_keep", &cli.access_log_keep),
        ("output", &cli.output),
        ("output_per_worker", &cli.output_per_worker),
        ("output_max", &cli.output_max),
        ("output_keep", &cli.output_keep),
    ] {
        if let Some(text) = said {
            settings.set(key, text)?;
        }
    }
    Ok(settings)
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
