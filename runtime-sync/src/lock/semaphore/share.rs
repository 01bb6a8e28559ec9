//! A share of a semaphore's permits, given back when it is dropped: what both kinds of permit are.

use std::ops::Deref;

use super::{AcquireError, Semaphore};
use crate::first_try::first_try;

/// So many permits, held by way of `S`.
#[derive(Debug)]
pub(super) struct Share<S: Deref<Target = Semaphore>> {
    semaphore: S,
    /// More than a `u32` may come together by merging.
    count: usize,
}

impl<S: Deref<Target = Semaphore>> Share<S> {
    /// Permits that were just taken.
    #[inline]
    pub(super) fn new(semaphore: S, count: u32) -> Share<S> {
        Share { semaphore, count: count as usize }
    }

    /// Waits for so many permits, and makes of them what is given out.
    #[inline(always)]
    pub(super) fn take<P>(
        semaphore: S,
        count: impl Fn() -> u32,
        permit: impl FnOnce(Share<S>) -> P,
    ) -> impl Future<Output = Result<P, AcquireError>> {
        first_try(
            (semaphore, count, permit),
            |(semaphore, count, _)| semaphore.permits.acquire_now(count() as usize).then_some(()),
            |(semaphore, count, permit), ()| Ok(permit(Share::new(semaphore, count()))),
            |(semaphore, count, permit)| async move {
                semaphore.permits.acquire(count() as usize).await?;
                Ok(permit(Share::new(semaphore, count())))
            },
        )
    }

    pub(super) fn semaphore(&self) -> &S {
        &self.semaphore
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    /// Keeps the permits from being given back.
    pub(super) fn forget(&mut self) {
        self.count = 0;
    }

    #[track_caller]
    pub(super) fn merge(&mut self, mut other: Share<S>) {
        assert!(
            std::ptr::eq(&*self.semaphore, &*other.semaphore),
            "permits of different semaphores cannot be merged"
        );
        self.count += std::mem::take(&mut other.count);
    }

    pub(super) fn split(&mut self, count: usize) -> Option<Share<S>>
    where
        S: Clone,
    {
        if count > self.count {
            return None;
        }
        // The clone of an `Arc` may abort, but does not unwind.
        let semaphore = self.semaphore.clone();
        self.count -= count;
        Some(Share { semaphore, count })
    }
}

impl<S: Deref<Target = Semaphore>> Drop for Share<S> {
    #[inline]
    fn drop(&mut self) {
        if self.count > 0 {
            self.semaphore.permits.release(self.count);
        }
    }
}
