//! `split`: any stream as a reader and a writer, for two tasks.
//!
//! The halves take turns at the stream. A half tries a mutex and never waits for it: if the other
//! half is there, it leaves its waker and tries once more, and the other half wakes it after it
//! has gone. So a poll of the stream, which is the user's code, may take as long as it likes and
//! may even poll the other half, without blocking anybody.

use std::fmt;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use runtime_sync::primitives::{Mutex, MutexGuard};
use runtime_sync::waker_slot::WakerSlot;

use super::pipe::{Pipe, ReadEnd, WriteEnd};
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
    /// Only ever tried, see the head of the file. In a box, so that the stream stays where it is;
    /// it is there until `unsplit`.
    stream: Mutex<Option<Pin<Box<T>>>>,
    /// Wait for the other half to go.
    reader: WakerSlot,
    writer: WakerSlot,
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
        Arc::new(Shared {
            stream: Mutex::new(Some(Box::pin(stream))),
            reader: WakerSlot::new(),
            writer: WakerSlot::new(),
            is_write_vectored,
        })
    }

    /// Goes to the stream, or waits in `own` until who waits in `other` has gone.
    #[inline]
    fn poll<R>(
        &self,
        cx: &mut Context<'_>,
        [own, other]: [&WakerSlot; 2],
        operation: impl FnOnce(Pin<&mut T>, &mut Context<'_>) -> Poll<io::Result<R>>,
    ) -> Poll<io::Result<R>> {
        let stream = match self.stream.try_lock() {
            Some(stream) => stream,
            None => {
                own.register(cx.waker());
                let Some(stream) = self.stream.try_lock() else { return Poll::Pending };
                stream
            }
        };
        // Leaves even if the operation panics.
        let mut turn = Turn { stream: Some(stream), other };
        let stream = turn.stream.as_mut().and_then(|stream| stream.as_mut());
        operation(stream.expect("there until `unsplit`").as_mut(), cx)
    }
}

/// The stream is ours. Dropped, it is the other one's.
struct Turn<'a, T> {
    stream: Option<MutexGuard<'a, Option<Pin<Box<T>>>>>,
    other: &'a WakerSlot,
}

impl<T> Drop for Turn<'_, T> {
    fn drop(&mut self) {
        // First go, then wake: who registers and then tries either gets the stream or the wake.
        drop(self.stream.take());
        self.other.wake();
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
        let stream = shared.stream.lock().take().expect("there until `unsplit`");
        *Pin::into_inner(stream)
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
        let shared = &*self.shared;
        shared.poll(cx, [&shared.writer, &shared.reader], operation)
    }
}

impl<T: AsyncRead> AsyncRead for ReadHalf<T> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let shared = &*self.shared;
        let places = [&shared.reader, &shared.writer];
        shared.poll(cx, places, |stream, cx| stream.poll_read(cx, buf))
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
