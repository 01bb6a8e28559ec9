//! Where the data of a guard lies: pointers that behave like references, but end with the guard.
//!
//! A guard cannot keep a real reference: the compiler takes a reference in an argument to be valid
//! until the function returns, and a guard may be dropped, and its lock given to somebody else,
//! before that.
//!
//! # Invariants
//!
//! 1. The pointer leads to data that lives, and may be reached like this, while the permits are
//!    held that lie beside it in the same guard.

use std::marker::PhantomData;
use std::ptr::NonNull;

/// Leads to data that others may read as well.
pub(super) struct Shared<T: ?Sized>(NonNull<T>);

// SAFETY: like `&T`, which may go to another thread if it may be used from two.
unsafe impl<T: ?Sized + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Sync> Sync for Shared<T> {}

impl<T: ?Sized> Shared<T> {
    pub(super) fn new(data: &T) -> Shared<T> {
        Shared(NonNull::from(data))
    }

    /// # Safety
    ///
    /// The permits beside it are held while the result is in use.
    #[inline(always)]
    pub(super) unsafe fn get(&self) -> &T {
        // SAFETY: invariant 1, and the caller's promise.
        unsafe { self.0.as_ref() }
    }
}

/// Leads to data that nobody else reaches.
pub(super) struct Exclusive<T: ?Sized> {
    data: NonNull<T>,
    /// Written through, so it must not become one to a shorter-lived type.
    _invariant: PhantomData<*mut T>,
}

// SAFETY: like `&mut T`, which may go to another thread if the data may.
unsafe impl<T: ?Sized + Send> Send for Exclusive<T> {}
// SAFETY: a shared one gives `&T` only.
unsafe impl<T: ?Sized + Sync> Sync for Exclusive<T> {}

impl<T: ?Sized> Exclusive<T> {
    pub(super) fn new(data: &mut T) -> Exclusive<T> {
        Exclusive { data: NonNull::from(data), _invariant: PhantomData }
    }

    /// # Safety
    ///
    /// The permits beside it are held while the result is in use.
    #[inline(always)]
    pub(super) unsafe fn get(&self) -> &T {
        // SAFETY: invariant 1, and the caller's promise.
        unsafe { self.data.as_ref() }
    }

    /// # Safety
    ///
    /// The permits beside it are held while the result is in use.
    #[inline(always)]
    pub(super) unsafe fn get_mut(&mut self) -> &mut T {
        // SAFETY: invariant 1, and the caller's promise.
        unsafe { self.data.as_mut() }
    }
}
