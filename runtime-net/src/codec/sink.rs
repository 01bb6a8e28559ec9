//! Framed streams as sinks of frames, for the combinators of other crates.

use std::pin::Pin;
use std::task::{Context, Poll};

use futures_sink::Sink;

use super::{Encoder, Framed, FramedWrite};
use crate::io::AsyncWrite;

macro_rules! sink {
    ($framed:ident) => {
        impl<T: AsyncWrite, I, E: Encoder<I>> Sink<I> for $framed<T, E> {
            type Error = E::Error;

            fn poll_ready(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Result<(), Self::Error>> {
                $framed::poll_ready(self, cx).map_err(E::Error::from)
            }

            fn start_send(self: Pin<&mut Self>, item: I) -> Result<(), Self::Error> {
                $framed::start_send(self, item)
            }

            fn poll_flush(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Result<(), Self::Error>> {
                $framed::poll_flush(self, cx).map_err(E::Error::from)
            }

            fn poll_close(
                self: Pin<&mut Self>,
                cx: &mut Context<'_>,
            ) -> Poll<Result<(), Self::Error>> {
                $framed::poll_close(self, cx).map_err(E::Error::from)
            }
        }
    };
}

sink!(Framed);
sink!(FramedWrite);
