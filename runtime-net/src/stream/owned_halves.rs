//! The halves that own a stream together: a reader and a writer in two tasks.

/// `OwnedReadHalf`, `OwnedWriteHalf` and `ReuniteError` of a type that has a `stream`. The literal is
/// what the examples need and do not show: a `stream` and its `peer`, in an `async fn main`.
macro_rules! owned_halves {
    ($stream:ident, $address:ty, $setup:literal) => {
        #[doc = concat!("The half of a [`", stringify!($stream), "`] that reads, see [`", stringify!($stream), "::into_split`].")]
        #[derive(Debug)]
        pub struct OwnedReadHalf(Arc<$stream>);

        #[doc = concat!("The half of a [`", stringify!($stream), "`] that writes, see [`", stringify!($stream), "::into_split`].")]
        ///
        /// Dropping it tells the peer that nothing more will come;
        /// [`forget`](OwnedWriteHalf::forget) drops it without.
        #[derive(Debug)]
        pub struct OwnedWriteHalf(Arc<$stream>, OnDrop);

        /// What dropping the write half does.
        #[derive(Debug, PartialEq)]
        enum OnDrop {
            ShutDown,
            Nothing,
        }

        pub(super) fn split(stream: $stream) -> (OwnedReadHalf, OwnedWriteHalf) {
            let stream = Arc::new(stream);
            (OwnedReadHalf(stream.clone()), OwnedWriteHalf(stream, OnDrop::ShutDown))
        }

        fn reunite(
            read: OwnedReadHalf,
            mut write: OwnedWriteHalf,
        ) -> Result<$stream, ReuniteError> {
            if !Arc::ptr_eq(&read.0, &write.0) {
                return Err(ReuniteError(read, write));
            }
            write.1 = OnDrop::Nothing;
            drop(write);
            Ok(Arc::into_inner(read.0).expect("a stream has two halves"))
        }

        impl OwnedReadHalf {
            $crate::stream::pass_on!(both $stream $address);
            $crate::stream::pass_on!(read $stream);

            /// Puts both halves together again.
            ///
            /// # Errors
            ///
            /// They are halves of different streams, and both are given back.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = $setup]
            /// let (read, write) = stream.into_split();
            /// let stream = read.reunite(write).unwrap();
            /// # Ok(())
            /// # }
            /// ```
            pub fn reunite(self, other: OwnedWriteHalf) -> Result<$stream, ReuniteError> {
                reunite(self, other)
            }
        }

        impl OwnedWriteHalf {
            $crate::stream::pass_on!(both $stream $address);
            $crate::stream::pass_on!(write $stream);

            /// Puts both halves together again.
            ///
            /// # Errors
            ///
            /// They are halves of different streams, and both are given back.
            pub fn reunite(self, other: OwnedReadHalf) -> Result<$stream, ReuniteError> {
                reunite(other, self)
            }

            /// Drops this half without telling the peer anything.
            ///
            /// # Examples
            ///
            /// ```
            #[doc = $setup]
            /// let (read, write) = stream.into_split();
            /// write.forget();
            /// // The peer may still be told something by other means, or the stream closed by `read`.
            /// # Ok(())
            /// # }
            /// ```
            pub fn forget(mut self) {
                self.1 = OnDrop::Nothing;
            }

            fn shut_down(&mut self) -> std::io::Result<()> {
                let outcome = self.0.stream.shut_down_write();
                if outcome.is_ok() {
                    self.1 = OnDrop::Nothing;
                }
                outcome
            }
        }

        impl Drop for OwnedWriteHalf {
            fn drop(&mut self) {
                if self.1 == OnDrop::ShutDown {
                    // An error means that there is nobody to be told.
                    let _ = self.0.stream.shut_down_write();
                }
            }
        }

        $crate::stream::stream_traits!(read OwnedReadHalf, this => this.0.stream);
        $crate::stream::stream_traits!(
            write OwnedWriteHalf, this => this.0.stream, this.shut_down()
        );

        impl AsRef<$stream> for OwnedReadHalf {
            fn as_ref(&self) -> &$stream {
                &self.0
            }
        }

        impl AsRef<$stream> for OwnedWriteHalf {
            fn as_ref(&self) -> &$stream {
                &self.0
            }
        }

        /// The halves belong to different streams. Both are in here.
        #[derive(Debug)]
        pub struct ReuniteError(pub OwnedReadHalf, pub OwnedWriteHalf);

        impl fmt::Display for ReuniteError {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("tried to reunite halves that are not from the same socket")
            }
        }

        impl Error for ReuniteError {}
    };
}
pub(crate) use owned_halves;
