//! What the examples have in common: flags, the line that says the address, and answers.

use std::time::Duration;

use clap::Parser;
use evenkeel::{AcceptWake, Listener, Policy, Server, Worker, Workers};

/// The flags of each example; they are those of the demo.
#[derive(Debug, Parser)]
pub(crate) struct Flags {
    #[arg(long, default_value_t = 8080)]
    port: u16,
    /// A unix-domain socket in the place of the port.
    #[arg(long)]
    socket: Option<String>,
    /// One more address.
    #[arg(long)]
    also: Vec<String>,
    #[arg(long, default_value = "2")]
    workers: u16,
    #[arg(long, default_value = "none")]
    policy: Policy,
    #[arg(long)]
    listener: Option<Listener>,
    #[arg(long)]
    accept_wake: Option<AcceptWake>,
    #[arg(long)]
    control: Option<String>,
    /// Seconds.
    #[arg(long, default_value_t = 30.0)]
    grace: f64,
    /// Seconds.
    #[arg(long, default_value_t = 60.0)]
    hang_timeout: f64,
    /// Seconds.
    #[arg(long, default_value_t = 1.0)]
    min_uptime: f64,
    /// Of each worker.
    #[arg(long)]
    connections_max: Option<usize>,
    #[arg(long)]
    max_requests: Option<u64>,
    /// PEM files, for the one that speaks TLS.
    #[arg(long)]
    pub(crate) certificate: Option<String>,
    #[arg(long)]
    pub(crate) key: Option<String>,
}

impl Flags {
    /// From the command line.
    pub(crate) fn read() -> Self {
        tracing_subscriber::fmt().with_writer(std::io::stderr).with_ansi(false).init();
        Self::parse()
    }

    /// The server that they describe.
    pub(crate) fn server(&self) -> Server<'static> {
        let address = match &self.socket {
            Some(path) => format!("unix:{path}"),
            None => format!("127.0.0.1:{}", self.port),
        };
        let mut server = Server::bind(address)
            .workers(Workers::Exact(self.workers))
            .policy(self.policy)
            .grace(Duration::from_secs_f64(self.grace))
            .hang_timeout(Duration::from_secs_f64(self.hang_timeout))
            .min_uptime(Duration::from_secs_f64(self.min_uptime))
            .on_listening(announce);
        for address in &self.also {
            server = server.also(address);
        }
        if let Some(listener) = self.listener {
            server = server.listener(listener);
        }
        if let Some(wake) = self.accept_wake {
            server = server.accept_wake(wake);
        }
        if let Some(most) = self.connections_max {
            server = server.connections_max(most);
        }
        if let Some(requests) = self.max_requests {
            server = server.max_requests(requests);
        }
        match &self.control {
            Some(path) => server.control(path),
            None => server,
        }
    }
}

#[allow(clippy::print_stdout, reason = "this is what the user waits for")]
fn announce(address: std::net::SocketAddr) {
    println!("listening on http://{address}");
}

/// What `/whoami` says.
pub(crate) fn whoami(about: &Worker) -> String {
    let (index, generation, pid) = (about.index(), about.generation(), about.pid());
    format!("{{\"worker\":{index},\"generation\":{generation},\"pid\":{pid}}}\n")
}

/// The milliseconds in a query such as `ms=20`.
pub(crate) fn milliseconds(query: Option<&str>) -> Duration {
    let number = query.and_then(|query| query.strip_prefix("ms=")?.parse().ok());
    Duration::from_millis(number.unwrap_or(0))
}
