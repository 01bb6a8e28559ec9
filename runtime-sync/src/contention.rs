//! `Padded` and `Backoff`: be kind to the other cores.

use std::cell::Cell;
use std::fmt;
use std::ops::{Deref, DerefMut};

use crate::primitives::{hint, thread};

/// A value that shares no cache line with its neighbours.
///
/// Two threads that write to two neighbouring words take the line away from each other at each
/// write. The alignment is 128 bytes, because x86 prefetches lines in pairs and because some
/// aarch64 cores have lines of that size.
///
/// # Examples
///
/// ```
/// use runtime_sync::contention::Padded;
///
/// let counters = [Padded::new(1), Padded::new(2)];
/// assert_eq!(*counters[0] + *counters[1], 3);
/// assert_eq!(size_of_val(&counters), 256);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
#[repr(align(128))]
pub struct Padded<T>(T);

impl<T> Padded<T> {
    /// Gives `value` cache lines of its own.
    pub const fn new(value: T) -> Padded<T> {
        Padded(value)
    }

    /// Takes the value out.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Padded<T> {
    type Target = T;
    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Padded<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: fmt::Debug> fmt::Debug for Padded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// How long to stay away from a word that others are busy with; longer at each step.
///
/// [`spin`](Backoff::spin) is for a failed exchange: whoever won has already made progress.
/// [`snooze`](Backoff::snooze) is for waiting until another thread does something: that thread
/// may need this very core, so after a while the core is given away. Once
/// [`is_completed`](Backoff::is_completed) says so, waiting in a loop is no longer worth it and
/// the caller should park.
///
/// # Examples
///
/// ```
/// use runtime_sync::contention::Backoff;
/// use std::sync::atomic::{AtomicU32, Ordering};
///
/// fn double(word: &AtomicU32) -> u32 {
///     let backoff = Backoff::new();
///     let mut seen = word.load(Ordering::Relaxed);
///     loop {
///         match word.compare_exchange(seen, seen * 2, Ordering::Relaxed, Ordering::Relaxed) {
///             Ok(_) => return seen * 2,
///             Err(now) => seen = now,
///         }
///         backoff.spin();
///     }
/// }
///
/// assert_eq!(double(&AtomicU32::new(21)), 42);
/// ```
#[derive(Debug, Default)]
pub struct Backoff {
    step: Cell<u32>,
}

impl Backoff {
    /// Up to this step the thread spins, 2^step times; that is under half a microsecond.
    const SPIN_MAX: u32 = 6;
    /// Past this step waiting is not worth it any more.
    const STEP_MAX: u32 = 10;

    /// Starts with the shortest step.
    pub const fn new() -> Backoff {
        Backoff { step: Cell::new(0) }
    }

    /// Spins for a moment, and longer the next time, but never gives the core away.
    #[inline]
    pub fn spin(&self) {
        let step = self.step.get().min(Backoff::SPIN_MAX);
        hint::spin(1 << step);
        if self.step.get() <= Backoff::SPIN_MAX {
            self.step.set(self.step.get() + 1);
        }
    }

    /// Spins for a moment; after some steps it gives the core to another thread instead.
    #[inline]
    pub fn snooze(&self) {
        let step = self.step.get();
        if step <= Backoff::SPIN_MAX {
            hint::spin(1 << step);
        } else {
            thread::yield_now();
        }
        if step <= Backoff::STEP_MAX {
            self.step.set(step + 1);
        }
    }

    /// Whether it is time to park instead.
    #[inline]
    pub fn is_completed(&self) -> bool {
        self.step.get() > Backoff::STEP_MAX
    }
}
