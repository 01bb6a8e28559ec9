//! Readers, writers and servers on Unix sockets.

use std::future::Future;
use std::io;
use std::panic::Location;
use std::path::Path;

use runtime_core::background::Outcome;

use super::server::Door;
use super::socket_file::SocketFile;
use super::transport::Transport;
use super::{ConnectOptions, Server, ServerOptions, StreamReader, StreamWriter};
use crate::socket::Socket;
use crate::stream::Stream;
use crate::unix::UnixListener;
pub(super) use crate::unix::UnixStream;

/// Connects to who listens at `path`. The counterpart of `asyncio.open_unix_connection`.
///
/// # Errors
///
/// Those of [`UnixStream::connect`].
///
/// # Panics
///
/// There is no runtime on this thread.
///
/// # Cancel safety
///
/// Cancel safe.
pub async fn open_unix_connection<P: AsRef<Path>>(
    path: P,
) -> io::Result<(StreamReader, StreamWriter)> {
    ConnectOptions::new().open_unix(path).await
}

/// Listens at `path`; otherwise as [`start_server`](super::start_server).
///
/// A socket that was left at the path by another program is removed first. The file is removed when
/// the server closes, unless another one is there by then. The counterpart of
/// `asyncio.start_unix_server`.
///
/// # Errors
///
/// Those of the system.
///
/// # Panics
///
/// There is no runtime on this thread.
#[track_caller]
pub fn start_unix_server<P, H, F>(path: P, handler: H) -> impl Future<Output = io::Result<Server>>
where
    P: AsRef<Path>,
    H: Fn(StreamReader, StreamWriter) -> F + Send + Sync + 'static,
    F: Future<Output: Outcome> + Send + 'static,
{
    let place = Location::caller();
    async move { ServerOptions::new().serve_unix_at(path, handler, place) }
}

impl ConnectOptions {
    /// Connects to who listens at `path`, see [`open_unix_connection`]. What is said about addresses
    /// and `TCP_NODELAY` means nothing here.
    ///
    /// # Errors
    ///
    /// Those of [`UnixStream::connect`] and, under TLS, of the handshake.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe.
    pub async fn open_unix<P: AsRef<Path>>(
        self,
        path: P,
    ) -> io::Result<(StreamReader, StreamWriter)> {
        self.tls.check()?;
        self.begin(Transport::Unix(UnixStream::connect(path).await?)).await
    }
}

impl ServerOptions {
    /// Listens at `path`, see [`start_unix_server`](super::start_unix_server).
    ///
    /// # Errors
    ///
    /// Those of the system: there is a file at the path that is no socket, say.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn serve_unix<P, H, F>(self, path: P, handler: H) -> io::Result<Server>
    where
        P: AsRef<Path>,
        H: Fn(StreamReader, StreamWriter) -> F + Send + Sync + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        self.serve_unix_at(path, handler, Location::caller())
    }

    #[track_caller]
    fn serve_unix_at<P, H, F>(
        self,
        path: P,
        handler: H,
        place: &'static Location<'static>,
    ) -> io::Result<Server>
    where
        P: AsRef<Path>,
        H: Fn(StreamReader, StreamWriter) -> F + Send + Sync + 'static,
        F: Future<Output: Outcome> + Send + 'static,
    {
        self.tls.check()?;
        let path = path.as_ref();
        let file = SocketFile::prepare(path)?;
        let listener = UnixListener::bind(path)?;
        Ok(self.open(vec![Door::Unix(UnixDoor { listener, _file: file.made() })], handler, place))
    }
}

impl StreamWriter {
    /// The Unix stream below, if it is one: for its addresses and the peer's credentials.
    pub fn as_unix(&self) -> Option<&UnixStream> {
        match &self.connection.transport {
            Transport::Unix(stream) => Some(stream),
            Transport::Tcp(_) => None,
        }
    }
}

/// A listener, and the file that goes with it.
pub(super) struct UnixDoor {
    listener: UnixListener,
    _file: SocketFile,
}

impl UnixDoor {
    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        Ok(self.listener.accept().await?.0)
    }
}

pub(super) fn stream_of(stream: &UnixStream) -> &Stream<Socket, true> {
    &stream.stream
}
