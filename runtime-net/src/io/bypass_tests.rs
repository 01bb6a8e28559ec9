//! A copy whose bypass the system refuses while the first buffer is still on its way.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::pin::Pin;
use std::task::{Context, Poll};

use runtime_core::runtime::Builder;
use runtime_core::spawn::spawn;

use super::KernelEnd;
use crate::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf, copy};
use crate::unix::UnixStream;

/// Reads from a socket, and shows the kernel a directory, of which nothing can be moved.
struct Refused {
    socket: UnixStream,
    directory: File,
}

impl AsyncRead for Refused {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.socket).poll_read(cx, buf)
    }

    fn kernel_source(&self) -> Option<KernelEnd<'_>> {
        let descriptor = self.directory.as_fd();
        self.socket.kernel_source().map(|end| KernelEnd { descriptor, ..end })
    }
}

/// Writes some bytes to a socket, and none every other time.
struct Hesitant {
    socket: UnixStream,
    hesitates: bool,
}

impl AsyncWrite for Hesitant {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.hesitates = !self.hesitates;
        if self.hesitates {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Pin::new(&mut self.socket).poll_write(cx, &bytes[..bytes.len().min(3000)])
    }

    fn poll_flush(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn kernel_target(&self) -> Option<KernelEnd<'_>> {
        self.socket.kernel_target()
    }
}

#[test]
fn a_bypass_that_is_refused_while_the_writer_waits_loses_nothing() {
    let runtime = Builder::new_current_thread().build().unwrap();
    runtime.block_on(async {
        let (mut source, socket) = UnixStream::pair().unwrap();
        let mut reader = Refused { socket, directory: File::open("/").unwrap() };
        let (socket, mut target) = UnixStream::pair().unwrap();
        let mut writer = Hesitant { socket, hesitates: false };
        let bytes: Vec<u8> = (0..100_000_u32).map(|n| n as u8).collect();
        let sent = bytes.clone();
        let sends = spawn(async move { source.write_all(&sent).await });
        let copies = spawn(async move { copy(&mut reader, &mut writer).await });
        let mut received = Vec::new();
        target.read_to_end(&mut received).await.unwrap();
        assert_eq!(received.len(), bytes.len());
        assert!(received == bytes);
        assert_eq!(copies.await.unwrap().unwrap(), bytes.len() as u64);
        sends.await.unwrap().unwrap();
    });
}
