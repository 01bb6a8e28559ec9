//! The halves that borrow a stream: a reader and a writer in one task.

/// Methods that every kind of half passes on to its stream, which is its field 0.
macro_rules! pass_on {
    (both $stream:ident $address:ty) => {
        #[doc = concat!("As [`", stringify!($stream), "::ready`].")]
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: the readiness is kept.
        pub async fn ready(
            &self,
            interest: $crate::io::Interest,
        ) -> std::io::Result<$crate::io::Ready> {
            self.0.ready(interest).await
        }

        /// The peer's address.
        ///
        /// # Errors
        ///
        /// Those of the system.
        pub fn peer_addr(&self) -> std::io::Result<$address> {
            self.0.peer_addr()
        }

        /// Our address.
        ///
        /// # Errors
        ///
        /// Those of the system.
        pub fn local_addr(&self) -> std::io::Result<$address> {
            self.0.local_addr()
        }
    };
    (read $stream:ident) => {
        #[doc = concat!("As [`", stringify!($stream), "::readable`].")]
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: the readiness is kept.
        pub async fn readable(&self) -> std::io::Result<()> {
            self.0.readable().await
        }

        #[doc = concat!("As [`", stringify!($stream), "::try_read`].")]
        ///
        /// # Errors
        ///
        #[doc = concat!("As [`", stringify!($stream), "::try_read`].")]
        pub fn try_read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
            self.0.try_read(buf)
        }

        #[doc = concat!("As [`", stringify!($stream), "::try_read_vectored`].")]
        ///
        /// # Errors
        ///
        #[doc = concat!("As [`", stringify!($stream), "::try_read_vectored`].")]
        pub fn try_read_vectored(
            &self,
            bufs: &mut [std::io::IoSliceMut<'_>],
        ) -> std::io::Result<usize> {
            self.0.try_read_vectored(bufs)
        }

        #[doc = concat!("As [`", stringify!($stream), "::try_read_buf`].")]
        ///
        /// # Errors
        ///
        #[doc = concat!("As [`", stringify!($stream), "::try_read_buf`].")]
        pub fn try_read_buf<B: bytes::BufMut>(&self, buf: &mut B) -> std::io::Result<usize> {
            self.0.try_read_buf(buf)
        }
    };
    (write $stream:ident) => {
        #[doc = concat!("As [`", stringify!($stream), "::writable`].")]
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: the readiness is kept.
        pub async fn writable(&self) -> std::io::Result<()> {
            self.0.writable().await
        }

        #[doc = concat!("As [`", stringify!($stream), "::try_write`].")]
        ///
        /// # Errors
        ///
        #[doc = concat!("As [`", stringify!($stream), "::try_write`].")]
        pub fn try_write(&self, buf: &[u8]) -> std::io::Result<usize> {
            self.0.try_write(buf)
        }

        #[doc = concat!("As [`", stringify!($stream), "::try_write_vectored`].")]
        ///
        /// # Errors
        ///
        #[doc = concat!("As [`", stringify!($stream), "::try_write_vectored`].")]
        pub fn try_write_vectored(&self, bufs: &[std::io::IoSlice<'_>]) -> std::io::Result<usize> {
            self.0.try_write_vectored(bufs)
        }
    };
    (peek $stream:ident) => {
        #[doc = concat!("As [`", stringify!($stream), "::poll_peek`].")]
        ///
        /// # Errors
        ///
        /// Those of the stream.
        pub fn poll_peek(
            &mut self,
            cx: &mut std::task::Context<'_>,
            buf: &mut $crate::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<usize>> {
            self.0.poll_peek(cx, buf)
        }

        #[doc = concat!("As [`", stringify!($stream), "::peek`].")]
        ///
        /// # Errors
        ///
        /// Those of the stream.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: nothing is read.
        pub async fn peek(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
            self.0.peek(buf).await
        }
    };
}
pub(crate) use pass_on;

/// `ReadHalf` and `WriteHalf` of a type that has a `stream`.
macro_rules! halves {
    ($stream:ident, $address:ty) => {
        #[doc = concat!("The half of a [`", stringify!($stream), "`] that reads, see [`", stringify!($stream), "::split`].")]
        #[derive(Debug)]
        pub struct ReadHalf<'a>(&'a $stream);

        #[doc = concat!("The half of a [`", stringify!($stream), "`] that writes, see [`", stringify!($stream), "::split`].")]
        ///
        /// Shutting it down tells the peer that nothing more will come; dropping it does nothing.
        #[derive(Debug)]
        pub struct WriteHalf<'a>(&'a $stream);

        pub(super) fn split(stream: &mut $stream) -> (ReadHalf<'_>, WriteHalf<'_>) {
            (ReadHalf(stream), WriteHalf(stream))
        }

        impl ReadHalf<'_> {
            $crate::stream::pass_on!(both $stream $address);
            $crate::stream::pass_on!(read $stream);
        }

        impl WriteHalf<'_> {
            $crate::stream::pass_on!(both $stream $address);
            $crate::stream::pass_on!(write $stream);
        }

        $crate::stream::stream_traits!(read ReadHalf<'_>, this => this.0.stream);
        $crate::stream::stream_traits!(
            write WriteHalf<'_>, this => this.0.stream, this.0.stream.shut_down_write()
        );

        impl AsRef<$stream> for ReadHalf<'_> {
            fn as_ref(&self) -> &$stream {
                self.0
            }
        }

        impl AsRef<$stream> for WriteHalf<'_> {
            fn as_ref(&self) -> &$stream {
                self.0
            }
        }
    };
}
pub(crate) use halves;
