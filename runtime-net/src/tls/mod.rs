//! TLS on any byte stream, by rustls; the names are tokio-rustls's.
//!
//! ```no_run
//! use filch::io::{AsyncReadExt, AsyncWriteExt};
//! use filch::net::TcpStream;
//! use filch::tls::TlsConnector;
//! use filch::tls::rustls::{ClientConfig, RootCertStore, pki_types::ServerName};
//! use std::sync::Arc;
//!
//! # fn roots() -> RootCertStore { RootCertStore::empty() }
//! #[filch::main]
//! async fn main() -> std::io::Result<()> {
//!     let config = ClientConfig::builder().with_root_certificates(roots()).with_no_client_auth();
//!     let connector = TlsConnector::from(Arc::new(config));
//!     let stream = TcpStream::connect("example.org:443").await?;
//!     let name = ServerName::try_from("example.org").expect("a name");
//!     let mut stream = connector.connect(name, stream).await?;
//!     stream.write_all(b"HEAD / HTTP/1.0\r\n\r\n").await?;
//!     let mut answer = Vec::new();
//!     stream.read_to_end(&mut answer).await?;
//!     Ok(())
//! }
//! ```
//!
//! A stream that ends without the peer's good-bye (`close_notify`) may have been cut off by somebody
//! in between: reading it gives an error of kind [`UnexpectedEof`](std::io::ErrorKind::UnexpectedEof).

mod connect;
pub(crate) mod handshake;
pub(crate) mod link;
mod stream;

pub use connect::{HANDSHAKE_TIMEOUT, TlsAcceptor, TlsConnector};
pub use handshake::Handshake;
pub use stream::TlsStream;

/// The library that speaks the protocol: configurations, certificates, errors.
pub use rustls;

/// The client's side.
pub mod client {
    /// A stream that has been connected by a [`TlsConnector`](super::TlsConnector).
    pub type TlsStream<S> = super::TlsStream<S, rustls::ClientConnection>;
}

/// The server's side.
pub mod server {
    /// A stream that has been accepted by a [`TlsAcceptor`](super::TlsAcceptor).
    pub type TlsStream<S> = super::TlsStream<S, rustls::ServerConnection>;
}
