//! `ChildStdin`, `ChildStdout` and `ChildStderr`: our ends of a child's pipes.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use super::pipe::PipeEnd;
use crate::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};

/// Writes a type for one end of a pipe.
macro_rules! end {
    ($(#[$doc:meta])* $name:ident, $interest:expr) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub struct $name {
            pub(super) pipe: PipeEnd,
        }

        impl $name {
            /// Takes over a pipe of std's.
            ///
            /// # Errors
            ///
            /// Those of the system.
            ///
            /// # Panics
            ///
            /// There is no runtime on this thread.
            #[track_caller]
            pub fn from_std(pipe: std::process::$name) -> io::Result<$name> {
                Ok($name { pipe: PipeEnd::new(pipe.into(), $interest)? })
            }
        }

        /// For the standard stream of another child.
        impl TryFrom<$name> for Stdio {
            type Error = io::Error;

            fn try_from(end: $name) -> io::Result<Stdio> {
                end.pipe.into_blocking().map(Stdio::from)
            }
        }
    };
}

end!(
    /// Writes to the standard input of a child, which finds its end when this is dropped.
    ///
    /// A write after the child has closed its input fails with
    /// [`BrokenPipe`](io::ErrorKind::BrokenPipe). Nothing is held back here: flushing does nothing,
    /// and [`shutdown`](crate::io::AsyncWriteExt::shutdown) does not close the pipe. On Windows a write is
    /// done by the blocking pool after it has returned, and a flush waits for it.
    ChildStdin,
    Interest::WRITABLE
);
end!(
    /// Reads from the standard output of a child. The end is reached when all who hold the other
    /// end are gone: the child, and those that it has started.
    ChildStdout,
    Interest::READABLE
);
end!(
    /// Reads from the standard error output of a child. The end is reached when all who hold the
    /// other end are gone: the child, and those that it has started.
    ChildStderr,
    Interest::READABLE
);

impl AsyncWrite for ChildStdin {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().pipe.poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.get_mut().pipe.poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        PipeEnd::IS_VECTORED
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().pipe.poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.get_mut().pipe.poll_flush(cx)
    }
}

impl AsyncRead for ChildStdout {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().pipe.poll_read(cx, buf)
    }
}

impl AsyncRead for ChildStderr {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.get_mut().pipe.poll_read(cx, buf)
    }
}
