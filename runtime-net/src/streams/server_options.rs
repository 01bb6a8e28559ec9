//! How to serve: the keyword arguments of `asyncio.start_server`.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::panic::Location;

use runtime_core::background::Outcome;

use super::reader::usable;
use super::server::{Door, Server};
use super::tls::Wanted;
use super::{LIMIT, StreamReader, StreamWriter};
use crate::addr::{ToSocketAddrs, no_address, resolve};
use crate::socket::Socket;
use crate::tcp::TcpListener;

/// How to serve: the keyword arguments of `asyncio.start_server`.
///
/// # Examples
///
/// ```
/// use filch::streams::ServerOptions;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let server = ServerOptions::new()
///     .backlog(10)
///     .start_serving(false)
///     .serve("127.0.0.1:0", |_reader, _writer| async {})
///     .await?;
/// assert!(!server.is_serving());
/// server.start();
/// assert!(server.is_serving());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a server is started with them"]
pub struct ServerOptions {
    pub(super) limit: usize,
    backlog: u32,
    reuse_address: bool,
    reuse_port: bool,
    pub(super) nodelay: bool,
    start_serving: bool,
    pub(super) tls: Wanted,
}

impl Default for ServerOptions {
    fn default() -> ServerOptions {
        ServerOptions::new()
    }
}

impl ServerOptions {
    /// What [`start_server`](super::start_server) does.
    pub fn new() -> ServerOptions {
        ServerOptions {
            limit: LIMIT,
            backlog: 100,
            reuse_address: true,
            reuse_port: false,
            nodelay: true,
            start_serving: true,
            tls: Wanted::default(),
        }
    }

    /// How many bytes a line may have. Default: 64 KiB.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> ServerOptions {
        self.limit = usable(limit);
        self
    }

    /// How many connections may wait to be accepted. Default: 100.
    pub fn backlog(mut self, backlog: u32) -> ServerOptions {
        self.backlog = backlog;
        self
    }

    /// Whether the address may be taken over from a program that has just ended. Default: yes.
    pub fn reuse_address(mut self, reuse: bool) -> ServerOptions {
        self.reuse_address = reuse;
        self
    }

    /// Whether other sockets that say so too may listen at the same address. Default: no.
    pub fn reuse_port(mut self, reuse: bool) -> ServerOptions {
        self.reuse_port = reuse;
        self
    }

    /// Whether small writes are sent at once. Default: yes.
    pub fn nodelay(mut self, nodelay: bool) -> ServerOptions {
        self.nodelay = nodelay;
        self
    }

    /// Whether clients are served at once. Default: yes; otherwise from
    /// [`start`](Server::start) on.
    pub fn start_serving(mut self, start: bool) -> ServerOptions {
        self.start_serving = start;
        self
    }

    /// Listens at every address of `addr`, see [`start_server`](super::start_server).
    ///
    /// # Errors
    ///
    /// The name cannot be looked up, or one of the addresses cannot be listened at; then none is.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is left behind.
    #[track_caller]
    pub fn serve<A, H, F>(self, addr: A, handler: H) -> impl Future<Output = io::Result<Server>>
    where
        A: ToSocketAddrs,
        H: Fn(StreamReader, StreamWriter) -> F + Send + Sync + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let place = Location::caller();
        async move {
            self.tls.check()?;
            let mut addresses: Vec<SocketAddr> = Vec::new();
            for address in resolve(addr).await? {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            if addresses.is_empty() {
                return Err(no_address());
            }
            let doors = addresses.into_iter().map(|address| self.listen(address));
            let doors = doors.collect::<io::Result<Vec<_>>>()?;
            Ok(self.open(doors, handler, place))
        }
    }

    fn listen(&self, address: SocketAddr) -> io::Result<Door> {
        let socket = Socket::stream(address)?;
        socket.let_take_over(self.reuse_address)?;
        socket.let_share(self.reuse_port)?;
        if address.is_ipv6() {
            // So that the same port of IPv4 is free for another address of the list.
            socket.set_only_v6(true)?;
        }
        socket.bind(&address.into())?;
        socket.listen(self.backlog.try_into().unwrap_or(i32::MAX))?;
        TcpListener::new(socket).map(Door::Tcp)
    }

    pub(super) fn open<H, F>(
        self,
        doors: Vec<Door>,
        handler: H,
        place: &'static Location<'static>,
    ) -> Server
    where
        H: Fn(StreamReader, StreamWriter) -> F + Send + Sync + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        let start = self.start_serving;
        let server = Server::new(self, doors, handler, place);
        if start {
            server.start();
        }
        server
    }
}
