//! `AsyncSeek`: a stream with a place where it stands.

use std::io::{self, Cursor, Seek as _, SeekFrom};
use std::ops::DerefMut;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Goes to another place of a stream, and tells the task when it must wait.
///
/// Users call the methods of [`AsyncSeekExt`](super::AsyncSeekExt).
///
/// # Examples
///
/// ```
/// use filch::io::AsyncSeek;
/// use std::io::{Cursor, SeekFrom};
/// use std::pin::Pin;
/// use std::task::{Context, Poll, Waker};
///
/// let mut stream = Cursor::new([0; 8]);
/// let mut cx = Context::from_waker(Waker::noop());
/// Pin::new(&mut stream).start_seek(SeekFrom::End(-2)).unwrap();
/// let place = Pin::new(&mut stream).poll_complete(&mut cx);
/// assert!(matches!(place, Poll::Ready(Ok(6))));
/// ```
pub trait AsyncSeek {
    /// Sets out for another place.
    ///
    /// The one before must have been [reached](AsyncSeek::poll_complete). It is up to the stream
    /// whether there are places behind its end.
    ///
    /// # Errors
    ///
    /// Those of the stream; most likely another operation is under way.
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()>;

    /// Waits until the place is reached, and says which it is, counted from the start.
    ///
    /// Without a seek under way it says where the stream stands, if that is known; some streams
    /// say 0.
    ///
    /// # Errors
    ///
    /// Those of the stream, such as
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a place before the start.
    fn poll_complete(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>>;
}

/// Passes every method on to what is behind a pointer.
macro_rules! pass_on {
    ($self:ident => $target:expr) => {
        fn start_seek($self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
            $target.start_seek(position)
        }

        fn poll_complete($self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
            $target.poll_complete(cx)
        }
    };
}

impl<T: AsyncSeek + Unpin + ?Sized> AsyncSeek for &mut T {
    pass_on!(self => Pin::new(&mut **self.get_mut()));
}

impl<T: AsyncSeek + Unpin + ?Sized> AsyncSeek for Box<T> {
    pass_on!(self => Pin::new(&mut **self.get_mut()));
}

impl<P> AsyncSeek for Pin<P>
where
    P: DerefMut,
    P::Target: AsyncSeek,
{
    pass_on!(self => self.as_deref_mut());
}

impl<T: AsRef<[u8]> + Unpin> AsyncSeek for Cursor<T> {
    fn start_seek(self: Pin<&mut Self>, position: SeekFrom) -> io::Result<()> {
        self.get_mut().seek(position).map(drop)
    }

    fn poll_complete(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        Poll::Ready(Ok(self.position()))
    }
}
