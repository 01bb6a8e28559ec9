//! `AsyncRead`: where bytes come from.

use std::io::{self, BufRead as _, Cursor};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::{KernelEnd, ReadBuf};

/// Reads bytes, and tells the task when it must wait.
///
/// Users call the methods of [`AsyncReadExt`](super::AsyncReadExt).
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncRead, ReadBuf};
/// use std::io;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
///
/// /// Zeros without end.
/// struct Zeros;
///
/// impl AsyncRead for Zeros {
///     fn poll_read(
///         self: Pin<&mut Self>,
///         _cx: &mut Context<'_>,
///         buf: &mut ReadBuf<'_>,
///     ) -> Poll<io::Result<()>> {
///         let length = buf.initialize_unfilled().len();
///         buf.advance(length);
///         Poll::Ready(Ok(()))
///     }
/// }
/// ```
pub trait AsyncRead {
    /// Appends bytes to `buf`.
    ///
    /// `Ready(Ok(()))` without a byte means the end, or that `buf` had no room. `Pending` leaves
    /// `buf` as it was, and the task is woken when it may try again.
    ///
    /// # Errors
    ///
    /// Those of the stream; then nothing was read.
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>>;

    /// Where the kernel has these bytes, for a stream that does nothing to them. For our own sockets.
    #[doc(hidden)]
    fn kernel_source(&self) -> Option<KernelEnd<'_>> {
        None
    }
}

impl<T: AsyncRead + Unpin + ?Sized> AsyncRead for &mut T {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_read(cx, buf)
    }

    fn kernel_source(&self) -> Option<KernelEnd<'_>> {
        (**self).kernel_source()
    }
}

impl<T: AsyncRead + Unpin + ?Sized> AsyncRead for Box<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut **self).poll_read(cx, buf)
    }

    fn kernel_source(&self) -> Option<KernelEnd<'_>> {
        (**self).kernel_source()
    }
}

impl<P> AsyncRead for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncRead,
{
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.as_deref_mut().poll_read(cx, buf)
    }

    fn kernel_source(&self) -> Option<KernelEnd<'_>> {
        (**self).kernel_source()
    }
}

impl AsyncRead for &[u8] {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let (head, tail) = self.split_at(self.len().min(buf.remaining()));
        buf.put_slice(head);
        *self = tail;
        Poll::Ready(Ok(()))
    }
}

impl<T: AsRef<[u8]> + Unpin> AsyncRead for Cursor<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let rest = self.fill_buf()?;
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        self.consume(count);
        Poll::Ready(Ok(()))
    }
}
