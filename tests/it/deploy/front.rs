//! A proxy, and the instances that its file says are behind it, each in a network of its own.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::harness::app::{App, demo};
use crate::harness::client::{Client, get};
use crate::harness::network::Network;
use crate::harness::process::Process;
use crate::harness::wait::{wait_for, wait_until};

/// Where clients come in, in the proxy's network.
pub(super) const PORT: u16 = 80;

/// The proxy's address, which the instances trust.
const FRONT: &str = "192.0.2.1";

/// What the proxy says, in its folder.
const LOG: &str = "log";

/// One instance of the demo.
pub(super) struct Instance {
    network: Network,
    arguments: Vec<String>,
    app: App,
}

impl Instance {
    fn start(front: &Network, arguments: &[String]) -> Self {
        let network = Network::new();
        let at = arguments.iter().position(|argument| argument == "--bind").expect("--bind");
        let address = &arguments[at + 1];
        let interface = format!("to-{}", address.rsplit('.').next().unwrap());
        front.connect(&interface, FRONT, &network, address);
        let app = run(&network, arguments);
        Self { network, arguments: arguments.to_vec(), app }
    }

    /// Stops it as an operator does, and starts it anew.
    pub(super) fn restart(&mut self) {
        self.app.signal(Signal::SIGTERM);
        let status = self.app.ended();
        assert_eq!(status.code(), Some(0), "{}", self.app.log.text());
        self.app = run(&self.network, &self.arguments);
    }

    fn answers(&self, pid: u32) -> bool {
        self.app.children().iter().any(|child| child.pid == pid)
    }

    /// Waits until requests from the front reach this very instance.
    pub(super) fn is_reached(&self) {
        wait_until("an answer from the instance, through the proxy", || {
            let answer = get(PORT, "/whoami");
            answer.is_ok_and(|it| it.status == 200 && self.answers(it.number("pid")))
        });
    }
}

fn run(network: &Network, arguments: &[String]) -> App {
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    network.within(|| App::start(&mut demo(&arguments)).listening())
}

/// How the file says that the instances are started: the lines of its comment that are commands.
pub(super) fn commands(configuration: &str) -> Vec<Vec<String>> {
    let lines = configuration.lines().filter_map(|line| line.strip_prefix("#   demo-app "));
    lines.map(|line| line.split(' ').map(str::to_owned).collect()).collect()
}

/// The instances of this file, listening, with more arguments.
pub(super) fn instances(front: &Network, file: &Path, more: &[&str]) -> Vec<Instance> {
    let commands = commands(&fs::read_to_string(file).unwrap());
    assert_eq!(commands.len(), 2, "{}", file.display());
    let more: Vec<String> = more.iter().copied().map(str::to_owned).collect();
    commands.iter().map(|command| Instance::start(front, &[&command[..], &more].concat())).collect()
}

/// A running proxy; dropping it ends it and its workers.
pub(super) struct Proxy {
    child: Child,
    /// The first process of a namespace: the others end with it.
    first: Process,
    /// Its configuration and its sockets.
    folder: TempDir,
}

impl Proxy {
    /// `start`: the program, given a folder for what it writes.
    pub(super) fn start(start: impl FnOnce(PathBuf) -> Vec<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let program = start(folder.path().to_path_buf());
        let mut command = Command::new("unshare");
        command.args(["--pid", "--fork", "--kill-child"]).args(program);
        command.stderr(File::create(folder.path().join(LOG)).unwrap());
        let child = command.spawn().unwrap();
        let first = wait_for("the proxy", || Process::of(child.id())?.children().first().copied());
        let this = Self { child, first, folder };
        wait_until("the proxy's port", || Client::connect(PORT).is_ok());
        this
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // unshare's own way, by the signal that comes when a parent dies, is lost when the proxy becomes
        // another user.
        self.first.signal(Signal::SIGKILL);
        let _ = self.child.wait();
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.path().join(LOG)).unwrap_or_default();
            eprintln!("--- log of the proxy\n{log}");
        }
    }
}
