//! The command line: starts servers, shows them, tells them what to do, waits for the outcome, and ends with
//! it.

mod answer;
mod ask;
mod check;
mod cli;
mod describe;
mod figures;
mod follow;
mod foreign;
mod list;
mod logs;
mod outcome;
mod print;
mod saved;
mod send;
mod show;
mod start;
mod stop;
mod systemd;
mod table;
mod tail;
mod target;
mod top;
mod visible;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use clap_complete::Shell;
use evenkeel::control::Command;

use cli::{Cli, Verb};
use outcome::{Failure, USAGE};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            if error.use_stderr() && std::env::args_os().any(|word| word == "--json") {
                print::json(&answer::not_begun(&[], &Failure::new(USAGE, error.to_string())));
            }
            error.exit()
        }
    };
    match run(&cli) {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            if cli.json {
                print_failure(&cli.verb, &failure);
            }
            print::error(&failure);
            ExitCode::from(failure.code)
        }
    }
}

/// `logs` prints an object a line, all else a list.
fn print_failure(verb: &Verb, failure: &Failure) {
    let answers = answer::not_begun(verb.names(), failure);
    if matches!(verb, Verb::Logs { .. }) {
        answers.iter().for_each(print::json);
    } else {
        print::json(&answers);
    }
}

fn run(cli: &Cli) -> Result<u8, Failure> {
    match &cli.verb {
        Verb::Start(what) => start::start(cli, what),
        Verb::List => list::list(cli),
        Verb::Describe(names) => describe::describe(cli, &names.apps),
        Verb::Top { apps, once, interval } => top::top(cli, &apps.apps, *once, *interval),
        Verb::Status(names) => ask::each(cli, &names.apps, Command::Status {}),
        Verb::Reload(names) => ask::each(cli, &names.apps, Command::Reload {}),
        Verb::Upgrade(names) => ask::each(cli, &names.apps, Command::Upgrade {}),
        Verb::Restart(names) => start::restart(cli, &names.apps),
        Verb::Scale { app, workers } => {
            ask::each(cli, app.as_slice(), Command::Scale { workers: *workers })
        }
        Verb::Reopen(names) => ask::each(cli, &names.apps, Command::Reopen {}),
        Verb::Stop { apps, now, forget } => stop::stop(cli, &apps.apps, *now, *forget),
        Verb::Signal { app, signal } => send::signal(cli, app.as_slice(), signal),
        Verb::Logs { apps, follow, lines } => logs::logs(cli, &apps.apps, *lines, *follow),
        Verb::Systemd(args) => {
            systemd::run(args, cli.json)?;
            Ok(0)
        }
        Verb::Config(config) => check::config(cli.json, config),
        Verb::Completions { shell } => {
            completions(*shell);
            Ok(0)
        }
        Verb::Launch { log, words } => Err(start::become_program(log, &words.words)),
        Verb::ServeForeign { stop_signal, words } => {
            foreign::serve(stop_signal, &words.words)?;
            Ok(0)
        }
    }
}

/// Of what is for people. All that is hidden would be offered, too.
fn completions(shell: Shell) {
    let whole = Cli::command();
    let verbs = whole.get_subcommands().filter(|verb| !verb.is_hide_set());
    let mut shown = clap::Command::new("evenkeel")
        .version(env!("CARGO_PKG_VERSION"))
        .args(whole.get_arguments())
        .subcommands(verbs);
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut shown, "evenkeel", &mut script);
    print::line(String::from_utf8_lossy(&script).trim_end());
}
