//! A program, on its own.

use std::ffi::OsString;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use evenkeel::apps::Name;
use evenkeel::config::{Application, Protocol, Settings};
use evenkeel::internals;
use nix::unistd::{AccessFlags, access, setsid};

use crate::outcome::Failure;
use crate::saved;

/// By this name a unit hands on the file with the token (`LoadCredential=`, systemd.exec(5)).
pub(crate) const TOKEN_CREDENTIAL: &str = "evenkeel.admin_token";

/// A process that was just started, and how long its log was before.
pub(super) struct Begun {
    pub(super) child: Child,
    pub(super) log_from: u64,
}

/// What can be told before it is tried: settings, program and directory.
pub(super) fn check(application: &Application) -> Result<(), Failure> {
    application.settings.check(application.protocol())?;
    let directory = application.program.directory.as_deref().unwrap_or(Path::new("."));
    if !directory.is_dir() {
        let text = format!("{} is no directory where it could run", directory.display());
        return Err(Failure::settings(text));
    }
    let program = application.program.program.as_deref().unwrap_or(Path::new(""));
    // As execvp(3) has it.
    let own = application.program.env.as_ref().and_then(|env| env.get("PATH")).map(OsString::from);
    let folders = own.or_else(|| std::env::var_os("PATH")).unwrap_or_default();
    let is_there = if program.components().count() > 1 {
        can_run(&directory.join(program))
    } else {
        std::env::split_paths(&folders).any(|folder| can_run(&directory.join(folder).join(program)))
    };
    if is_there {
        return Ok(());
    }
    Err(Failure::settings(format!("cannot run {}: there is no such program", program.display())))
}

fn can_run(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

/// Starts it in a session of its own, with its output going to its log.
pub(super) fn detached(name: &Name, application: &Application) -> Result<Begun, Failure> {
    let log = saved::open_log(name.as_str())?;
    let log_from = log.metadata()?.len();
    let words = words(application)?;
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["launch", "--log"]).arg(saved::log_path(name.as_str()).canonicalize()?);
    command.arg("--").args(words);
    environment(&mut command, application)?;
    command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    let child = command.spawn().map_err(|error| {
        Failure::new(71, format!("cannot be started in {}: {error}", place(application)))
    })?;
    Ok(Begun { child, log_from })
}

/// Becomes it. Comes back only if that cannot be.
pub(super) fn foreground(name: &str, application: &Application) -> Failure {
    let prepared = words(application).and_then(|words| {
        let (program, arguments) =
            words.split_first().ok_or_else(|| Failure::settings("no program"))?;
        let mut command = Command::new(program);
        command.args(arguments).env(internals::STARTED, std::process::id().to_string());
        environment(&mut command, application)?;
        if let Some(token) =
            handed_token().filter(|_| application.settings.admin_token_file.is_some())
        {
            command.env(Settings::variable("admin_token_file"), token);
        }
        Ok(command)
    });
    match prepared {
        Ok(mut command) => {
            let error = command.exec();
            let program = command.get_program().display();
            Failure::new(71, format!("{name}: cannot run {program}: {error}"))
        }
        Err(failure) => failure,
    }
}

/// What the unit that this runs in hands on, for the file itself may be closed to its user.
fn handed_token() -> Option<PathBuf> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")?;
    Some(Path::new(&folder).join(TOKEN_CREDENTIAL)).filter(|path| path.exists())
}

/// The hidden verb `launch`: leaves the terminal, and becomes the program.
pub(crate) fn become_program(log: &Path, words: &[String]) -> Failure {
    if let Err(errno) = setsid() {
        return Failure::new(71, format!("cannot leave the terminal: {errno}"));
    }
    let Some((program, arguments)) = words.split_first() else {
        return Failure::settings("no program");
    };
    // What else its starter has open, a lock or the end of a pipe, is not for a program that stays.
    if let Err(error) = internals::close_strangers_on_exec() {
        return Failure::new(71, format!("cannot close what its starter has open: {error}"));
    }
    let mut command = Command::new(program);
    // The framework keeps that file short, if the program has no other.
    command
        .args(arguments)
        .env(internals::STARTED, std::process::id().to_string())
        .env("EVENKEEL_LOG", format!("{}:{}", std::process::id(), log.display()));
    let error = command.exec();
    Failure::new(71, format!("cannot run {program}: {error}"))
}

/// The program and its arguments; for one that is not ours, this program as its master.
fn words(application: &Application) -> Result<Vec<String>, Failure> {
    let mut words = Vec::new();
    if application.protocol() == Protocol::ListenFds {
        words.push(std::env::current_exe()?.display().to_string());
        words.push("serve-foreign".to_owned());
        let signal = application.program.stop_signal.as_deref().unwrap_or("TERM");
        words.extend(["--stop-signal".to_owned(), signal.to_owned(), "--".to_owned()]);
    }
    let program = application.program.program.as_ref();
    words.extend(program.map(|path| path.display().to_string()));
    words.extend(application.program.args.iter().flatten().cloned());
    Ok(words)
}

/// Settings of whoever starts it are not its own.
fn environment(command: &mut Command, application: &Application) -> Result<(), Failure> {
    for key in Settings::KEYS {
        command.env_remove(Settings::variable(key.name));
    }
    command.envs(application.program.env.iter().flatten());
    command.envs(application.settings.to_variables()?);
    if let Some(directory) = &application.program.directory {
        command.current_dir(directory);
    }
    Ok(())
}

fn place(application: &Application) -> String {
    let directory = application.program.directory.as_deref();
    directory.map_or_else(|| ".".to_owned(), |path| path.display().to_string())
}
