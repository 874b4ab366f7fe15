//! A small HTTP program on evenkeel, to try its policies with curl.

mod cli;
mod routes;
mod settings;
mod summary;
mod upload;
mod values;

use std::io::IsTerminal;
use std::process::ExitCode;

use clap::Parser;
use evenkeel::Server;
use evenkeel::config::Settings;

use cli::{Cli, LogFormat};
use routes::Demo;

fn main() -> ExitCode {
    let cli = Cli::parse();
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
    log_to_stderr(cli, &settings);
    // The address is among the settings.
    let mut server = Server::bind("")
        .settings(&settings)
        .on_listening_all(|addresses| summary::print_listening(&settings, addresses))
        .on_stop(summary::print);
    if let Some(path) = &cli.config {
        server = server.config_file(path);
    }
    // The closure runs in each worker after the fork, so that it knows which one it is.
    server.serve_handler(|worker| anyhow::Ok(Demo::new(*worker, cli.files.clone())))?;
    Ok(())
}

/// The master and its workers write each line with one call, so that lines never mix.
fn log_to_stderr(cli: &Cli, settings: &Settings) {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    let subscriber = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A full disk is no reason to panic, as `eprintln!` would.
    let subscriber = subscriber.log_internal_errors(false);
    let ansi = settings.output.is_none() && std::io::stderr().is_terminal();
    match cli.log_format {
        LogFormat::Text => subscriber.with_ansi(ansi).init(),
        LogFormat::Json => subscriber.json().init(),
    }
}
