//! The halves of a TCP stream that borrow it: a reader and a writer in one task.

use std::net::SocketAddr;

use super::TcpStream;
use crate::stream::{halves, pass_on};

halves!(TcpStream, SocketAddr);

impl ReadHalf<'_> {
    pass_on!(peek TcpStream);
}
