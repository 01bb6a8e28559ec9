//! What every guard is made of: permits that go back when it is dropped.
//!
//! A guard is a [`Held`] and a way to the data. The [`Share`] inside of it leads to the permits
//! (a borrowed lock, an owned one, or the permits themselves if the lock's type is forgotten) and
//! says how many of them make the guard. So taking, trying, giving back, mapping and downgrading
//! are written once for all guards.
//!
//! # Invariants
//!
//! 1. While a `Held` exists, as many permits as its share says are taken for it.
//! 2. A share always leads to the same permits, and always says the same number.

use std::mem::ManuallyDrop;
use std::ptr;

use super::permits::Permits;
use crate::first_try::first_try;

/// A way to some permits, and a number of them.
pub trait Share {
    fn permits(&self) -> &Permits;
    fn count(&self) -> usize;

    /// How many are free as long as nobody holds any: just these, if who holds them holds all. Tries
    /// begin with the guess that it is so.
    #[inline(always)]
    fn all(&self) -> usize {
        self.count()
    }
}

/// The one permit itself, for guards that forgot what it belongs to.
impl Share for &Permits {
    #[inline(always)]
    fn permits(&self) -> &Permits {
        self
    }

    #[inline(always)]
    fn count(&self) -> usize {
        1
    }
}

/// A share whose permits are taken, until this is dropped.
pub struct Held<S: Share>(S);

impl<S: Share> Held<S> {
    /// Waits for the permits in line, and makes a guard of them.
    #[inline(always)]
    pub fn take<G>(share: S, guard: impl FnOnce(Held<S>) -> G) -> impl Future<Output = G> {
        first_try(
            (share, guard),
            |(share, _)| {
                share.permits().acquire_now_guessing(share.count(), share.all()).then_some(())
            },
            |(share, guard), ()| guard(Held(share)),
            |(share, guard)| async move {
                let waited = share.permits().acquire(share.count()).await;
                waited.expect("no lock closes its permits");
                guard(Held(share))
            },
        )
    }

    /// Takes the permits if they are free.
    #[inline]
    pub fn try_take(share: S) -> Option<Held<S>> {
        match share.permits().try_acquire_guessing(share.count(), share.all()) {
            Ok(()) => Some(Held(share)),
            Err(_) => None,
        }
    }

    #[inline(always)]
    pub fn share(&self) -> &S {
        &self.0
    }

    /// Gives the permits back and keeps the way to them.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker of whoever gets them; they are given back all the same.
    pub fn give_back(self) -> S {
        let share = self.into_share();
        share.permits().give_back(share.count());
        share
    }

    /// Holds the same permits by another share.
    #[inline(always)]
    pub fn by<Z: Share>(self, other: impl FnOnce(S) -> Z) -> Held<Z> {
        Held(other(self.into_share()))
    }

    /// Holds some of the permits by another share. The caller gives the rest back.
    #[inline(always)]
    pub fn less<Z: Share>(self, other: impl FnOnce(S) -> Z) -> Held<Z> {
        Held(other(self.into_share()))
    }

    /// The share alone. Its permits stay taken, and nobody gives them back but the caller.
    #[inline(always)]
    fn into_share(self) -> S {
        let held = ManuallyDrop::new(self);
        // SAFETY: what is read is neither used nor dropped where it was.
        unsafe { ptr::read(&held.0) }
    }
}

impl<S: Share> Drop for Held<S> {
    #[inline]
    fn drop(&mut self) {
        self.0.permits().give_back(self.0.count());
    }
}

/// Shows a guard as what it guards.
macro_rules! shown_as_data {
    ([$($generics:tt)*] $guard:ty => $data:ty) => {
        impl<$($generics)*> ::std::fmt::Debug for $guard
        where
            $data: ::std::fmt::Debug,
        {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Debug::fmt(&**self, f)
            }
        }

        impl<$($generics)*> ::std::fmt::Display for $guard
        where
            $data: ::std::fmt::Display,
        {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                ::std::fmt::Display::fmt(&**self, f)
            }
        }
    };
}

pub(super) use shown_as_data;
