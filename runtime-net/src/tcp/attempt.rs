//! To wait until a stream is ready, and to try what never waits: for any number of tasks.

use std::io::{self, IoSlice, IoSliceMut};
use std::task::{Context, Poll};

use bytes::BufMut;
use runtime_core::reactor::{Interest, Ready};

use super::TcpStream;
use crate::io::{ReadBuf, fill};

impl TcpStream {
    /// Waits until any of `interest` is ready, and says what. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the readiness is kept.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// let ready = stream.ready(Interest::READABLE | Interest::WRITABLE).await?;
    /// assert!(ready.is_writable());
    /// # Ok(())
    /// # }
    /// ```
    pub async fn ready(&self, interest: Interest) -> io::Result<Ready> {
        Ok(self.registration.readiness(interest).await?.ready())
    }

    /// Waits until a read is worth a try. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the readiness is kept.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// peer.write_all(b"hi").await?;
    /// let mut bytes = [0; 2];
    /// let count = loop {
    ///     stream.readable().await?;
    ///     match stream.try_read(&mut bytes) {
    ///         Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
    ///         outcome => break outcome?,
    ///     }
    /// };
    /// assert_eq!(&bytes[..count], b"hi");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn readable(&self) -> io::Result<()> {
        self.ready(Interest::READABLE).await.map(drop)
    }

    /// Waits until a write is worth a try. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the readiness is kept.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// stream.writable().await?;
    /// assert_eq!(stream.try_write(b"hi")?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub async fn writable(&self) -> io::Result<()> {
        self.ready(Interest::WRITABLE).await.map(drop)
    }

    /// Waits until a read is worth a try. The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    pub fn poll_read_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registration.poll_read_ready(cx).map_ok(drop)
    }

    /// Waits until a write is worth a try. The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    pub fn poll_write_ready(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.registration.poll_write_ready(cx).map_ok(drop)
    }

    /// Reads into `buf` without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing, and those of the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// let error = stream.try_read(&mut [0; 8]).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || self.socket.recv(&mut ReadBuf::new(buf)))
    }

    /// Reads into several buffers without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing, and those of the stream.
    pub fn try_read_vectored(&self, bufs: &mut [IoSliceMut<'_>]) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || self.socket.recv_vectored(bufs))
    }

    /// Appends to `buf` without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is nothing, and those of the stream.
    pub fn try_read_buf<B: BufMut>(&self, buf: &mut B) -> io::Result<usize> {
        self.try_io(Interest::READABLE, || {
            let outcome = fill(buf, |room| Poll::Ready(self.socket.recv(room).map(drop)));
            match outcome {
                Poll::Ready(outcome) => outcome,
                Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
            }
        })
    }

    /// Writes some of `buf` without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, and those of the stream.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{AsyncReadExt, AsyncWriteExt, Interest};
    /// # use filch::net::{TcpListener, TcpStream};
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let listener = TcpListener::bind("127.0.0.1:0").await?;
    /// # let address = listener.local_addr()?;
    /// # let mut stream = TcpStream::connect(address).await?;
    /// # let (mut peer, _) = listener.accept().await?;
    /// stream.writable().await?;
    /// assert_eq!(stream.try_write(b"hi")?, 2);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_write(&self, buf: &[u8]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || self.socket.send(buf))
    }

    /// Writes some of several buffers without waiting.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if there is no room, and those of the stream.
    pub fn try_write_vectored(&self, bufs: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_io(Interest::WRITABLE, || self.socket.send_vectored(bufs))
    }

    /// Calls `f` once if `interest` is ready. It makes calls on the descriptor itself, and answers
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) only if one of them did.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it is not ready, and those of `f`.
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce() -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.try_io(interest, f)
    }

    /// Calls `f` whenever `interest` is ready, until it says something else than
    /// [`WouldBlock`](io::ErrorKind::WouldBlock).
    ///
    /// # Errors
    ///
    /// Those of `f`, or the runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the future waits only while `f` has had no effect.
    pub async fn async_io<R>(
        &self,
        interest: Interest,
        f: impl FnMut() -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.io(interest, f).await
    }
}
