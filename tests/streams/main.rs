//! asyncio's streams and servers, on real sockets, through the facade.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod bad_peers;
mod model;
mod places;
mod reader;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod writer;

use std::future::Future;

use filch::streams::{Server, StreamReader, StreamWriter, open_connection, start_server};
use filch::time::{Duration, timeout};

/// Nothing here takes long, unless it hangs.
async fn within<F: Future>(future: F) -> F::Output {
    timeout(Duration::from_secs(20), future).await.expect("hangs")
}

/// A server whose handlers hand their ends to the test, at a host of its own: when the server is gone, nobody comes in its place.
async fn listen() -> (Server, filch::sync::mpsc::UnboundedReceiver<(StreamReader, StreamWriter)>) {
    let (send, receive) = filch::sync::mpsc::unbounded_channel();
    let server = start_server((support::own_host(), 0), move |reader, writer| {
        let _ = send.send((reader, writer));
        async {}
    });
    (server.await.unwrap(), receive)
}

/// Both sides of a connection, each a reader and a writer.
async fn pair() -> ((StreamReader, StreamWriter), (StreamReader, StreamWriter), Server) {
    let (server, mut clients) = listen().await;
    let near = open_connection(server.local_addrs()[0]).await.unwrap();
    let far = within(clients.recv()).await.unwrap();
    (near, far, server)
}
