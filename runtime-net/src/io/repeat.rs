//! `repeat`: one byte without end.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::BufMut as _;
use runtime_sync::budget::poll_proceed;

use super::{AsyncRead, ReadBuf};

/// A stream that gives one byte without end; see [`repeat`].
#[derive(Debug, Clone, Copy)]
pub struct Repeat {
    byte: u8,
}

/// A stream that gives `byte` without end.
///
/// # Examples
///
/// ```
/// use filch::io::{self, AsyncReadExt};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut bytes = [0; 3];
/// io::repeat(b'x').read_exact(&mut bytes).await?;
/// assert_eq!(&bytes, b"xxx");
/// # Ok(())
/// # }
/// ```
pub fn repeat(byte: u8) -> Repeat {
    Repeat { byte }
}

impl AsyncRead for Repeat {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(poll_proceed(cx)).made_progress();
        buf.put_bytes(self.byte, buf.remaining());
        Poll::Ready(Ok(()))
    }
}
