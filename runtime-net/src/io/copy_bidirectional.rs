//! `copy_bidirectional`: what one stream gives goes to the other, both ways.

use std::future::{Future, poll_fn};
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use super::transfer::Transfer;
use super::{AsyncRead, AsyncWrite, BUFFER_SIZE};

/// Writes to each stream whatever the other one gives, until both have ended.
///
/// When one ends, the other one is shut down, and what still comes the other way is copied on. So
/// a proxy keeps connections that are closed halfway. Returns how many bytes went from `a` to `b`
/// and how many from `b` to `a`.
///
/// On Linux, much that goes from one socket or pipe to another is not copied to this process: once a
/// read has filled its buffer, the kernel moves the bytes (`splice`), by way of a pipe that takes two
/// descriptors for each such direction as long as the copy lasts. Streams that are more than a socket,
/// a `BufReader` for one, are read and written. So is everything if `SIGPIPE` is not ignored, as Rust
/// does unless it is told otherwise: what the kernel moves to a peer that has gone would raise it.
///
/// # Errors
///
/// The first error of any stream ends both directions. What was read and not written is lost.
///
/// # Cancel safety
///
/// Not cancel safe: what was read and not written yet is lost.
///
/// # Examples
///
/// ```
/// use filch::io::{self, AsyncReadExt, AsyncWriteExt, duplex};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, mut near) = duplex(64);
/// let (mut far, mut server) = duplex(64);
/// let proxy = filch::spawn(async move { io::copy_bidirectional(&mut near, &mut far).await });
///
/// client.write_all(b"question").await?;
/// client.shutdown().await?;
/// let mut text = String::new();
/// server.read_to_string(&mut text).await?;
/// assert_eq!(text, "question");
/// server.write_all(b"answer").await?;
/// server.shutdown().await?;
/// assert_eq!(proxy.await??, (8, 6));
/// # Ok(())
/// # }
/// ```
pub async fn copy_bidirectional<A, B>(a: &mut A, b: &mut B) -> io::Result<(u64, u64)>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    copy_bidirectional_with_sizes(a, b, BUFFER_SIZE, BUFFER_SIZE).await
}

/// As [`copy_bidirectional`], with buffers of these sizes.
///
/// # Errors
///
/// As [`copy_bidirectional`].
///
/// # Panics
///
/// A buffer would be empty: nothing could ever go through.
///
/// # Cancel safety
///
/// Not cancel safe: what was read and not written yet is lost.
///
/// # Examples
///
/// ```
/// use filch::io::{self, AsyncWriteExt, duplex};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let (mut client, mut near) = duplex(64);
/// let (mut far, mut server) = duplex(64);
/// client.shutdown().await?;
/// server.shutdown().await?;
/// let counts = io::copy_bidirectional_with_sizes(&mut near, &mut far, 1024, 65_536).await?;
/// assert_eq!(counts, (0, 0));
/// # Ok(())
/// # }
/// ```
#[track_caller]
pub fn copy_bidirectional_with_sizes<A, B>(
    a: &mut A,
    b: &mut B,
    a_to_b_buf_size: usize,
    b_to_a_buf_size: usize,
) -> impl Future<Output = io::Result<(u64, u64)>>
where
    A: AsyncRead + AsyncWrite + Unpin + ?Sized,
    B: AsyncRead + AsyncWrite + Unpin + ?Sized,
{
    assert!(
        a_to_b_buf_size > 0 && b_to_a_buf_size > 0,
        "copy_bidirectional_with_sizes needs buffers of at least one byte"
    );
    let mut there = Way::Running(Transfer::new(a_to_b_buf_size));
    let mut back = Way::Running(Transfer::new(b_to_a_buf_size));
    poll_fn(move |cx| {
        // Both are polled: each needs its wake.
        let there = there.poll(cx, a, b)?;
        let back = back.poll(cx, b, a)?;
        Poll::Ready(Ok((ready!(there), ready!(back))))
    })
}

/// One direction.
#[derive(Debug)]
enum Way {
    Running(Transfer),
    /// All has been written, and the writer is told that nothing more will come.
    ShuttingDown(u64),
    Done(u64),
}

impl Way {
    fn poll<R, W>(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut R,
        writer: &mut W,
    ) -> Poll<io::Result<u64>>
    where
        R: AsyncRead + Unpin + ?Sized,
        W: AsyncWrite + Unpin + ?Sized,
    {
        loop {
            *self = match self {
                Way::Running(transfer) => {
                    Way::ShuttingDown(ready!(transfer.poll(cx, reader, writer))?)
                }
                Way::ShuttingDown(count) => {
                    ready!(Pin::new(&mut *writer).poll_shutdown(cx))?;
                    Way::Done(*count)
                }
                Way::Done(count) => return Poll::Ready(Ok(*count)),
            };
        }
    }
}
