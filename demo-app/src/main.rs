//! A small HTTP program on evenkeel, to try its policies with curl.

mod cli;
mod routes;
mod summary;
mod upload;

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use evenkeel::{AccessLog, Server};

use cli::{Cli, LogFormat};
use routes::Demo;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.log_format);
    match run(&cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            let code = error.downcast_ref::<evenkeel::Error>().map(evenkeel::Error::exit_code);
            ExitCode::from(code.unwrap_or(1))
        }
    }
}

fn run(cli: &Cli) -> anyhow::Result<()> {
    let mut server = Server::bind(cli.address())
        .workers(cli.workers)
        .policy(cli.policy)
        .stall_after(Duration::from_secs_f64(cli.stall_after / 1000.0))
        .grace(Duration::from_secs(cli.grace))
        .min_uptime(Duration::from_secs(cli.min_uptime))
        .ready_timeout(Duration::from_secs(cli.ready_timeout))
        .pre_stop_delay(Duration::from_secs_f64(cli.pre_stop_delay))
        .hang_timeout(Some(Duration::from_secs_f64(cli.hang_timeout)).filter(|t| !t.is_zero()))
        .on_listening_all(|addresses| summary::print_listening(cli, addresses))
        .on_stop(summary::print);
    for address in &cli.also {
        server = server.also(address);
    }
    if let Some(listener) = cli.listener {
        server = server.listener(listener);
    }
    if let Some(wake) = cli.accept_wake {
        server = server.accept_wake(wake);
    }
    if let Some(mib) = cli.max_memory {
        server = server.max_memory(mib << 20);
    }
    if let Some(requests) = cli.max_requests {
        server = server.max_requests(requests);
    }
    if let Some(seconds) = cli.max_age {
        server = server.max_age(Duration::from_secs(seconds));
    }
    if let Some(deaths) = cli.give_up {
        server = server.give_up(deaths, Duration::from_secs(60));
    }
    if let Some(path) = &cli.control {
        server = server.control(path);
    }
    if let Some(address) = &cli.admin {
        server = server.admin(address);
    }
    if let Some(path) = &cli.admin_token_file {
        server = server.admin_token_file(path);
    }
    if !cli.proxy_protocol.is_empty() {
        server = server.proxy_protocol(cli.proxy_protocol.iter().cloned());
    }
    if let Some(path) = &cli.access_log {
        server = server.access_log(AccessLog::new(path).format(cli.access_log_format));
    }
    // The closure runs in each worker after the fork, so that it knows which one it is.
    server.serve_handler(|worker| anyhow::Ok(Demo::new(*worker, cli.files.clone())))?;
    Ok(())
}

/// The master and its workers write each line with one call, so that lines never mix.
fn log_to_stderr(format: LogFormat) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => subscriber.with_ansi(std::io::stderr().is_terminal()).init(),
        LogFormat::Json => subscriber.json().init(),
    }
}
