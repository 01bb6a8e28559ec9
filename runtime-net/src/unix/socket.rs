//! `UnixSocket`: a socket that is not yet a stream, a listener or one of datagrams.

use std::io;
use std::path::Path;

use socket2::{Domain, Type};

use super::addr::for_kernel;
use super::{UnixDatagram, UnixListener, UnixStream};
use crate::os::{descriptor, into_descriptor};
use crate::socket::Socket;

/// A Unix socket that is bound before it connects or listens. The semantics are those of tokio's
/// type.
///
/// # Examples
///
/// ```
/// use filch::net::UnixSocket;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// # let path = std::env::temp_dir().join(format!("filch-socket-{}", std::process::id()));
/// # let _ = std::fs::remove_file(&path);
/// let socket = UnixSocket::new_stream()?;
/// socket.bind(&path)?;
/// let listener = socket.listen(16)?;
/// # std::fs::remove_file(&path)?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct UnixSocket {
    socket: Socket,
    kind: Type,
}

impl UnixSocket {
    /// A socket of datagrams.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn new_datagram() -> io::Result<UnixSocket> {
        UnixSocket::new(Type::DGRAM)
    }

    /// A socket of streams.
    ///
    /// # Errors
    ///
    /// Those of the system.
    pub fn new_stream() -> io::Result<UnixSocket> {
        UnixSocket::new(Type::STREAM)
    }

    fn new(kind: Type) -> io::Result<UnixSocket> {
        Ok(UnixSocket { socket: Socket::new(Domain::UNIX, kind, None)?, kind })
    }

    /// A socket that others have made; of streams, unless the system says otherwise.
    pub(crate) fn from_socket(socket: Socket) -> UnixSocket {
        let kind = socket.kind().unwrap_or(Type::STREAM);
        UnixSocket { socket, kind }
    }

    /// Binds the socket to `path`. On Linux, a path that begins with a zero byte is an abstract
    /// name.
    ///
    /// # Errors
    ///
    /// Those of the system: the path exists already, or is too long.
    pub fn bind(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.socket.bind(&for_kernel(path)?)
    }

    /// Listens, and lets at most `backlog` connections wait.
    ///
    /// # Errors
    ///
    /// Those of the system; and one of kind `Other` if this is a socket of datagrams.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn listen(self, backlog: u32) -> io::Result<UnixListener> {
        if self.kind == Type::DGRAM {
            return Err(io::Error::other("listen cannot be called on a datagram socket"));
        }
        UnixListener::listen(self.socket, i32::try_from(backlog).unwrap_or(i32::MAX))
    }

    /// Connects to who listens at `path`.
    ///
    /// # Errors
    ///
    /// As [`UnixStream::connect`]; and one of kind `Other` if this is a socket of datagrams.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: a connection under way is broken off.
    pub async fn connect(self, path: impl AsRef<Path>) -> io::Result<UnixStream> {
        if self.kind == Type::DGRAM {
            return Err(io::Error::other("connect cannot be called on a datagram socket"));
        }
        let address = for_kernel(&path)?;
        drop(path);
        UnixStream::connect_socket(self.socket, address).await
    }

    /// Makes it a [`UnixDatagram`].
    ///
    /// # Errors
    ///
    /// Those of the system; and one of kind `Other` if this is a socket of streams.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn datagram(self) -> io::Result<UnixDatagram> {
        if self.kind == Type::STREAM {
            return Err(io::Error::other("datagram cannot be called on a stream socket"));
        }
        UnixDatagram::new(self.socket)
    }
}

descriptor!(UnixSocket, this => this.socket);

into_descriptor!(UnixSocket);
