//! `sink`: a stream that takes everything and keeps nothing.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll};

use super::AsyncWrite;
use super::empty::poll_instead;

/// A stream that forgets what is written to it; see [`sink`].
#[derive(Debug, Default, Clone, Copy)]
pub struct Sink(());

/// A stream that takes everything and keeps nothing.
///
/// # Examples
///
/// ```
/// use filch::io;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut reader: &[u8] = b"how long is this?";
/// assert_eq!(io::copy(&mut reader, &mut io::sink()).await?, 17);
/// # Ok(())
/// # }
/// ```
pub fn sink() -> Sink {
    Sink(())
}

/// The methods of a writer that takes everything and keeps nothing.
macro_rules! forget_all {
    () => {
        fn poll_write(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            buf: &[u8],
        ) -> Poll<io::Result<usize>> {
            poll_instead(cx, buf.len())
        }

        fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            poll_instead(cx, ())
        }

        fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
            poll_instead(cx, ())
        }

        fn poll_write_vectored(
            self: Pin<&mut Self>,
            cx: &mut Context<'_>,
            bufs: &[IoSlice<'_>],
        ) -> Poll<io::Result<usize>> {
            poll_instead(cx, bufs.iter().fold(0, |sum: usize, buf| sum.saturating_add(buf.len())))
        }

        fn is_write_vectored(&self) -> bool {
            true
        }
    };
}

pub(super) use forget_all;

impl AsyncWrite for Sink {
    forget_all!();
}
