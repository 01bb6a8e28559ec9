//! `TlsConnector` and `TlsAcceptor`: configurations that make streams secure.

use std::fmt;
use std::io;
use std::sync::Arc;

use runtime_core::time::Duration;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};

use super::handshake::Handshake;

/// How long a handshake may take unless it is said otherwise: 60 s, as in asyncio.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(60);

macro_rules! side {
    ($name:ident, $config:ty) => {
        impl From<Arc<$config>> for $name {
            fn from(config: Arc<$config>) -> $name {
                $name { config, handshake_timeout: Some(HANDSHAKE_TIMEOUT) }
            }
        }

        impl $name {
            /// How long a handshake may take; `None`: as long as it takes. Default: 60 s.
            #[must_use = "this returns the changed value"]
            pub fn handshake_timeout(mut self, limit: impl Into<Option<Duration>>) -> $name {
                self.handshake_timeout = limit.into();
                self
            }

            pub(crate) fn limit(&self) -> Option<Duration> {
                self.handshake_timeout
            }

            /// What was configured.
            pub fn config(&self) -> &Arc<$config> {
                &self.config
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).finish_non_exhaustive()
            }
        }
    };
}

/// Makes streams secure as their client. The counterpart of tokio-rustls's type.
///
/// # Examples
///
/// See [the module](crate::tls).
#[derive(Clone)]
pub struct TlsConnector {
    config: Arc<ClientConfig>,
    handshake_timeout: Option<Duration>,
}

side!(TlsConnector, ClientConfig);

impl TlsConnector {
    /// Shakes hands with the server `domain` at the other end of `stream`.
    ///
    /// # Errors
    ///
    /// Those of [`Handshake`].
    pub fn connect<S>(
        &self,
        domain: ServerName<'static>,
        stream: S,
    ) -> Handshake<S, ClientConnection> {
        Handshake::new(stream, self.session(domain), self.handshake_timeout)
    }

    /// What speaks the protocol for one stream.
    pub(crate) fn session(&self, domain: ServerName<'static>) -> io::Result<ClientConnection> {
        let session = ClientConnection::new(self.config.clone(), domain);
        let mut session = session.map_err(unusable)?;
        session.set_buffer_limit(Some(super::stream::BUFFER));
        Ok(session)
    }
}

/// Makes streams secure as their server. The counterpart of tokio-rustls's type.
///
/// # Examples
///
/// ```no_run
/// use filch::io::AsyncWriteExt;
/// use filch::net::TcpListener;
/// use filch::tls::{TlsAcceptor, rustls::ServerConfig};
/// use std::sync::Arc;
///
/// # async fn serve(config: ServerConfig) -> std::io::Result<()> {
/// let acceptor = TlsAcceptor::from(Arc::new(config));
/// let listener = TcpListener::bind("127.0.0.1:8443").await?;
/// loop {
///     let (stream, _) = listener.accept().await?;
///     let acceptor = acceptor.clone();
///     filch::spawn(async move {
///         let mut stream = acceptor.accept(stream).await?;
///         stream.write_all(b"hello").await?;
///         stream.shutdown().await
///     });
/// }
/// # }
/// ```
#[derive(Clone)]
pub struct TlsAcceptor {
    config: Arc<ServerConfig>,
    handshake_timeout: Option<Duration>,
}

side!(TlsAcceptor, ServerConfig);

impl TlsAcceptor {
    /// Shakes hands with the client at the other end of `stream`.
    ///
    /// # Errors
    ///
    /// Those of [`Handshake`].
    pub fn accept<S>(&self, stream: S) -> Handshake<S, ServerConnection> {
        Handshake::new(stream, self.session(), self.handshake_timeout)
    }

    /// What speaks the protocol for one stream.
    pub(crate) fn session(&self) -> io::Result<ServerConnection> {
        let mut session = ServerConnection::new(self.config.clone()).map_err(unusable)?;
        session.set_buffer_limit(Some(super::stream::BUFFER));
        Ok(session)
    }
}

fn unusable(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, error)
}
