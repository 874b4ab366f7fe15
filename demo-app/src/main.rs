//! A small HTTP program on evenkeel, to try its policies with curl.

mod cli;
mod routes;
mod settings;
mod summary;
mod upload;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use evenkeel::{Output, Server};

use cli::{Cli, LogFormat};
use routes::Demo;

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(&cli);
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
    let settings = settings::settings(cli)?;
    // The address is among the settings.
    let mut server = Server::bind("")
        .settings(&settings)
        .on_listening_all(|addresses| summary::print_listening(&settings, addresses))
        .on_stop(summary::print);
    if let Some(path) = &cli.config {
        server = server.config_file(path);
    }
    if let Some(user) = &cli.user {
        server = server.user(user);
    }
    if let Some(group) = &cli.group {
        server = server.group(group);
    }
    if let Some(filter) = cli.seccomp {
        server = server.seccomp(filter);
    }
    if let Some(output) = output(cli) {
        server = server.output(output);
    }
    // The closure runs in each worker after the fork, so that it knows which one it is.
    server.serve_handler(|worker| anyhow::Ok(Demo::new(*worker, cli.files.clone())))?;
    Ok(())
}

fn output(cli: &Cli) -> Option<Output> {
    let path = cli.output.as_ref()?;
    let output =
        if cli.output_per_worker { Output::per_worker(path) } else { Output::merged(path) };
    Some(match cli.output_max {
        Some(mib) => output.rotate(mib << 20, cli.output_keep),
        None => output,
    })
}

/// The master and its workers write each line with one call, so that lines never mix.
fn log_to_stderr(cli: &Cli) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A full disk is no reason to panic, as `eprintln!` would.
    let subscriber = subscriber.log_internal_errors(false);
    let ansi = cli.output.is_none() && std::io::stderr().is_terminal();
    match cli.log_format {
        LogFormat::Text => subscriber.with_ansi(ansi).init(),
        LogFormat::Json => subscriber.json().init(),
    }
}
