//! `split`: any stream as a reader and a writer, for two tasks.
//!
//! The halves take [turns](super::turns) at the stream, so a poll of it, which is the user's code, may
//! take as long as it likes and may even poll the other half, without blocking anybody.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use super::pipe::{Pipe, ReadEnd, WriteEnd};
use super::turns::{Turns, Whose};
use super::{AsyncRead, AsyncWrite, ReadBuf};

/// The half of a stream that reads; see [`split`].
pub struct ReadHalf<T> {
    shared: Arc<Shared<T>>,
    end: ReadEnd,
}

/// The half of a stream that writes; see [`split`].
pub struct WriteHalf<T> {
    shared: Arc<Shared<T>>,
    end: WriteEnd,
}

struct Shared<T> {
    /// In a box, so that the stream stays where it is; it is there until `unsplit`.
    stream: Turns<Option<Pin<Box<T>>>>,
    is_write_vectored: bool,
}

/// Makes a reader and a writer of a stream, which may go to two tasks.
///
/// The stream lives until both are gone. Dropping a half has no other effect: shut the writer down
/// if the peer is to know. The halves take turns, so that a stream which can do both at the same
/// time had better be split by its own method, such as
/// [`TcpStream::into_split`](crate::net::TcpStream::into_split).
///
/// # Examples
///
/// ```
/// use filch::io::{self, AsyncReadExt, AsyncWriteExt};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let (near, mut far) = io::duplex(64);
/// let (mut reader, mut writer) = io::split(near);
/// let sending = filch::spawn(async move {
///     writer.write_all(b"question").await?;
///     writer.shutdown().await
/// });
/// let mut text = String::new();
/// far.read_to_string(&mut text).await?;
/// far.write_all(b"answer").await?;
/// drop(far);
/// sending.await??;
/// reader.read_to_string(&mut text).await?;
/// assert_eq!(text, "questionanswer");
/// # Ok(())
/// # }
/// ```
pub fn split<T>(stream: T) -> (ReadHalf<T>, WriteHalf<T>)
where
    T: AsyncRead + AsyncWrite,
{
    let shared = Shared::new(stream);
    (
        ReadHalf { shared: shared.clone(), end: ReadEnd(None) },
        WriteHalf { shared, end: WriteEnd(None) },
    )
}

/// As [`split`], of a stream with a pipe in it, whose ends are closed as the halves are dropped.
pub(super) fn split_pipe<T: AsyncWrite>(stream: T, pipe: Arc<Pipe>) -> (ReadHalf<T>, WriteHalf<T>) {
    let shared = Shared::new(stream);
    (
        ReadHalf { shared: shared.clone(), end: ReadEnd(Some(pipe.clone())) },
        WriteHalf { shared, end: WriteEnd(Some(pipe)) },
    )
}

impl<T> Shared<T> {
    fn new(stream: T) -> Arc<Shared<T>>
    where
        T: AsyncWrite,
    {
        let is_write_vectored = stream.is_write_vectored();
        Arc::new(Shared { stream: Turns::new(Some(Box::pin(stream))), is_write_vectored })
    }

    #[inline]
    fn poll<R>(
        &self,
        whose: Whose,
        cx: &mut Context<'_>,
        operation: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        self.stream.poll(whose, cx, |stream, cx| {
            operation(stream.as_mut().expect("there until `unsplit`").as_mut(), cx)
        })
    }
}

impl<T> ReadHalf<T> {
    /// Whether both are halves of the same stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io;
    ///
    /// let (reader, writer) = io::split(io::empty());
    /// let (_, other) = io::split(io::empty());
    /// assert!(reader.is_pair_of(&writer));
    /// assert!(!reader.is_pair_of(&other));
    /// ```
    pub fn is_pair_of(&self, other: &WriteHalf<T>) -> bool {
        other.is_pair_of(self)
    }

    /// Puts both halves together again.
    ///
    /// # Panics
    ///
    /// They are halves of different streams; ask [`is_pair_of`](ReadHalf::is_pair_of) if you do
    /// not know.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io;
    ///
    /// let (reader, writer) = io::split(io::empty());
    /// let stream: io::Empty = reader.unsplit(writer);
    /// ```
    #[track_caller]
    pub fn unsplit(mut self, mut wr: WriteHalf<T>) -> T
    where
        T: Unpin,
    {
        assert!(
            self.is_pair_of(&wr),
            "`unsplit` was given halves of two different streams; `is_pair_of` tells"
        );
        // Nothing is closed: both ends live on in the stream.
        self.end.0 = None;
        wr.end.0 = None;
        drop(wr);
        let shared = Arc::into_inner(self.shared).expect("a stream has two halves");
        let turn = shared.stream.try_turn(Whose::Reader).expect("no half is left");
        *Pin::into_inner(turn.take(Option::take).expect("there until `unsplit`"))
    }
}

impl<T> WriteHalf<T> {
    /// Whether both are halves of the same stream.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io;
    ///
    /// let (reader, writer) = io::split(io::empty());
    /// assert!(writer.is_pair_of(&reader));
    /// ```
    pub fn is_pair_of(&self, other: &ReadHalf<T>) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    #[inline]
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        operation: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        self.shared.poll(Whose::Writer, cx, operation)
    }
}

impl<T: AsyncRead> AsyncRead for ReadHalf<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.shared.poll(Whose::Reader, cx, |stream, cx| stream.poll_read(cx, buf))
    }
}

impl<T: AsyncWrite> AsyncWrite for WriteHalf<T> {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, |stream, cx| stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |stream, cx| stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll(cx, |stream, cx| stream.poll_shutdown(cx))
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.poll(cx, |stream, cx| stream.poll_write_vectored(cx, bufs))
    }

    fn is_write_vectored(&self) -> bool {
        self.shared.is_write_vectored
    }
}

impl<T: fmt::Debug> fmt::Debug for ReadHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("split::ReadHalf").finish()
    }
}

impl<T: fmt::Debug> fmt::Debug for WriteHalf<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("split::WriteHalf").finish()
    }
}
