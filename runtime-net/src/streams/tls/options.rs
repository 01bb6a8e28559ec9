//! How to begin TLS: `StartTls`, and what the options of connections and servers say about it.

use std::fmt;
use std::io;

use runtime_core::time::Duration;
use rustls::Connection;
use rustls::pki_types::ServerName;

use crate::streams::{ConnectOptions, ServerOptions, StreamReader, StreamWriter};
use crate::tls::{TlsAcceptor, TlsConnector};

/// How long the peer has to end a TLS connection that we close, unless it is said otherwise: 30 s, as
/// in asyncio.
pub const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);

/// How to begin TLS on a connection: the keyword arguments of asyncio's `StreamWriter.start_tls`.
///
/// # Examples
///
/// ```no_run
/// use filch::streams::{StartTls, StreamReader, StreamWriter};
/// use filch::time::Duration;
/// use filch::tls::TlsAcceptor;
///
/// # async fn secure(
/// #     reader: &mut StreamReader,
/// #     writer: &mut StreamWriter,
/// #     acceptor: TlsAcceptor,
/// # ) -> std::io::Result<()> {
/// let tls = StartTls::server(acceptor).ssl_handshake_timeout(Duration::from_secs(5));
/// writer.start_tls(reader, tls).await
/// # }
/// ```
#[derive(Clone, Debug)]
#[must_use = "this does nothing until it is given to `StreamWriter::start_tls`"]
pub struct StartTls {
    side: Side,
    limits: Limits,
}

#[derive(Clone)]
enum Side {
    Client(TlsConnector, ServerName<'static>),
    Server(TlsAcceptor),
}

impl fmt::Debug for Side {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Side::Client(_, name) => f.debug_tuple("Client").field(name).finish_non_exhaustive(),
            Side::Server(_) => f.debug_tuple("Server").finish_non_exhaustive(),
        }
    }
}

/// What was said about time; the inner `None` is: as long as it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Limits {
    handshake: Option<Option<Duration>>,
    shutdown: Option<Option<Duration>>,
}

impl From<(TlsConnector, ServerName<'static>)> for StartTls {
    fn from((connector, server_name): (TlsConnector, ServerName<'static>)) -> StartTls {
        StartTls::client(connector, server_name)
    }
}

impl From<TlsAcceptor> for StartTls {
    fn from(acceptor: TlsAcceptor) -> StartTls {
        StartTls::server(acceptor)
    }
}

impl StartTls {
    /// As the client of `server_name`, whose certificate is to say so.
    pub fn client(connector: TlsConnector, server_name: ServerName<'static>) -> StartTls {
        StartTls { side: Side::Client(connector, server_name), limits: Limits::default() }
    }

    /// As the server.
    pub fn server(acceptor: TlsAcceptor) -> StartTls {
        StartTls { side: Side::Server(acceptor), limits: Limits::default() }
    }

    /// How long the handshake may take; `None`: as long as it takes. Default: what the connector or
    /// acceptor says, which is 60 s unless it was changed.
    pub fn ssl_handshake_timeout(mut self, limit: impl Into<Option<Duration>>) -> StartTls {
        self.limits.handshake = Some(limit.into());
        self
    }

    /// How long the peer has to end the connection when it is closed; `None`: as long as it takes.
    /// Default: [`SHUTDOWN_TIMEOUT`].
    pub fn ssl_shutdown_timeout(mut self, limit: impl Into<Option<Duration>>) -> StartTls {
        self.limits.shutdown = Some(limit.into());
        self
    }

    /// What speaks the protocol for one connection.
    pub(super) fn session(&self) -> io::Result<Connection> {
        Ok(match &self.side {
            Side::Client(connector, name) => connector.session(name.clone())?.into(),
            Side::Server(acceptor) => acceptor.session()?.into(),
        })
    }

    pub(super) fn handshake_limit(&self) -> Option<Duration> {
        self.limits.handshake.unwrap_or_else(|| match &self.side {
            Side::Client(connector, _) => connector.limit(),
            Side::Server(acceptor) => acceptor.limit(),
        })
    }

    pub(super) fn shutdown_limit(&self) -> Option<Duration> {
        self.limits.shutdown.unwrap_or(Some(SHUTDOWN_TIMEOUT))
    }

    /// Whether the peer may have sent `bytes` before it is spoken to: the beginning of a handshake, by
    /// a client.
    pub(super) fn may_begin_with(&self, bytes: &[u8]) -> bool {
        /// The kind of a record of the handshake.
        const HANDSHAKE: u8 = 22;
        match (&self.side, bytes.first()) {
            (_, None) => true,
            (Side::Client(..), Some(_)) => false,
            (Side::Server(_), Some(first)) => *first == HANDSHAKE,
        }
    }
}

/// What the options of a server or a connection say about TLS.
#[derive(Clone, Debug, Default)]
pub(in crate::streams) struct Wanted {
    side: Option<Side>,
    limits: Limits,
}

impl Wanted {
    /// # Errors
    ///
    /// There are limits for TLS, and no TLS.
    pub(in crate::streams) fn check(&self) -> io::Result<()> {
        if self.side.is_none() && self.limits != Limits::default() {
            let why =
                "`ssl_handshake_timeout` and `ssl_shutdown_timeout` mean nothing without `tls`";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        Ok(())
    }

    /// Begins TLS on a new connection, if that is wanted.
    pub(in crate::streams) async fn begin(
        &self,
        reader: &mut StreamReader,
        writer: &mut StreamWriter,
    ) -> io::Result<()> {
        let Some(side) = self.side.clone() else { return Ok(()) };
        writer.start_tls(reader, StartTls { side, limits: self.limits }).await
    }
}

macro_rules! limits {
    ($options:ident) => {
        /// How long a TLS handshake may take; `None`: as long as it takes. Default: what the
        /// connector or acceptor says, which is 60 s unless it was changed. Without
        /// [`tls`](Self::tls) it is an error.
        pub fn ssl_handshake_timeout(mut self, limit: impl Into<Option<Duration>>) -> $options {
            self.tls.limits.handshake = Some(limit.into());
            self
        }

        /// How long the peer has to end a TLS connection that is closed; `None`: as long as it takes.
        /// Default: [`SHUTDOWN_TIMEOUT`]. Without [`tls`](Self::tls) it is an error.
        pub fn ssl_shutdown_timeout(mut self, limit: impl Into<Option<Duration>>) -> $options {
            self.tls.limits.shutdown = Some(limit.into());
            self
        }
    };
}

/// TLS, with the feature `tls`.
impl ConnectOptions {
    /// Speaks TLS with the server `server_name`, whose certificate is to say so. asyncio's `ssl` and
    /// `server_hostname`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use filch::streams::ConnectOptions;
    /// use filch::tls::{TlsConnector, rustls::ClientConfig};
    /// use std::sync::Arc;
    ///
    /// # async fn open(config: ClientConfig) -> std::io::Result<()> {
    /// let connector = TlsConnector::from(Arc::new(config));
    /// let name = "example.org".try_into().expect("a name");
    /// let options = ConnectOptions::new().tls(connector, name);
    /// let (mut reader, mut writer) = options.open("example.org:443").await?;
    /// writer.write(&b"HEAD / HTTP/1.0\r\n\r\n"[..]);
    /// println!("{:?}", reader.readline().await?);
    /// # Ok(())
    /// # }
    /// ```
    pub fn tls(
        mut self,
        connector: TlsConnector,
        server_name: ServerName<'static>,
    ) -> ConnectOptions {
        self.tls.side = Some(Side::Client(connector, server_name));
        self
    }

    limits!(ConnectOptions);
}

/// TLS, with the feature `tls`.
impl ServerOptions {
    /// Speaks TLS with all clients. asyncio's `ssl`.
    ///
    /// The handshake is done in the task of the client. If it fails, that is told to the log, at the
    /// level of debugging, and the handler is not called.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use filch::streams::ServerOptions;
    /// use filch::tls::{TlsAcceptor, rustls::ServerConfig};
    /// use std::sync::Arc;
    ///
    /// # async fn serve(config: ServerConfig) -> std::io::Result<()> {
    /// let options = ServerOptions::new().tls(TlsAcceptor::from(Arc::new(config)));
    /// let server = options.serve("127.0.0.1:8443", |mut reader, mut writer| async move {
    ///     let Ok(line) = reader.readline().await else { return };
    ///     writer.write(line);
    /// });
    /// server.await?.serve_forever().await
    /// # }
    /// ```
    pub fn tls(mut self, acceptor: TlsAcceptor) -> ServerOptions {
        self.tls.side = Some(Side::Server(acceptor));
        self
    }

    limits!(ServerOptions);
}
