//! The limit: processes that accept, read, and write one fixed answer, and nothing else.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;
use memchr::memmem::Finder;
use mio::net::{TcpListener, TcpStream};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use socket2::{Domain, Socket, Type};

/// How many processes.
#[derive(Args, Debug)]
pub(crate) struct Options {
    #[arg(long)]
    workers: u16,
    /// Serve on this port in this one process
    #[arg(long)]
    port: Option<u16>,
}

/// The fields that nginx sends for `/`, and evenkeel but for `Server`.
const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nServer: bare\r\nDate: Tue, 24 Nov 2026 00:00:00 GMT\r\n\
    Content-Type: text/plain\r\nContent-Length: 6\r\nX-Worker: 0\r\n\r\nhello\n";
const LAST_ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nServer: bare\r\nDate: Tue, 24 Nov 2026 00:00:00 GMT\r\n\
    Content-Length: 6\r\nX-Worker: 0\r\nConnection: close\r\n\r\nhello\n";
const END_OF_HEAD: &[u8] = b"\r\n\r\n";
/// As all clients here write it in a request that is to be the last.
const CLOSE: &[u8] = b"\r\nConnection: close\r\n";
const BACKLOG: i32 = 4096;
const LISTENER: u64 = u64::MAX;

pub(crate) fn run(options: &Options) -> Result<()> {
    if let Some(port) = options.port {
        set_pdeathsig(Signal::SIGKILL)?;
        return serve(&TcpListener::from_std(bind(port)?.into()));
    }
    // It holds the port, and does not listen.
    let holder = bind(0)?;
    let address = holder.local_addr()?.as_socket().context("an internet address")?;
    let mut workers = Vec::new();
    for _ in 0..options.workers {
        let mut worker = Command::new(std::env::current_exe()?);
        worker.args(["bare", "--workers", "1", "--port", &address.port().to_string()]);
        workers.push(worker.spawn()?);
    }
    // A worker that listens answers; ask until there are as many listeners as workers.
    while listeners(address.port())? < usize::from(options.workers) {
        std::thread::sleep(std::time::Duration::from_millis(1));
    }
    println!("listening on http://{address} (bare)");
    for mut worker in workers {
        worker.wait()?;
    }
    Ok(())
}

/// Listening sockets of this port, as /proc/net/tcp lists them (state 0A).
fn listeners(port: u16) -> Result<usize> {
    let sockets = std::fs::read_to_string("/proc/net/tcp")?;
    let local = format!("0100007F:{port:04X} 00000000:0000 0A");
    Ok(sockets.lines().filter(|line| line.contains(&local)).count())
}

fn bind(port: u16) -> Result<Socket> {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.set_reuse_port(true)?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&SocketAddr::from(([127, 0, 0, 1], port)).into())?;
    Ok(socket)
}

fn serve(listener: &TcpListener) -> Result<()> {
    socket2::SockRef::from(listener).listen(BACKLOG)?;
    let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
    epoll.add(listener, EpollEvent::new(EpollFlags::EPOLLIN, LISTENER))?;
    let mut loop_ = Loop {
        clients: Vec::new(),
        input: vec![0; 64 * 1024],
        output: ANSWER.repeat(1024),
        end_of_head: Finder::new(END_OF_HEAD),
        close: Finder::new(CLOSE),
    };
    let mut events = [EpollEvent::empty(); 256];
    loop {
        let count = match epoll.wait(&mut events, EpollTimeout::NONE) {
            Ok(count) => count,
            Err(nix::Error::EINTR) => continue,
            Err(error) => return Err(error.into()),
        };
        for event in &events[..count] {
            match usize::try_from(event.data()) {
                Ok(key) if event.data() != LISTENER => loop_.answer(key),
                _ => loop_.accept(listener, &epoll)?,
            }
        }
    }
}

struct Loop<'a> {
    /// By descriptor.
    clients: Vec<Option<TcpStream>>,
    input: Vec<u8>,
    output: Vec<u8>,
    end_of_head: Finder<'a>,
    close: Finder<'a>,
}

impl Loop<'_> {
    fn accept(&mut self, listener: &TcpListener, epoll: &Epoll) -> Result<()> {
        while let Ok((stream, _)) = listener.accept() {
            let key = usize::try_from(stream.as_raw_fd())?;
            epoll.add(&stream, EpollEvent::new(EpollFlags::EPOLLIN, key as u64))?;
            if self.clients.len() <= key {
                self.clients.resize_with(key + 1, || None);
            }
            self.clients[key] = Some(stream);
        }
        Ok(())
    }

    /// One answer for each end of a head.
    fn answer(&mut self, key: usize) {
        let Some(stream) = &mut self.clients[key] else { return };
        let ends = match stream.read(&mut self.input) {
            Ok(0) => true,
            Ok(count) => {
                let input = &self.input[..count];
                if self.close.find(input).is_some() {
                    _ = stream.write(LAST_ANSWER);
                    true
                } else {
                    let answers = self.end_of_head.find_iter(input).count() * ANSWER.len();
                    stream.write_all(&self.output[..answers]).is_err()
                }
            }
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        };
        if ends {
            self.clients[key] = None;
        }
    }
}
