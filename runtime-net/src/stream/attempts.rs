//! To read and write without waiting: the methods of every stream.

/// Methods of a type that has a `stream`. The literal is what the examples need and do not show: a
/// `stream` and its `peer`, in an `async fn main`.
macro_rules! attempts {
    ($setup:literal) => {
        $crate::stream::attempts!(read $setup);
        $crate::stream::attempts!(write $setup);
    };
    (read $setup:literal) => {
        /// Reads into `buf` without waiting.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if there is nothing, and those of the
        /// stream.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// # use filch::io::AsyncWriteExt;
        /// peer.write_all(b"hi").await?;
        /// let mut bytes = [0; 2];
        /// let count = loop {
        ///     stream.readable().await?;
        ///     match stream.try_read(&mut bytes) {
        ///         Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
        ///         outcome => break outcome?,
        ///     }
        /// };
        /// assert_eq!(&bytes[..count], b"hi");
        /// # Ok(())
        /// # }
        /// ```
        pub fn try_read(&self, buf: &mut [u8]) -> std::io::Result<usize> {
            self.stream.try_recv(buf)
        }

        /// Reads into several buffers without waiting.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if there is nothing, and those of the
        /// stream.
        pub fn try_read_vectored(
            &self,
            bufs: &mut [std::io::IoSliceMut<'_>],
        ) -> std::io::Result<usize> {
            self.stream.try_recv_vectored(bufs)
        }

        /// Appends to `buf` without waiting.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if there is nothing, and those of the
        /// stream.
        pub fn try_read_buf<B: bytes::BufMut>(&self, buf: &mut B) -> std::io::Result<usize> {
            self.stream.try_recv_buf(buf)
        }
    };
    (write $setup:literal) => {
        /// Writes some of `buf` without waiting.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if there is no room, and those of the
        /// stream.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// stream.writable().await?;
        /// assert_eq!(stream.try_write(b"hi")?, 2);
        /// # Ok(())
        /// # }
        /// ```
        pub fn try_write(&self, buf: &[u8]) -> std::io::Result<usize> {
            self.stream.try_send(buf)
        }

        /// Writes some of several buffers without waiting.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if there is no room, and those of the
        /// stream.
        pub fn try_write_vectored(
            &self,
            bufs: &[std::io::IoSlice<'_>],
        ) -> std::io::Result<usize> {
            self.stream.try_send_vectored(bufs)
        }
    };
}
pub(crate) use attempts;
