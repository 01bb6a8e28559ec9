//! Both sides of a connection of streams, in plain and under TLS.

use super::{own_host, within};
use filch::streams::{ConnectOptions, Server, ServerOptions, StreamReader, StreamWriter};
use filch::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// More than the buffers of the system take.
pub const MUCH: usize = 16 << 20;

/// One side of a connection.
pub type Ends = (StreamReader, StreamWriter);

/// A server whose handlers hand their ends to the test, at a host of its own: when it is gone, nobody
/// comes in its place.
pub async fn listen(options: ServerOptions) -> (Server, UnboundedReceiver<Ends>) {
    let (send, receive) = unbounded_channel();
    let server = options.serve((own_host(), 0), move |reader, writer| {
        let _ = send.send((reader, writer));
        async {}
    });
    (server.await.unwrap(), receive)
}

/// A client, its counterpart at the server, and the server.
pub async fn connect(server: ServerOptions, client: ConnectOptions) -> (Ends, Ends, Server) {
    let (server, mut clients) = listen(server).await;
    let near = within(client.open(server.local_addrs()[0])).await.unwrap();
    (near, within(clients.recv()).await.unwrap(), server)
}

/// The same without any options.
pub async fn pair() -> (Ends, Ends, Server) {
    connect(ServerOptions::new(), ConnectOptions::new()).await
}
