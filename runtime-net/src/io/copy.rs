//! `copy`: from here to there.

use std::future::poll_fn;
use std::io;

use super::transfer::Transfer;
use super::{AsyncRead, AsyncWrite, BUFFER_SIZE};

/// Writes to `writer` whatever `reader` gives, to its end, and says how many bytes that was.
///
/// While the reader has nothing to give, and at its end, the writer is flushed, so that nothing is held
/// back. From one socket to another the kernel moves the bytes, as in
/// [`copy_bidirectional`](super::copy_bidirectional).
///
/// # Errors
///
/// Those of both streams, and [`WriteZero`](io::ErrorKind::WriteZero) if the writer takes no more.
/// What was read and not written is lost.
///
/// # Cancel safety
///
/// Not cancel safe: what was read and not written yet is lost.
///
/// # Examples
///
/// ```
/// use filch::io;
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut reader: &[u8] = b"hello";
/// let mut writer = Vec::new();
/// assert_eq!(io::copy(&mut reader, &mut writer).await?, 5);
/// # Ok(())
/// # }
/// ```
pub async fn copy<R, W>(reader: &mut R, writer: &mut W) -> io::Result<u64>
where
    R: AsyncRead + Unpin + ?Sized,
    W: AsyncWrite + Unpin + ?Sized,
{
    let mut transfer = Transfer::new(BUFFER_SIZE);
    poll_fn(|cx| transfer.poll(cx, reader, writer)).await
}
