//! `AsyncWrite`: where bytes go.

use std::io::{self, Cursor, IoSlice, Write as _};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::KernelEnd;

/// Writes bytes, and tells the task when it must wait.
///
/// Users call the methods of [`AsyncWriteExt`](super::AsyncWriteExt).
///
/// # Examples
///
/// ```
/// use filch::io::AsyncWrite;
/// use std::io;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
///
/// /// Takes everything and keeps the count.
/// struct Counter(u64);
///
/// impl AsyncWrite for Counter {
///     fn poll_write(
///         mut self: Pin<&mut Self>,
///         _cx: &mut Context<'_>,
///         buf: &[u8],
///     ) -> Poll<io::Result<usize>> {
///         self.0 += buf.len() as u64;
///         Poll::Ready(Ok(buf.len()))
///     }
///
///     fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Poll::Ready(Ok(()))
///     }
///
///     fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
///         Poll::Ready(Ok(()))
///     }
/// }
/// ```
pub trait AsyncWrite {
    /// Writes some bytes of `buf` and says how many.
    ///
    /// `Pending` means that none were written, and the task is woken when it may try again.
    ///
    /// # Errors
    ///
    /// Those of the stream; then nothing was written.
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>>;

    /// Hands on what is still held back.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Flushes, and tells the other side that nothing more will come.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>>;

    /// Writes some bytes from several buffers, in order, and says how many.
    ///
    /// Unless a stream knows better, this writes from the first buffer that is not empty.
    ///
    /// # Errors
    ///
    /// As [`poll_write`](AsyncWrite::poll_write).
    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| &**buf);
        self.poll_write(cx, first)
    }

    /// Whether [`poll_write_vectored`](AsyncWrite::poll_write_vectored) knows better.
    fn is_write_vectored(&self) -> bool {
        false
    }

    /// Where the kernel wants these bytes, for a stream that does nothing to them. For our own sockets.
    #[doc(hidden)]
    fn kernel_target(&self) -> Option<KernelEnd<'_>> {
        None
    }
}

/// Passes every method on to what is behind a pointer.
macro_rules! pass_on {
    ($self:ident => $target:expr, $shared:ident => $behind:expr) => {
        fn poll_write(
            $self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            $target.poll_write(cx, buf)
        }

        fn poll_flush($self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            $target.poll_flush(cx)
        }

        fn poll_shutdown($self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            $target.poll_shutdown(cx)
        }

        fn poll_write_vectored(
            $self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            $target.poll_write_vectored(cx, bufs)
        }

        fn is_write_vectored(&$shared) -> bool {
            $behind.is_write_vectored()
        }

        fn kernel_target(&$shared) -> Option<KernelEnd<'_>> {
            $behind.kernel_target()
        }
    };
}

impl<T: AsyncWrite + Unpin + ?Sized> AsyncWrite for &mut T {
    pass_on!(self => Pin::new(&mut **self.get_mut()), self => (**self));
}

impl<T: AsyncWrite + Unpin + ?Sized> AsyncWrite for Box<T> {
    pass_on!(self => Pin::new(&mut **self.get_mut()), self => (**self));
}

impl<P> AsyncWrite for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncWrite,
{
    pass_on!(self => self.as_deref_mut(), self => (**self));
}

/// Writes to what is in memory, which never waits.
macro_rules! in_memory {
    () => {
        fn poll_write(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(self.get_mut().write(buf))
        }

        fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            _cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            Poll::Ready(self.get_mut().write_vectored(bufs))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }
    };
}

impl AsyncWrite for Vec<u8> {
    in_memory!();
}

impl AsyncWrite for Cursor<&mut [u8]> {
    in_memory!();
}

impl AsyncWrite for Cursor<&mut Vec<u8>> {
    in_memory!();
}

impl AsyncWrite for Cursor<Vec<u8>> {
    in_memory!();
}

impl AsyncWrite for Cursor<Box<[u8]>> {
    in_memory!();
}
