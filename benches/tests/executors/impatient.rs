//! Futures dropped in the middle, on purpose.

use std::{
    future::poll_fn,
    pin::pin,
    task::{Poll, ready},
};

use futures_lite::future::{poll_once, yield_now};

/// Numbers that look random and are the same in each run.
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: usize) -> Dice {
        Dice((seed as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15))
    }

    /// A number below `sides`.
    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }

    /// Awaits `future`, or gives it up: at once, after others had a turn, or when it is woken.
    pub(crate) async fn perhaps<F: Future>(&mut self, future: F) -> Option<F::Output> {
        let mut future = pin!(future);
        match self.roll(5) {
            0 => poll_once(future).await,
            1 => match poll_once(future.as_mut()).await {
                Some(output) => Some(output),
                None => {
                    yield_now().await;
                    None
                }
            },
            2 => {
                // What it was woken for is the next one's: it is dropped without having looked.
                let mut looked = false;
                poll_fn(|cx| match looked {
                    true => Poll::Ready(None),
                    false => {
                        looked = true;
                        Poll::Ready(Some(ready!(future.as_mut().poll(cx))))
                    }
                })
                .await
            }
            _ => Some(future.await),
        }
    }
}

/// A [`Dice::perhaps`] of the same future again and again, until one has not been given up.
macro_rules! until_done {
    ($dice:expr, $future:expr) => {
        loop {
            if let Some(output) = $dice.perhaps($future).await {
                break output;
            }
        }
    };
}
pub(crate) use until_done;
