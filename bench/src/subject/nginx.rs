//! nginx as a peer.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::{START_MILLISECONDS, Started, command};
use crate::interrupt;
use crate::procfs;

/// Where Debian, Fedora and Alpine keep the module that computes and sleeps.
const PERL_MODULE: [&str; 2] = [
    "/usr/lib/nginx/modules/ngx_http_perl_module.so",
    "/usr/lib64/nginx/modules/ngx_http_perl_module.so",
];

/// Whatever `/stream?kib=N` asks for.
const STREAM_BYTES: usize = 1 << 20;

/// Routes that the demo computes, in nginx's embedded perl. Like the demo's they block the worker.
const PERL_ROUTES: &str = r#"
    location = /work { perl 'sub {
      my $r = shift; my ($us) = ($r->args // "") =~ /us=(\d+)/;
      my $cpu = Time::HiRes::CLOCK_PROCESS_CPUTIME_ID();
      my $end = Time::HiRes::clock_gettime($cpu) + $us / 1e6;
      1 while Time::HiRes::clock_gettime($cpu) < $end;
      $r->header_out("Content-Length", 5); $r->send_http_header("text/plain");
      $r->print("done\n"); return OK; }'; }
    location = /sleep { perl 'sub {
      my $r = shift; my ($ms) = ($r->args // "") =~ /ms=(\d+)/; Time::HiRes::sleep($ms / 1e3);
      $r->header_out("Content-Length", 5); $r->send_http_header("text/plain");
      $r->print("done\n"); return OK; }'; }
"#;

pub(super) fn has_perl() -> bool {
    perl_module().is_some()
}

fn perl_module() -> Option<&'static str> {
    PERL_MODULE.into_iter().find(|path| Path::new(path).exists())
}

pub(super) fn start(workers: u16, reuseport: bool) -> Result<Option<Started>> {
    let folder = tempfile::tempdir().context("nginx needs a folder for its configuration")?;
    // It cannot be told to take a free port: one that was free a moment ago.
    let port = TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port();
    fs::write(folder.path().join("nginx.conf"), configuration(port, workers, reuseport))?;
    fs::write(folder.path().join("stream"), vec![b'x'; STREAM_BYTES])?;
    let mut nginx = Command::new(program());
    nginx.arg("-p").arg(folder.path()).args(["-c", "nginx.conf", "-e", "error.log"]);
    let started = command::spawn(nginx, Some(port))?;
    Ok(started.map(|started| Started { folder: Some(folder), ..started }))
}

/// Debian keeps it where a user's PATH does not look.
pub(super) fn program() -> &'static str {
    const DEBIAN: &str = "/usr/sbin/nginx";
    if Path::new(DEBIAN).exists() { DEBIAN } else { "nginx" }
}

fn configuration(port: u16, workers: u16, reuseport: bool) -> String {
    let mut text = String::new();
    let (load, setup, routes) = match perl_module() {
        Some(module) => {
            (format!("load_module {module};"), "perl_require Time/HiRes.pm;", PERL_ROUTES)
        }
        None => (String::new(), "", ""),
    };
    let reuseport = if reuseport { " reuseport" } else { "" };
    // The defaults but for limits that would end the measurement, and the log.
    let _ = write!(
        text,
        "{load}
daemon off; worker_processes {workers}; pid nginx.pid; error_log error.log crit;
events {{ worker_connections 10000; }}
http {{
  {setup}
  access_log off; keepalive_requests 1000000000;
  client_body_temp_path body; proxy_temp_path proxy; fastcgi_temp_path fastcgi;
  uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  server {{
    listen 127.0.0.1:{port}{reuseport};
    add_header X-Worker $pid;
    default_type text/plain;
    location = / {{ return 200 'hello\\n'; }}
    location = /whoami {{ return 200 '{{\"worker\":0,\"pid\":$pid,\"generation\":0}}\\n'; }}
    # A body is read to its end before it is passed on.
    location = /stream {{ root .; }}
    location = /upload {{ proxy_pass http://127.0.0.1:{port}/; }}
    {routes}
  }}
}}
"
    );
    text
}

/// Until all workers are there and the port is open.
pub(super) fn wait_until_ready(master: &mut Child, port: u16, workers: u16) -> Result<u16> {
    let deadline = Instant::now() + Duration::from_millis(START_MILLISECONDS.into());
    while Instant::now() < deadline {
        interrupt::check()?;
        if let Some(status) = master.try_wait()? {
            bail!("nginx does not start: {status}; is port {port} in use?");
        }
        let there = procfs::children(master.id()).len() == usize::from(workers);
        if there && TcpStream::connect(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    bail!("nginx does not start")
}
