//! To wait until something is ready, and to make calls of one's own: the methods of every socket.

/// Methods of a type that has `fn registration(&self) -> &Registration`. The literal is what the
/// examples need and do not show: a `socket`, in an `async fn main`.
macro_rules! readiness {
    ($setup:literal) => {
        $crate::stream::readiness!(ready $setup);
        $crate::stream::readiness!(read poll_read_ready);
        $crate::stream::readiness!(write poll_write_ready);
        $crate::stream::readiness!(calls);
    };
    (datagrams $setup:literal) => {
        $crate::stream::readiness!(ready $setup);
        $crate::stream::readiness!(read poll_recv_ready);
        $crate::stream::readiness!(write poll_send_ready);
        $crate::stream::readiness!(calls);
    };
    (calls) => {
        /// Calls `f` once if `interest` is ready. It makes calls on the descriptor itself, and
        /// answers [`WouldBlock`](std::io::ErrorKind::WouldBlock) only if one of them did.
        ///
        /// # Errors
        ///
        /// [`WouldBlock`](std::io::ErrorKind::WouldBlock) if it is not ready, and those of `f`.
        pub fn try_io<R>(
            &self,
            interest: $crate::io::Interest,
            f: impl FnOnce() -> std::io::Result<R>,
        ) -> std::io::Result<R> {
            self.registration().try_io(interest, f)
        }

        /// Calls `f` whenever `interest` is ready, until it says something else than
        /// [`WouldBlock`](std::io::ErrorKind::WouldBlock).
        ///
        /// # Errors
        ///
        /// Those of `f`, or the runtime has shut down.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: the future waits only while `f` has had no effect.
        pub async fn async_io<R>(
            &self,
            interest: $crate::io::Interest,
            f: impl FnMut() -> std::io::Result<R>,
        ) -> std::io::Result<R> {
            self.registration().io(interest, f).await
        }
    };
    (ready $setup:literal) => {
        /// Waits until any of `interest` is ready, and says what. Any number of tasks may wait.
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: the readiness is kept.
        ///
        /// # Examples
        ///
        /// ```
        #[doc = $setup]
        /// # use filch::io::Interest;
        /// let ready = socket.ready(Interest::READABLE | Interest::WRITABLE).await?;
        /// assert!(ready.is_writable());
        /// # Ok(())
        /// # }
        /// ```
        pub async fn ready(
            &self,
            interest: $crate::io::Interest,
        ) -> std::io::Result<$crate::io::Ready> {
            Ok(self.registration().readiness(interest).await?.ready())
        }
    };
    (read $poll:ident) => {
        /// Waits until a read is worth a try. Any number of tasks may wait.
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: the readiness is kept.
        pub async fn readable(&self) -> std::io::Result<()> {
            self.ready($crate::io::Interest::READABLE).await.map(drop)
        }

        /// Waits until a read is worth a try. The last task that asked is woken.
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        pub fn $poll(
            &self,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            self.registration().poll_read_ready(cx).map_ok(drop)
        }
    };
    (write $poll:ident) => {
        /// Waits until a write is worth a try. Any number of tasks may wait.
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        ///
        /// # Cancel safety
        ///
        /// Cancel safe: the readiness is kept.
        pub async fn writable(&self) -> std::io::Result<()> {
            self.ready($crate::io::Interest::WRITABLE).await.map(drop)
        }

        /// Waits until a write is worth a try. The last task that asked is woken.
        ///
        /// # Errors
        ///
        /// The runtime has shut down.
        pub fn $poll(
            &self,
            cx: &mut std::task::Context<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            self.registration().poll_write_ready(cx).map_ok(drop)
        }
    };
}
pub(crate) use readiness;
