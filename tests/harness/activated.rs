//! A server that a service manager starts when somebody connects, with listeners that the manager keeps.

use std::path::PathBuf;
use std::process::Command as Program;

use evenkeel::control::{Command, Reply};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::app::{App, ask, demo_path, fixture};
use super::client::Client;
use super::process::Process;
use super::wait::{wait_for, wait_until};

/// The manager, which starts the server anew whenever it has ended well and somebody connects.
pub(crate) struct Activated {
    pub(crate) app: App,
    folder: TempDir,
}

impl Activated {
    /// The demo with these listeners, as the fixture reads them, and these arguments.
    pub(crate) fn demo(listeners: &[&str], arguments: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut program = Program::new(demo_path());
        program
            .args(arguments)
            .args(["--port", "0", "--control"])
            .arg(folder.path().join("control"));
        Self { app: Self::program(listeners, &program), folder }
    }

    /// Any program.
    pub(crate) fn program(listeners: &[&str], program: &Program) -> App {
        let mut manager = fixture(&["activate"]);
        manager.args(listeners).arg("--").arg(program.get_program()).args(program.get_args());
        let mut app = App::start(&mut manager);
        app.out.wait_for("all sockets listen");
        let text = app.out.text();
        if let Some((_, after)) = text.split_once("sockets on http://127.0.0.1:") {
            app.port = after.split_once(' ').unwrap().0.parse().unwrap();
        }
        app
    }

    /// The server that runs now.
    pub(crate) fn master(&self) -> Process {
        wait_for("the server", || self.app.children().first().copied())
    }

    pub(crate) fn command(&self, command: Command) -> Reply {
        let control: PathBuf = self.folder.path().join("control");
        wait_until("the control socket", || control.exists());
        ask(&control, command)
    }

    /// Ends the server as its manager would, and waits for its end.
    pub(crate) fn stop_server(&self, signal: Signal) {
        let master = self.master();
        let workers = master.children();
        master.signal(signal);
        wait_until("the end of the server", || !master.lives());
        if signal == Signal::SIGTERM {
            wait_until("the end of its workers", || workers.iter().all(|worker| !worker.lives()));
        }
    }

    /// So many clients that have asked and wait.
    pub(crate) fn waiting(&self, count: usize, target: &str) -> Vec<Client> {
        let ask = |_| {
            let mut client = Client::connect(self.app.port).unwrap();
            let head = format!("GET {target} HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n");
            client.send(head).unwrap();
            client
        };
        (0..count).map(ask).collect()
    }
}

impl Drop for Activated {
    fn drop(&mut self) {
        // The manager first, so that it starts nothing anew.
        let servers = self.app.children();
        self.app.master.signal(Signal::SIGKILL);
        for server in &servers {
            server.signal(Signal::SIGTERM);
        }
        if !std::thread::panicking() {
            wait_until("the end of the server", || servers.iter().all(|server| !server.lives()));
        }
    }
}

/// All are answered.
pub(crate) fn all_answered(clients: Vec<Client>, what: &str) {
    for mut client in clients {
        assert_eq!(client.answer().map(|answer| answer.status), Ok(200), "{what}: {client:?}");
    }
}
