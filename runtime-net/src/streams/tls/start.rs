//! `StreamWriter::start_tls`: TLS on a connection that lives.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use runtime_core::time::timeout;

use super::info::TlsInfo;
use super::layer::{Layer, broken_off};
use super::options::StartTls;
use crate::streams::connection::Connection;
use crate::streams::outbox::Writable;
use crate::streams::reader::Source;
use crate::streams::{StreamReader, StreamWriter};
use crate::tls::handshake::took_too_long;

/// TLS, with the feature `tls`.
impl StreamWriter {
    /// Makes the connection secure from here on: what was written is sent, both sides shake hands, and
    /// then `reader` and this writer are what they were before, under TLS. The counterpart of
    /// asyncio's `StreamWriter.start_tls`.
    ///
    /// Bytes that the reader has read ahead are never given out afterwards as if they had come under
    /// TLS. A server takes them for the beginning of the handshake, as it does those that it has not
    /// received yet, so that a client may begin at once; if they are none, and in any case for a
    /// client, whose server speaks second, they are an error: somebody has slipped them in.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) if `reader` is not the one of this connection, if
    /// it is under TLS already, or the configuration cannot be used;
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe) if its end was written or it was closed. The
    /// connection then is as it was before.
    ///
    /// Why the connection was lost before; [`InvalidData`](io::ErrorKind::InvalidData) if the peer
    /// does not speak TLS, has sent bytes too early, or if one does not trust the other;
    /// [`UnexpectedEof`](io::ErrorKind::UnexpectedEof) if the peer ends the connection;
    /// [`TimedOut`](io::ErrorKind::TimedOut) if the handshake takes too long;
    /// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted) if the server closes its clients
    /// meanwhile. Then the connection is lost: it does not go on without TLS.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Cancel safety
    ///
    /// While what was written is being sent, dropping the future changes nothing. In the middle of the
    /// handshake it ends the connection: reader and writer get
    /// [`ConnectionAborted`](io::ErrorKind::ConnectionAborted) from then on.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use filch::streams::open_connection;
    /// use filch::tls::TlsConnector;
    ///
    /// # async fn open(connector: TlsConnector) -> std::io::Result<()> {
    /// let (mut reader, mut writer) = open_connection("mail.example.org:25").await?;
    /// reader.readline().await?;
    /// writer.write(&b"STARTTLS\r\n"[..]);
    /// assert!(reader.readline().await?.starts_with(b"220"));
    /// let name = "mail.example.org".try_into().expect("a name");
    /// writer.start_tls(&mut reader, (connector, name)).await?;
    /// writer.write(&b"EHLO client.example.org\r\n"[..]);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn start_tls(
        &mut self,
        reader: &mut StreamReader,
        tls: impl Into<StartTls>,
    ) -> io::Result<()> {
        let tls = tls.into();
        let connection = &self.connection;
        match &reader.source {
            Source::Connection(other) if Arc::ptr_eq(other, connection) => {}
            _ => return Err(misuse("`start_tls` needs the reader of the same connection")),
        }
        self.flush().await?;
        if connection.outbox.writable() != Writable::Yes {
            let why = "the connection is closing, and no TLS can begin on it";
            return Err(io::Error::new(io::ErrorKind::BrokenPipe, why));
        }
        let layer = Layer::new(tls.session()?, tls.shutdown_limit());
        if !connection.secure.put(layer) {
            return Err(misuse("`start_tls` was called on a connection that is under TLS already"));
        }
        let handshake = Handshake::begin(connection)?;
        let early = reader.buffer.split();
        match handshake.shake(&tls, early).await {
            Ok(()) => handshake.succeed(),
            Err(error) => {
                connection.lose(&error);
                return Err(error);
            }
        }
        Ok(())
    }

    /// Who the peer is, and how it is spoken with; `None` without TLS.
    pub fn tls_info(&self) -> Option<&TlsInfo> {
        self.connection.secure.layer()?.info()
    }
}

fn misuse(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, why)
}

/// A handshake under way: the one who sends. Dropped, it ends the connection.
struct Handshake<'a> {
    connection: Option<&'a Arc<Connection>>,
}

impl<'a> Handshake<'a> {
    fn begin(connection: &'a Arc<Connection>) -> io::Result<Handshake<'a>> {
        match connection.outbox.begin() {
            true => Ok(Handshake { connection: Some(connection) }),
            // It was closed just now.
            false => Err(broken_off()),
        }
    }

    async fn shake(&self, tls: &StartTls, mut early: BytesMut) -> io::Result<()> {
        if !tls.may_begin_with(&early) {
            let count = early.len();
            let why = format!("the peer sent {count} bytes in plain that were to come under TLS");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        let shaken = poll_fn(|cx| self.poll_shake(cx, &mut early));
        match tls.handshake_limit() {
            None => shaken.await,
            Some(limit) => timeout(limit, shaken).await.map_err(|_| took_too_long())?,
        }
    }

    fn poll_shake(&self, cx: &mut Context<'_>, early: &mut BytesMut) -> Poll<io::Result<()>> {
        let connection = self.connection.expect("until it is dropped");
        let layer = connection.secure.layer().expect("it was put there");
        // Woken by whatever changes, and so when a server begins to close it.
        let closed = connection.outbox.poll_closed(cx).is_ready();
        if closed || connection.outbox.is_closing() {
            return Poll::Ready(Err(broken_off()));
        }
        layer.poll_shake(cx, &connection.transport, early)
    }

    fn succeed(mut self) {
        let connection = self.connection.take().expect("until it is dropped");
        match connection.secure.layer() {
            // The last of the handshake, which the peer need not read before it is spoken to.
            Some(layer) if layer.owes() => connection.flush_in_background(),
            _ => connection.settle(),
        }
    }
}

impl Drop for Handshake<'_> {
    fn drop(&mut self) {
        if let Some(connection) = self.connection {
            connection.lose(&broken_off());
        }
    }
}
