//! The one error of the library.

mod message;

mod paths;

use std::fmt;
use std::io;
use std::path::Path;

/// What helps when the kernel does not take what a policy needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BalanceMend {
    Privilege,
    Kernel,
    Resources,
}

/// Why a server could not start, or had to stop.
///
/// Its text says what failed, on what, why, and how to mend it. The kinds are told apart by the
/// `is_*` methods; [`Error::exit_code`] is what a program should exit with.
pub struct Error(Box<Inner>);

struct Inner {
    kind: Kind,
    text: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Config,
    AddressInUse,
    AddressNotAvailable,
    Permission,
    Threads,
    System,
    RetryLater,
    WorkerFatal,
    GaveUp,
    Unreachable,
    Abandoned,
    Full,
    Refused,
}

impl Error {
    pub(crate) fn config(text: String) -> Self {
        Self::new(Kind::Config, text)
    }

    /// From a failed `bind`, with a text that already names cause and mend.
    pub(crate) fn bind(text: String, source: io::Error) -> Self {
        let kind = match source.kind() {
            io::ErrorKind::AddrInUse => Kind::AddressInUse,
            io::ErrorKind::AddrNotAvailable => Kind::AddressNotAvailable,
            io::ErrorKind::PermissionDenied => Kind::Permission,
            // Of the path of a unix-domain socket.
            io::ErrorKind::NotFound
            | io::ErrorKind::AlreadyExists
            | io::ErrorKind::NotADirectory => Kind::Config,
            _ => Kind::System,
        };
        Self(Box::new(Inner { kind, text, source: Some(source.into()) }))
    }

    /// The kernel does not take what a policy needs.
    pub(crate) fn balance(policy: impl fmt::Display, mend: BalanceMend, why: &str) -> Self {
        let (kind, mend) = match mend {
            BalanceMend::Privilege => (
                Kind::Permission,
                "it needs the capability CAP_BPF at the start: grant it with `setcap cap_bpf=ep \
                 PROGRAM`, or with AmbientCapabilities=CAP_BPF in the service's systemd unit (in a \
                 container its seccomp filter must allow bpf(2), too); or choose policy auto, which \
                 does without if it must",
            ),
            BalanceMend::Kernel => (
                Kind::System,
                "it needs Linux 5.14 or newer with CONFIG_BPF_SYSCALL; choose policy auto, which \
                 does without if it must",
            ),
            BalanceMend::Resources => {
                (Kind::System, "raise the limits of open files and of memory for this program")
            }
        };
        Self::new(kind, format!("policy {policy}: {why}; {mend}"))
    }

    /// The user may not do it; the text names the mend.
    pub(crate) fn permission(text: String) -> Self {
        Self::new(Kind::Permission, text)
    }

    /// The kernel is too old.
    pub(crate) fn unsupported(text: String) -> Self {
        Self::new(Kind::System, text)
    }

    pub(crate) fn threads(names: &[String]) -> Self {
        let text = format!(
            "refusing to fork while {} threads are alive ({}): a child would have only one of them, \
             and the locks of the others for ever; call serve from a plain fn main before anything \
             starts a thread, so without #[tokio::main], thread pools and background loggers",
            names.len(),
            names.join(", "),
        );
        Self::new(Kind::Threads, text)
    }

    pub(crate) fn system(doing: &str, source: io::Error) -> Self {
        let text = format!("cannot {doing}: {source}");
        Self(Box::new(Inner { kind: Kind::System, text, source: Some(source.into()) }))
    }

    /// For the closure of [`Server::serve_with`](crate::Server::serve_with): no worker can ever
    /// work, because the configuration is wrong, say. The server stops, with this text and exit code
    /// 78 (`EX_CONFIG`), instead of trying again.
    pub fn fatal(text: impl Into<String>) -> Self {
        Self::new(Kind::WorkerFatal, text.into())
    }

    /// For the closure of [`Server::serve_with`](crate::Server::serve_with): this worker cannot
    /// begin now. It exits with 75 (`EX_TEMPFAIL`), and its slot tries again after a pause.
    pub fn retry_later(text: impl Into<String>) -> Self {
        Self::new(Kind::RetryLater, text.into())
    }

    pub(crate) fn gave_up(text: String) -> Self {
        Self::new(Kind::GaveUp, text)
    }

    /// No master answers at the control socket.
    pub(crate) fn unreachable(path: &Path, source: io::Error) -> Self {
        let path = path.display();
        let (kind, text) = match source.kind() {
            io::ErrorKind::PermissionDenied => (
                Kind::Permission,
                format!("{path}: only root and the user of the master may command it"),
            ),
            io::ErrorKind::NotFound => (
                Kind::Unreachable,
                format!("{path} is not there: no master runs, or it was given another path"),
            ),
            io::ErrorKind::ConnectionRefused => (
                Kind::Unreachable,
                format!("nobody listens at {path}: its master is dead; start it anew"),
            ),
            io::ErrorKind::WouldBlock => (
                Kind::Unreachable,
                format!(
                    "{path} takes no connection, and others wait there already: its master stands still; \
                     have it go on (kill -CONT), or end it and start it anew"
                ),
            ),
            _ => (Kind::Unreachable, format!("cannot connect to {path}: {source}")),
        };
        Self(Box::new(Inner { kind, text, source: Some(source.into()) }))
    }

    /// The master did not say what became of the command.
    pub(crate) fn unanswered(command: &str, source: io::Error) -> Self {
        let why = match source.kind() {
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => "no answer in time".to_owned(),
            _ => source.to_string(),
        };
        let text = format!("what became of {command} is unknown: {why}; see the master's log");
        Self(Box::new(Inner { kind: Kind::Unreachable, text, source: Some(source.into()) }))
    }

    pub(crate) fn abandoned(children: usize) -> Self {
        let text = format!(
            "{children} processes were killed and are still not gone; look for state D in ps, which \
             is a wait in the kernel for a device"
        );
        Self::new(Kind::Abandoned, text)
    }

    fn new(kind: Kind, text: String) -> Self {
        Self(Box::new(Inner { kind, text, source: None }))
    }

    /// The server was set up in a way that cannot work.
    pub fn is_config(&self) -> bool {
        self.0.kind == Kind::Config
    }

    /// Another program listens on the address.
    pub fn is_address_in_use(&self) -> bool {
        self.0.kind == Kind::AddressInUse
    }

    /// The address belongs to no interface of this machine.
    pub fn is_address_not_available(&self) -> bool {
        self.0.kind == Kind::AddressNotAvailable
    }

    /// The user may not do it; for a port below 1024, for example.
    pub fn is_permission(&self) -> bool {
        self.0.kind == Kind::Permission
    }

    /// More than one thread was alive when the workers were to be forked.
    pub fn is_threads(&self) -> bool {
        self.0.kind == Kind::Threads
    }

    /// A worker exited with 78 (`EX_CONFIG`): none could ever work.
    pub fn is_worker_fatal(&self) -> bool {
        self.0.kind == Kind::WorkerFatal
    }

    /// So many workers died young that the master gave up; see
    /// [`Server::give_up`](crate::Server::give_up).
    pub fn is_gave_up(&self) -> bool {
        self.0.kind == Kind::GaveUp
    }

    /// No master answered at the control socket, or nobody is there to take a message.
    pub fn is_unreachable(&self) -> bool {
        self.0.kind == Kind::Unreachable
    }

    /// What a program that ends with this error should exit with, as in sysexits(3): 64 for a
    /// configuration that cannot work, 69 for an address that is taken or not there and for a master
    /// that does not answer, 70 for threads before the fork, 71 for a failed system call, 77 for a
    /// missing permission, 75 and 78 for [`Error::retry_later`] and [`Error::fatal`]; and 79, which
    /// sysexits(3) leaves free, for a master that gave up.
    pub fn exit_code(&self) -> u8 {
        match self.0.kind {
            Kind::Config => 64,
            Kind::AddressInUse | Kind::AddressNotAvailable | Kind::Unreachable => 69,
            Kind::Threads => 70,
            Kind::System | Kind::Abandoned => 71,
            Kind::RetryLater | Kind::Full | Kind::Refused => 75,
            Kind::Permission => 77,
            Kind::WorkerFatal => 78,
            Kind::GaveUp => 79,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

/// The text, too, so that `fn main() -> Result<(), Error>` prints something to read.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.text)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| source.as_ref() as _)
    }
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}
