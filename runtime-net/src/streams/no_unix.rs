//! Unix sockets where filch has none.

use std::convert::Infallible;
use std::io;

use crate::socket::Socket;
use crate::stream::Stream;

/// Never there.
#[derive(Debug)]
pub(super) struct UnixStream(Infallible);

/// Never there.
pub(super) struct UnixDoor(Infallible);

impl UnixDoor {
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        match self.0 {}
    }
}

pub(super) fn stream_of(stream: &UnixStream) -> &Stream<Socket, true> {
    match stream.0 {}
}
