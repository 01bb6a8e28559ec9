//! To open a connection: a reader and a writer.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use super::connection::Connection;
use super::reader::usable;
use super::tls::Wanted;
use super::transport::Transport;
use super::{LIMIT, StreamReader, StreamWriter};
use crate::addr::{ToSocketAddrs, resolve};
use crate::staggered::{STAGGER, connect_each};
use crate::tcp::{TcpSocket, TcpStream};

/// Connects to `addr`. The counterpart of `asyncio.open_connection`.
///
/// Of several addresses the first that answers is taken: each begins 250 ms after the one before it,
/// or when that has failed, and the families take turns (RFC 8305). `TCP_NODELAY` is set. See
/// [`ConnectOptions`] for other ways.
///
/// # Errors
///
/// The name cannot be looked up, or no address has answered; the error of the last one.
///
/// # Panics
///
/// There is no runtime on this thread.
///
/// # Cancel safety
///
/// Cancel safe: the connections under way are broken off.
///
/// # Examples
///
/// ```
/// use filch::streams::{open_connection, start_server};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let server = start_server("127.0.0.1:0", |_, mut writer| async move {
///     writer.write(&b"hello\n"[..]);
/// })
/// .await?;
/// let (mut reader, _writer) = open_connection(server.local_addrs()[0]).await?;
/// assert_eq!(reader.readline().await?, "hello\n");
/// # Ok(())
/// # }
/// ```
pub async fn open_connection<A: ToSocketAddrs>(
    addr: A,
) -> io::Result<(StreamReader, StreamWriter)> {
    ConnectOptions::new().open(addr).await
}

/// The two ends of a connection.
pub(super) fn pair(
    connection: std::sync::Arc<Connection>,
    limit: usize,
) -> (StreamReader, StreamWriter) {
    (StreamReader::new(connection.clone(), limit), StreamWriter::new(connection))
}

/// How to connect: the keyword arguments of `asyncio.open_connection`.
///
/// # Examples
///
/// ```
/// use filch::streams::{ConnectOptions, start_server};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// # let server = start_server("127.0.0.1:0", |_, _| async {}).await?;
/// # let address = server.local_addrs()[0];
/// let options = ConnectOptions::new().limit(1 << 20).happy_eyeballs_delay(None);
/// let (reader, _writer) = options.open(address).await?;
/// assert_eq!(reader.limit(), 1 << 20);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "options do nothing until a connection is opened with them"]
pub struct ConnectOptions {
    limit: usize,
    delay: Option<Duration>,
    local_addr: Option<SocketAddr>,
    all_errors: bool,
    nodelay: bool,
    pub(super) tls: Wanted,
}

impl Default for ConnectOptions {
    fn default() -> ConnectOptions {
        ConnectOptions::new()
    }
}

impl ConnectOptions {
    /// What [`open_connection`] does.
    pub fn new() -> ConnectOptions {
        ConnectOptions {
            limit: LIMIT,
            delay: Some(STAGGER),
            local_addr: None,
            all_errors: false,
            nodelay: true,
            tls: Wanted::default(),
        }
    }

    /// How many bytes a line may have. Default: 64 KiB.
    ///
    /// # Panics
    ///
    /// If `limit` is 0.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> ConnectOptions {
        self.limit = usable(limit);
        self
    }

    /// How long an attempt is alone before the next address is tried beside it; `None`: until it has
    /// failed. Default: 250 ms.
    pub fn happy_eyeballs_delay(mut self, delay: impl Into<Option<Duration>>) -> ConnectOptions {
        self.delay = delay.into();
        self
    }

    /// Which address of ours to connect from. Peers of the other family are then passed over.
    pub fn local_addr(mut self, address: SocketAddr) -> ConnectOptions {
        self.local_addr = Some(address);
        self
    }

    /// Whether the error, if all addresses fail, tells of each of them. Default: no, of the last one.
    pub fn all_errors(mut self, all: bool) -> ConnectOptions {
        self.all_errors = all;
        self
    }

    /// Whether small writes are sent at once. Default: yes.
    pub fn nodelay(mut self, nodelay: bool) -> ConnectOptions {
        self.nodelay = nodelay;
        self
    }

    /// Connects to `addr`, see [`open_connection`].
    ///
    /// # Errors
    ///
    /// As there. With [`all_errors`](ConnectOptions::all_errors) its message names every address. Under
    /// TLS, those of the handshake, which is done with the address that has answered.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn open<A: ToSocketAddrs>(self, addr: A) -> io::Result<(StreamReader, StreamWriter)> {
        self.tls.check()?;
        let mut addresses: VecDeque<SocketAddr> = resolve(addr).await?.collect();
        if let Some(local) = self.local_addr
            && !addresses.is_empty()
        {
            addresses.retain(|address| address.is_ipv4() == local.is_ipv4());
            if addresses.is_empty() {
                let why = format!("the peer has no address of the same family as {}", local.ip());
                return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
            }
        }
        let connect = |address| connect_from(self.local_addr, address);
        let stream = match connect_each(addresses, self.delay, connect).await {
            Ok(stream) => stream,
            Err(errors) => return Err(errors.into_error(self.all_errors)),
        };
        stream.set_nodelay(self.nodelay)?;
        self.begin(Transport::Tcp(stream)).await
    }

    pub(super) async fn begin(
        self,
        transport: Transport,
    ) -> io::Result<(StreamReader, StreamWriter)> {
        let (mut reader, mut writer) = pair(Connection::new(transport, None), self.limit);
        self.tls.begin(&mut reader, &mut writer).await?;
        Ok((reader, writer))
    }
}

async fn connect_from(local: Option<SocketAddr>, address: SocketAddr) -> io::Result<TcpStream> {
    let Some(local) = local else { return TcpStream::connect_addr(address).await };
    let socket = match local {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    socket.bind(local)?;
    socket.connect(address).await
}

/// Why each of the addresses has failed.
#[derive(Debug)]
pub(crate) struct ConnectErrors(pub(crate) Vec<(SocketAddr, io::Error)>);

impl ConnectErrors {
    pub(crate) fn into_error(mut self, all: bool) -> io::Error {
        if !all || self.0.len() < 2 {
            let last = self.0.pop().map(|(_, error)| error);
            return last.unwrap_or_else(crate::addr::no_address);
        }
        io::Error::new(self.0[0].1.kind(), self)
    }
}

impl fmt::Display for ConnectErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (address, error)) in self.0.iter().enumerate() {
            let comma = if number == 0 { "" } else { "; " };
            write!(f, "{comma}{address}: {error}")?;
        }
        Ok(())
    }
}

impl std::error::Error for ConnectErrors {}
