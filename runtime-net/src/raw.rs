//! Sockets and watches from raw descriptors, whose number the caller vouches for.
//!
//! # Invariants
//!
//! - The descriptor is open, and nobody else's: the caller of `from_raw_fd` promises it.
//! - The descriptor of an `AsyncFd` is open as long as that lives: who made it promised it.

use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};

use crate::io::Interest;
use crate::io::unix::{AsyncFd, AsyncFdRegisterError};
use crate::socket::Socket;
use crate::tcp::TcpSocket;
use crate::unix::UnixSocket;

impl FromRawFd for TcpSocket {
    /// Takes over a descriptor, which must be non-blocking already.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::fd::{AsRawFd, FromRawFd, IntoRawFd};
    ///
    /// let number = filch::net::TcpSocket::new_v4()?.into_raw_fd();
    /// // SAFETY: it was ours a line ago, and nobody else knows it.
    /// let socket = unsafe { filch::net::TcpSocket::from_raw_fd(number) };
    /// assert_eq!(socket.as_raw_fd(), number);
    /// # Ok::<(), std::io::Error>(())
    /// ```
    unsafe fn from_raw_fd(fd: RawFd) -> TcpSocket {
        // SAFETY: the caller promises that the descriptor is open and nobody else's.
        let descriptor = unsafe { OwnedFd::from_raw_fd(fd) };
        TcpSocket { socket: Socket::from(descriptor) }
    }
}

impl FromRawFd for UnixSocket {
    /// Takes over a descriptor, which must be non-blocking already.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::os::fd::{FromRawFd, IntoRawFd};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let number = filch::net::UnixSocket::new_datagram()?.into_raw_fd();
    /// // SAFETY: it was ours a line ago, and nobody else knows it.
    /// let socket = unsafe { filch::net::UnixSocket::from_raw_fd(number) };
    /// let socket = socket.datagram()?;
    /// # Ok(())
    /// # }
    /// ```
    unsafe fn from_raw_fd(fd: RawFd) -> UnixSocket {
        // SAFETY: the caller promises that the descriptor is open and nobody else's.
        let descriptor = unsafe { OwnedFd::from_raw_fd(fd) };
        UnixSocket::from_socket(Socket::from(descriptor))
    }
}

impl<T: AsRawFd> AsFd for AsyncFd<T> {
    /// The descriptor, also of an owner that knows no more than its number.
    ///
    /// # Panics
    ///
    /// If the owner says by now that it has none.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::unix::AsyncFd;
    /// use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};
    /// use std::os::unix::net::UnixStream;
    ///
    /// struct Number(UnixStream);
    ///
    /// impl AsRawFd for Number {
    ///     fn as_raw_fd(&self) -> RawFd {
    ///         self.0.as_raw_fd()
    ///     }
    /// }
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (near, _far) = UnixStream::pair()?;
    /// near.set_nonblocking(true)?;
    /// let near = AsyncFd::new(Number(near))?;
    /// let copy: OwnedFd = near.as_fd().try_clone_to_owned()?;
    /// # Ok(())
    /// # }
    /// ```
    fn as_fd(&self) -> BorrowedFd<'_> {
        let descriptor = self.as_raw_fd();
        assert!(
            descriptor >= 0,
            "the owner of a watched descriptor has none any more: drop the watch first"
        );
        // SAFETY: it is not -1; it was open when the watch began, and the owner, which is here, keeps it
        // open.
        unsafe { BorrowedFd::borrow_raw(descriptor) }
    }
}

/// tokio's names since its 1.54, which has the caller vouch for the descriptor.
impl<T: AsRawFd> AsyncFd<T> {
    /// As [`try_new`](AsyncFd::try_new).
    ///
    /// # Safety
    ///
    /// `inner` names an open descriptor, always the same, and keeps it open until the watch has ended.
    ///
    /// # Errors
    ///
    /// As [`try_new`](AsyncFd::try_new): the system refuses to watch it, and here it is back.
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::unix::AsyncFd;
    /// use std::os::unix::net::UnixStream;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let (near, _far) = UnixStream::pair()?;
    /// near.set_nonblocking(true)?;
    /// // SAFETY: a `UnixStream` has one descriptor, which is open as long as it lives.
    /// let near = unsafe { AsyncFd::register(near)? };
    /// near.writable().await?.retain_ready();
    /// # Ok(())
    /// # }
    /// ```
    #[track_caller]
    pub unsafe fn register(inner: T) -> Result<AsyncFd<T>, AsyncFdRegisterError<T>> {
        AsyncFd::try_new(inner)
    }

    /// As [`try_with_interest`](AsyncFd::try_with_interest).
    ///
    /// # Safety
    ///
    /// As [`register`](AsyncFd::register).
    ///
    /// # Errors
    ///
    /// As [`register`](AsyncFd::register).
    ///
    /// # Panics
    ///
    /// There is no runtime on this thread.
    #[track_caller]
    pub unsafe fn register_with_interest(
        inner: T,
        interest: Interest,
    ) -> Result<AsyncFd<T>, AsyncFdRegisterError<T>> {
        AsyncFd::try_with_interest(inner, interest)
    }
}
