//! To wait until a TCP stream is ready, and to try what never waits: for any number of tasks.

use super::TcpStream;
use crate::stream::{attempts, readiness};

impl TcpStream {
    readiness!(
        "# use filch::net::{TcpListener, TcpStream};
# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let listener = TcpListener::bind(\"127.0.0.1:0\").await?;
# let socket = TcpStream::connect(listener.local_addr()?).await?;
# let (peer, _) = listener.accept().await?;"
    );

    attempts!(
        "# use filch::net::{TcpListener, TcpStream};
# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let listener = TcpListener::bind(\"127.0.0.1:0\").await?;
# let stream = TcpStream::connect(listener.local_addr()?).await?;
# let (mut peer, _) = listener.accept().await?;"
    );
}
