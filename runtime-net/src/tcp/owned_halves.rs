//! The halves of a TCP stream that own it together: a reader and a writer in two tasks.

use std::error::Error;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;

use super::TcpStream;
use crate::stream::{owned_halves, pass_on};

impl OwnedReadHalf {
    pass_on!(peek TcpStream);
}

owned_halves!(
    TcpStream,
    SocketAddr,
    "# use filch::net::{TcpListener, TcpStream};
# #[filch::main]
# async fn main() -> std::io::Result<()> {
# let listener = TcpListener::bind(\"127.0.0.1:0\").await?;
# let mut stream = TcpStream::connect(listener.local_addr()?).await?;
# let (mut peer, _) = listener.accept().await?;"
);
