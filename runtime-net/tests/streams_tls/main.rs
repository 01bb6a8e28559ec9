//! asyncio's streams and servers under TLS: from the start, and begun on a connection that lives.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod closing;
mod handshake;
#[path = "../identity/mod.rs"]
mod identity;
mod open;
mod program;
mod start_tls;

use std::future::Future;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use filch::streams::{ConnectOptions, Server, ServerOptions, StreamReader, StreamWriter};
use filch::sync::mpsc;
use filch::time::{Duration, timeout};
use filch::tls::rustls::{ClientConfig, ServerConfig};
use filch::tls::{TlsAcceptor, TlsConnector};
use identity::{Identity, name};

/// More than the buffers of the system take.
const MUCH: usize = 16 << 20;

type Ends = (StreamReader, StreamWriter);

/// Nothing here takes long, unless it hangs.
async fn within<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(60), future).await.expect("hangs")
}

fn acceptor(config: ServerConfig) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(config))
}

fn connector(config: ClientConfig) -> TlsConnector {
    TlsConnector::from(Arc::new(config))
}

/// A server whose handlers hand their ends to the test.
async fn listen(options: ServerOptions) -> (Server, mpsc::UnboundedReceiver<Ends>) {
    let (send, receive) = mpsc::unbounded_channel();
    let server = options.serve("127.0.0.1:0", move |reader, writer| {
        let _ = send.send((reader, writer));
        async {}
    });
    (server.await.unwrap(), receive)
}

/// Both ends of a connection without TLS.
async fn plain() -> (Ends, Ends, Server) {
    let (server, mut clients) = listen(ServerOptions::new()).await;
    let near = ConnectOptions::new().open(server.local_addrs()[0]).await.unwrap();
    (near, within(clients.recv()).await.unwrap(), server)
}

/// Both ends of a connection under TLS.
async fn secure_with(client: ClientConfig, server: ServerConfig) -> (Ends, Ends, Server) {
    let (server, mut clients) = listen(ServerOptions::new().tls(acceptor(server))).await;
    let options = ConnectOptions::new().tls(connector(client), name("localhost"));
    let near = within(options.open(server.local_addrs()[0])).await.unwrap();
    (near, within(clients.recv()).await.unwrap(), server)
}

async fn secure() -> (Ends, Ends, Server) {
    let identity = Identity::new("localhost");
    secure_with(identity.client(), identity.server()).await
}

/// Polls once; `None` if it has to wait, and is dropped.
fn once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
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
