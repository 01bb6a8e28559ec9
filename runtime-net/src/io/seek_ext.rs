//! What one calls on a stream to go to another place of it.

use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::AsyncSeek;

/// What one calls on an [`AsyncSeek`].
///
/// # Examples
///
/// ```
/// use filch::io::{AsyncReadExt, AsyncSeekExt};
/// use std::io::{Cursor, SeekFrom};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut stream = Cursor::new(b"head and tail");
/// stream.seek(SeekFrom::End(-4)).await?;
/// let mut text = String::new();
/// stream.read_to_string(&mut text).await?;
/// assert_eq!(text, "tail");
/// # Ok(())
/// # }
/// ```
pub trait AsyncSeekExt: AsyncSeek {
    /// Goes to `pos` and says where that is, counted from the start.
    ///
    /// # Errors
    ///
    /// [`InvalidInput`](io::ErrorKind::InvalidInput) for a place before the start, and those of
    /// the stream.
    ///
    /// # Cancel safety
    ///
    /// If the future is dropped, the stream may go there all the same. The next call waits until
    /// it has.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncSeekExt;
    /// use std::io::{Cursor, SeekFrom};
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream = Cursor::new([0; 8]);
    /// assert_eq!(stream.seek(SeekFrom::Start(3)).await?, 3);
    /// assert!(stream.seek(SeekFrom::Current(-4)).await.is_err());
    /// # Ok(())
    /// # }
    /// ```
    fn seek(&mut self, pos: SeekFrom) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        Seek { stream: self, pos: Some(pos) }
    }

    /// Goes to the start.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// As [`seek`](AsyncSeekExt::seek).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::AsyncSeekExt;
    /// use std::io::Cursor;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream = Cursor::new([0; 8]);
    /// stream.set_position(5);
    /// assert_eq!(stream.rewind().await?, 0);
    /// # Ok(())
    /// # }
    /// ```
    fn rewind(&mut self) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Start(0))
    }

    /// Says where the stream stands, counted from the start.
    ///
    /// # Errors
    ///
    /// Those of the stream.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: nothing moves.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::io::{AsyncReadExt, AsyncSeekExt};
    /// use std::io::Cursor;
    ///
    /// # #[filch::main]
    /// # async fn main() -> std::io::Result<()> {
    /// let mut stream = Cursor::new([0; 8]);
    /// stream.read_u32().await?;
    /// assert_eq!(stream.stream_position().await?, 4);
    /// # Ok(())
    /// # }
    /// ```
    fn stream_position(&mut self) -> Seek<'_, Self>
    where
        Self: Unpin,
    {
        self.seek(SeekFrom::Current(0))
    }
}

impl<S: AsyncSeek + ?Sized> AsyncSeekExt for S {}

/// The future of [`AsyncSeekExt::seek`].
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct Seek<'a, S: ?Sized> {
    stream: &'a mut S,
    /// Where to go, until the stream has set out.
    pos: Option<SeekFrom>,
}

impl<S: AsyncSeek + Unpin + ?Sized> Future for Seek<'_, S> {
    type Output = io::Result<u64>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<u64>> {
        let this = self.get_mut();
        if let Some(pos) = this.pos {
            // A seek whose future was dropped may still be under way, or a write that failed.
            ready!(Pin::new(&mut *this.stream).poll_complete(cx))?;
            Pin::new(&mut *this.stream).start_seek(pos)?;
            this.pos = None;
        }
        Pin::new(&mut *this.stream).poll_complete(cx)
    }
}
