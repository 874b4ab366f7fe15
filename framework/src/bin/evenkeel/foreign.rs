//! `evenkeel serve-foreign`: this program as the master of one that does not link evenkeel.

use std::process::Command;

use evenkeel::config::Settings;
use evenkeel::{Error, Foreign, Server};

pub(crate) fn serve(stop_signal: &str, words: &[String]) -> Result<(), Error> {
    let filter = tracing_subscriber::EnvFilter::try_from_default_env()
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info"));
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .init();
    let settings = Settings::from_env()?;
    let (program, arguments) =
        words.split_first().map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let mut command = Command::new(program);
    command.args(arguments);
    for key in Settings::KEYS {
        // They are the master's.
        command.env_remove(Settings::variable(key.name));
    }
    let program = Foreign::new(command).stop_signal(stop_signal)?;
    Server::bind("").settings(&settings).run_program(program)
}
