//! The process's standard streams, on the blocking pool.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use super::offload::Offload;
use super::{AsyncRead, AsyncWrite, ReadBuf};

/// The standard input; see [`stdin`].
#[derive(Debug)]
pub struct Stdin {
    std: Offload<io::Stdin>,
    pub(super) handle: io::Stdin,
}

/// The standard input of the process.
///
/// A read is a job on the blocking pool, and a job that waits for somebody to type cannot be
/// cancelled: dropping a runtime waits for it. Programs with a dialogue had better read on a
/// thread of their own. All handles share one buffer, which is std's; yet what one of them has read
/// and not passed on before it is dropped is lost to the others.
///
/// The counterpart of `tokio::io::stdin`.
///
/// # Panics
///
/// A read panics if there is no runtime on this thread.
///
/// # Examples
///
/// ```no_run
/// use filch::io::{self, AsyncBufReadExt, BufReader};
///
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// let mut lines = BufReader::new(io::stdin()).lines();
/// while let Some(line) = lines.next_line().await? {
///     println!("you said {line}");
/// }
/// # Ok(())
/// # }
/// ```
pub fn stdin() -> Stdin {
    Stdin { std: Offload::new(io::stdin()), handle: io::stdin() }
}

impl AsyncRead for Stdin {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.std.poll_read(cx, buf)
    }
}

/// Writes an output stream.
macro_rules! output {
    ($(#[$doc:meta])* $name:ident, $(#[$fn_doc:meta])* $function:ident) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            std: Offload<io::$name>,
            pub(super) handle: io::$name,
        }

        $(#[$fn_doc])*
        ///
        /// Writes go through the blocking pool, one after another. What is written is taken over at
        /// once, at most 2 MiB of it, and an error is told by the next operation: call
        /// [`flush`](super::AsyncWriteExt::flush) before the program ends, or the last write may
        /// never happen. Several tasks that write need a lock among them, as a
        /// [`write_all`](super::AsyncWriteExt::write_all) may be made of several writes.
        ///
        /// # Panics
        ///
        /// A write panics if there is no runtime on this thread.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::io::{self, AsyncWriteExt};
        ///
        /// # #[filch::main]
        /// # async fn main() -> std::io::Result<()> {
        #[doc = concat!("let mut stream = io::", stringify!($function), "();")]
        /// stream.write_all(b"hello\n").await?;
        /// stream.flush().await?;
        /// # Ok(())
        /// # }
        /// ```
        pub fn $function() -> $name {
            $name { std: Offload::new(io::$function()), handle: io::$function() }
        }

        impl AsyncWrite for $name {
            fn poll_write(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
                buf: &[u8],
            ) -> Poll<io::Result<usize>> {
                self.std.poll_write(cx, buf)
            }

            fn poll_flush(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.std.poll_flush(cx)
            }

            fn poll_shutdown(
                mut self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<io::Result<()>> {
                self.std.poll_flush(cx)
            }
        }
    };
}

output!(
    /// The standard output; see [`stdout`].
    Stdout,
    /// The standard output of the process, which std holds back line by line.
    stdout
);
output!(
    /// The standard error output; see [`stderr`].
    Stderr,
    /// The standard error output of the process.
    stderr
);
