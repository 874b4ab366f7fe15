//! The sockets for datagrams, in the hands of the user.

use std::net::UdpSocket;

use super::Worker;
use crate::error::Error;

impl Worker {
    /// The sockets of this worker's slot, one for each [`Server::udp`](crate::Server::udp), in that order:
    /// duplicates, which do not block. The kernel sends all datagrams of one peer to the same slot.
    ///
    /// The slot's workers share the sockets, and their flags: during a reload the new one and the old one
    /// both read. So that no datagram is lost, a thread reads until
    /// [`Worker::is_draining`] is true and then until nothing is left, and whatever the handler owns waits
    /// for it when it is dropped, which is the last that a worker does.
    ///
    /// ```no_run
    /// use evenkeel::{Request, Response, Server, Worker};
    /// use std::{io::ErrorKind, net::UdpSocket, thread, time::Duration};
    ///
    /// /// Answers each datagram with itself, and ends with the worker.
    /// struct Echo(Option<thread::JoinHandle<()>>);
    ///
    /// impl Echo {
    ///     fn start(worker: Worker, socket: UdpSocket) -> Self {
    ///         Self(Some(thread::spawn(move || loop {
    ///             let draining = worker.is_draining();
    ///             let mut buffer = [0; 65_535];
    ///             match socket.recv_from(&mut buffer) {
    ///                 Ok((length, peer)) => _ = socket.send_to(&buffer[..length], peer),
    ///                 Err(error) if error.kind() != ErrorKind::WouldBlock => {}
    ///                 Err(_) if draining => return,
    ///                 // A real one waits with poll(2), or is a task of a runtime.
    ///                 Err(_) => thread::sleep(Duration::from_millis(1)),
    ///             }
    ///         })))
    ///     }
    /// }
    ///
    /// impl Drop for Echo {
    ///     fn drop(&mut self) {
    ///         let _ = self.0.take().map(thread::JoinHandle::join);
    ///     }
    /// }
    ///
    /// Server::bind("127.0.0.1:8080").udp("127.0.0.1:7000").serve_with(|worker| {
    ///     let sockets = worker.udp_sockets()?.into_iter();
    ///     let echoes: Vec<Echo> = sockets.map(|socket| Echo::start(*worker, socket)).collect();
    ///     Ok::<_, evenkeel::Error>(move |_: &Request<'_>, res: &mut Response<'_>| {
    ///         res.body(format!("{} ports for UDP\n", echoes.len()));
    ///     })
    /// })?;
    /// # Ok::<(), evenkeel::Error>(())
    /// ```
    ///
    /// # Errors
    /// No descriptor is left.
    pub fn udp_sockets(&self) -> Result<Vec<UdpSocket>, Error> {
        let own = self.udp.iter().map(|socket| socket.try_clone().map(UdpSocket::from));
        own.collect::<Result<_, _>>().map_err(|error| Error::system("duplicate a socket", error))
    }
}
