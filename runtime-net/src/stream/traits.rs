//! `AsyncRead` and `AsyncWrite` of every stream.

/// `AsyncRead` and `AsyncWrite` of a type whose expression `$self.…` is a `Stream`.
macro_rules! stream_traits {
    (read $name:ty, $this:ident => $stream:expr) => {
        impl $crate::io::AsyncRead for $name {
            fn poll_read(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &mut $crate::io::ReadBuf<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = &*self;
                $stream.poll_recv(cx, buf)
            }

            fn kernel_source(&self) -> Option<$crate::io::KernelEnd<'_>> {
                let $this = self;
                Some($stream.kernel_end())
            }
        }
    };
    (write $name:ty, $this:ident => $stream:expr, $shut_down:expr) => {
        impl $crate::io::AsyncWrite for $name {
            fn poll_write(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                buf: &[u8],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = &*self;
                $stream.poll_send(cx, buf)
            }

            fn poll_flush(
                self: std::pin::Pin<&mut Self>,
                _cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                std::task::Poll::Ready(Ok(()))
            }

            #[allow(unused_mut, reason = "only one of the kinds changes something")]
            fn poll_shutdown(
                mut self: std::pin::Pin<&mut Self>,
                _cx: &mut std::task::Context<'_>,
            ) -> std::task::Poll<std::io::Result<()>> {
                let $this = &mut *self;
                std::task::Poll::Ready($shut_down)
            }

            fn poll_write_vectored(
                self: std::pin::Pin<&mut Self>,
                cx: &mut std::task::Context<'_>,
                bufs: &[std::io::IoSlice<'_>],
            ) -> std::task::Poll<std::io::Result<usize>> {
                let $this = &*self;
                $stream.poll_send_vectored(cx, bufs)
            }

            fn is_write_vectored(&self) -> bool {
                true
            }

            fn kernel_target(&self) -> Option<$crate::io::KernelEnd<'_>> {
                let $this = self;
                Some($stream.kernel_end())
            }
        }
    };
}
pub(crate) use stream_traits;
