//! asyncio's streams and servers under TLS: from the start, and begun on a connection that lives.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod closing;
mod handshake;
#[path = "../identity/mod.rs"]
mod identity;
mod open;
mod program;
mod start_tls;
#[path = "../../../tests/support/mod.rs"]
mod support;

use std::io::ErrorKind;

use filch::streams::{ConnectOptions, Server, ServerOptions, StreamReader, StreamWriter};
use filch::time::{Duration, timeout};
use filch::tls::rustls::{ClientConfig, ServerConfig};
use identity::{Identity, acceptor, connector, name};
use support::streams::{Ends, MUCH, connect, listen, pair};
use support::{at_once, within};

/// Both ends of a connection under TLS.
async fn secure_with(client: ClientConfig, server: ServerConfig) -> (Ends, Ends, Server) {
    let server = ServerOptions::new().tls(acceptor(server));
    connect(server, ConnectOptions::new().tls(connector(client), name("localhost"))).await
}

async fn secure() -> (Ends, Ends, Server) {
    let identity = Identity::new("localhost");
    secure_with(identity.client(), identity.server()).await
}

/// Asserts that both ends of a connection tell of this error.
async fn assert_lost((reader, writer): &mut Ends, kind: ErrorKind) {
    for _ in 0..2 {
        assert_eq!(within(reader.read(1)).await.unwrap_err().kind(), kind);
        assert_eq!(within(writer.drain()).await.unwrap_err().kind(), kind);
        assert_eq!(within(writer.wait_closed()).await.unwrap_err().kind(), kind);
    }
    assert!(writer.is_closing());
}

/// Ends a connection below TLS.
fn cut(writer: &StreamWriter) {
    let socket = socket2::SockRef::from(writer.as_tcp().unwrap());
    socket.shutdown(std::net::Shutdown::Both).unwrap();
}
