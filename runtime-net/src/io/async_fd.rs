//! `AsyncFd`: any descriptor that the system can poll.

use std::error::Error;
use std::fmt;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::task::{Context, Poll, ready};

use runtime_core::reactor::{Registration, Unowned};

use super::Interest;
use super::async_fd_guard::{AsyncFdReadyGuard, AsyncFdReadyMutGuard};

/// A descriptor of your own, watched by the runtime.
///
/// It must be non-blocking, and it must stay open as long as this lives, which it does if `T`
/// owns it. Operations are made by you, when a guard says that they are worth a try; when one
/// answers [`WouldBlock`](io::ErrorKind::WouldBlock), the guard is to be told, and
/// [`try_io`](AsyncFdReadyGuard::try_io) does that for you.
///
/// Systems tell nobody that a descriptor was closed. If that happens too early, who waits for it goes on
/// waiting until the runtime watches another descriptor that has got its number, which may be never.
///
/// # Examples
///
/// ```
/// use filch::io::Interest;
/// use filch::io::unix::AsyncFd;
/// use std::io::{Read, Write};
/// use std::os::unix::net::UnixStream;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let (near, mut far) = UnixStream::pair()?;
/// near.set_nonblocking(true)?;
/// let near = AsyncFd::with_interest(near, Interest::READABLE)?;
///
/// far.write_all(b"hi")?;
/// let mut bytes = [0; 8];
/// let count = near.async_io(Interest::READABLE, |mut near| near.read(&mut bytes)).await?;
/// assert_eq!(&bytes[..count], b"hi");
/// # Ok(())
/// # }
/// ```
pub struct AsyncFd<T: AsRawFd> {
    // Declared first: it is deregistered before `inner` may close it.
    pub(super) registration: Registration,
    inner: T,
}

const BOTH: Interest = Interest::READABLE.add(Interest::WRITABLE);

impl<T: AsRawFd> AsyncFd<T> {
    /// Watches `inner` for reading and writing.
    ///
    /// # Errors
    ///
    /// The system refuses to watch it, most likely because it is a file or closed. `inner` is
    /// dropped then; [`try_new`](AsyncFd::try_new) gives it back.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn new(inner: T) -> io::Result<AsyncFd<T>> {
        AsyncFd::with_interest(inner, BOTH)
    }

    /// Watches `inner` for `interest`.
    ///
    /// # Errors
    ///
    /// As [`new`](AsyncFd::new).
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn with_interest(inner: T, interest: Interest) -> io::Result<AsyncFd<T>> {
        AsyncFd::try_with_interest(inner, interest).map_err(Into::into)
    }

    /// Watches `inner` for reading and writing, or gives it back.
    ///
    /// # Errors
    ///
    /// As [`new`](AsyncFd::new).
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{Interest, Ready};
    /// # use filch::io::unix::AsyncFd;
    /// # use std::io::{Read, Write};
    /// # use std::os::unix::net::UnixStream;
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (near, mut far) = UnixStream::pair()?;
    /// # near.set_nonblocking(true)?;
    /// let file = std::fs::File::open("/proc/self/exe")?;
    /// let (file, why) = AsyncFd::try_new(file).unwrap_err().into_parts();
    /// println!("{file:?} is always ready: {why}");
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub fn try_new(inner: T) -> Result<AsyncFd<T>, AsyncFdRegisterError<T>> {
        AsyncFd::try_with_interest(inner, BOTH)
    }

    /// Watches `inner` for `interest`, or gives it back.
    ///
    /// # Errors
    ///
    /// As [`new`](AsyncFd::new).
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub fn try_with_interest(
        inner: T,
        interest: Interest,
    ) -> Result<AsyncFd<T>, AsyncFdRegisterError<T>> {
        match Registration::new(Unowned(inner.as_raw_fd()), interest) {
            Ok(registration) => Ok(AsyncFd { registration, inner }),
            Err(cause) => Err(AsyncFdRegisterError { inner, cause }),
        }
    }

    /// The descriptor's owner.
    pub fn get_ref(&self) -> &T {
        &self.inner
    }

    /// The descriptor's owner. Do not put another descriptor in its place: the first one is
    /// watched.
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.inner
    }

    /// Ends the watch and gives the descriptor's owner back.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{Interest, Ready};
    /// # use filch::io::unix::AsyncFd;
    /// # use std::io::{Read, Write};
    /// # use std::os::unix::net::UnixStream;
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (near, mut far) = UnixStream::pair()?;
    /// # near.set_nonblocking(true)?;
    /// let near = AsyncFd::new(near)?.into_inner();
    /// near.set_nonblocking(false)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn into_inner(self) -> T {
        drop(self.registration);
        self.inner
    }

    /// Waits until a read is worth a try. The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    pub fn poll_read_ready<'a>(
        &'a self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        let event = ready!(self.registration.poll_read_ready(cx))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, event)))
    }

    /// As [`poll_read_ready`](AsyncFd::poll_read_ready), with a guard to change the owner.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    pub fn poll_read_ready_mut<'a>(
        &'a mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        let event = ready!(self.registration.poll_read_ready(cx))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, event)))
    }

    /// Waits until a write is worth a try. The last task that asked is woken.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    pub fn poll_write_ready<'a>(
        &'a self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyGuard<'a, T>>> {
        let event = ready!(self.registration.poll_write_ready(cx))?;
        Poll::Ready(Ok(AsyncFdReadyGuard::new(self, event)))
    }

    /// As [`poll_write_ready`](AsyncFd::poll_write_ready), with a guard to change the owner.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    pub fn poll_write_ready_mut<'a>(
        &'a mut self,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<AsyncFdReadyMutGuard<'a, T>>> {
        let event = ready!(self.registration.poll_write_ready(cx))?;
        Poll::Ready(Ok(AsyncFdReadyMutGuard::new(self, event)))
    }

    /// Waits until any of `interest` is ready. Any number of tasks may wait.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn ready(&self, interest: Interest) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        let event = self.registration.readiness(interest).await?;
        Ok(AsyncFdReadyGuard::new(self, event))
    }

    /// As [`ready`](AsyncFd::ready), with a guard to change the owner.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn ready_mut(
        &mut self,
        interest: Interest,
    ) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        let event = self.registration.readiness(interest).await?;
        Ok(AsyncFdReadyMutGuard::new(self, event))
    }

    /// Waits until a read is worth a try.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{Interest, Ready};
    /// # use filch::io::unix::AsyncFd;
    /// # use std::io::{Read, Write};
    /// # use std::os::unix::net::UnixStream;
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (near, mut far) = UnixStream::pair()?;
    /// # near.set_nonblocking(true)?;
    /// let near = AsyncFd::new(near)?;
    /// far.write_all(b"hi")?;
    /// let mut bytes = [0; 8];
    /// let count = loop {
    ///     let mut guard = near.readable().await?;
    ///     // `Err` means that it was not readable after all, and the guard has been told.
    ///     if let Ok(outcome) = guard.try_io(|near| near.get_ref().read(&mut bytes)) {
    ///         break outcome?;
    ///     }
    /// };
    /// assert_eq!(&bytes[..count], b"hi");
    /// # Ok(())
    /// # }
    /// ```
    pub async fn readable(&self) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.ready(Interest::READABLE).await
    }

    /// As [`readable`](AsyncFd::readable), with a guard to change the owner.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn readable_mut(&mut self) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        self.ready_mut(Interest::READABLE).await
    }

    /// Waits until a write is worth a try.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn writable(&self) -> io::Result<AsyncFdReadyGuard<'_, T>> {
        self.ready(Interest::WRITABLE).await
    }

    /// As [`writable`](AsyncFd::writable), with a guard to change the owner.
    ///
    /// # Errors
    ///
    /// The runtime has shut down.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing is lost.
    pub async fn writable_mut(&mut self) -> io::Result<AsyncFdReadyMutGuard<'_, T>> {
        self.ready_mut(Interest::WRITABLE).await
    }

    /// Calls `f` once if `interest` is ready.
    ///
    /// # Errors
    ///
    /// [`WouldBlock`](io::ErrorKind::WouldBlock) if it is not ready, and those of `f`.
    ///
    /// # Examples
    ///
    /// ```
    /// # use filch::io::{Interest, Ready};
    /// # use filch::io::unix::AsyncFd;
    /// # use std::io::{Read, Write};
    /// # use std::os::unix::net::UnixStream;
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// # let (near, mut far) = UnixStream::pair()?;
    /// # near.set_nonblocking(true)?;
    /// let near = AsyncFd::new(near)?;
    /// let error = near.try_io(Interest::READABLE, |mut near| near.read(&mut [0; 8])).unwrap_err();
    /// assert_eq!(error.kind(), std::io::ErrorKind::WouldBlock);
    /// # Ok(())
    /// # }
    /// ```
    pub fn try_io<R>(
        &self,
        interest: Interest,
        f: impl FnOnce(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.try_io(interest, || f(&self.inner))
    }

    /// As [`try_io`](AsyncFd::try_io), for an operation that changes the owner.
    ///
    /// # Errors
    ///
    /// As [`try_io`](AsyncFd::try_io).
    pub fn try_io_mut<R>(
        &mut self,
        interest: Interest,
        f: impl FnOnce(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.try_io(interest, || f(&mut self.inner))
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
        mut f: impl FnMut(&T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.io(interest, || f(&self.inner)).await
    }

    /// As [`async_io`](AsyncFd::async_io), for an operation that changes the owner.
    ///
    /// # Errors
    ///
    /// As [`async_io`](AsyncFd::async_io).
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: the future waits only while `f` has had no effect.
    pub async fn async_io_mut<R>(
        &mut self,
        interest: Interest,
        mut f: impl FnMut(&mut T) -> io::Result<R>,
    ) -> io::Result<R> {
        self.registration.io(interest, || f(&mut self.inner)).await
    }
}

impl<T: AsRawFd> AsRawFd for AsyncFd<T> {
    fn as_raw_fd(&self) -> RawFd {
        self.inner.as_raw_fd()
    }
}

impl<T: AsRawFd + fmt::Debug> fmt::Debug for AsyncFd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AsyncFd").field("inner", &self.inner).finish_non_exhaustive()
    }
}

/// tokio's name for [`AsyncFdRegisterError`] before its 1.54.
pub type AsyncFdTryNewError<T> = AsyncFdRegisterError<T>;

/// The descriptor could not be watched; here it is back.
pub struct AsyncFdRegisterError<T> {
    inner: T,
    cause: io::Error,
}

impl<T> AsyncFdRegisterError<T> {
    /// The descriptor's owner, and why it could not be watched.
    pub fn into_parts(self) -> (T, io::Error) {
        (self.inner, self.cause)
    }
}

impl<T> fmt::Display for AsyncFdRegisterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<T> fmt::Debug for AsyncFdRegisterError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.cause.fmt(f)
    }
}

impl<T> Error for AsyncFdRegisterError<T> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.cause)
    }
}

impl<T> From<AsyncFdRegisterError<T>> for io::Error {
    fn from(error: AsyncFdRegisterError<T>) -> io::Error {
        error.cause
    }
}
