//! A value that is made once, by whoever needs it first.
//!
//! ```text
//!            begins to make it, or `set`             the value is written
//!   EMPTY ───────────────────────────────▶ MAKING ───────────────────────▶ FULL
//!     ▲                                     │  ▲
//!     └──── gives up, nobody is in line ────┘  └─ gives up: the first in line makes it instead
//! ```
//!
//! The right to make the value is handed over under the lock of the line, so that it is neither
//! lost nor overtaken: as long as somebody waits, `MAKING` is not left for `EMPTY`.
//!
//! # Invariants
//!
//! 1. The value is written once, by who moved the word from `EMPTY` to `MAKING` or was handed that
//!    right, before the word becomes `FULL`. Meanwhile nobody else touches it.
//! 2. The word leaves `FULL` through `&mut self` only, so a reference to the value lives no longer
//!    than the value.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::mem::MaybeUninit;
use std::ops::ControlFlow;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;

use crate::budget;
use crate::primitives::UnsafeCell;
use crate::primitives::atomic::{AtomicU8, Ordering};
use crate::primitives::const_outside_models;
use crate::wait_list::{Left, WaitList, Waited, Waiter};
use crate::wake_batch;

/// No value, and nobody makes one. Nobody is in line.
const EMPTY: u8 = 0;
/// Somebody makes the value.
const MAKING: u8 = 1;
/// The value is there, for good.
const FULL: u8 = 2;

/// A place for a value that is made once, asynchronously, by whoever needs it first.
///
/// If that one fails, panics or is cancelled, the next in line makes it. Names and meaning are
/// tokio's.
///
/// # Bad input
///
/// An initializer that asks the same cell for its value waits for itself, forever; nothing here can
/// notice that. A future of [`get_or_init`](OnceCell::get_or_init) that is leaked while it makes the
/// value, with [`std::mem::forget`], keeps everybody else waiting.
///
/// # Examples
///
/// ```
/// use filch::sync::OnceCell;
///
/// static GREETING: OnceCell<String> = OnceCell::const_new();
///
/// async fn greeting() -> &'static str {
///     GREETING.get_or_init(|| async { "hello".to_owned() }).await
/// }
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     assert_eq!(greeting().await, "hello");
///     assert!(GREETING.initialized());
/// });
/// ```
///
/// What is in it is shared between threads once it is there:
///
/// ```compile_fail
/// fn shared<T: Sync>() {}
/// shared::<filch::sync::OnceCell<std::cell::Cell<u8>>>();
/// ```
pub struct OnceCell<T> {
    state: AtomicU8,
    line: WaitList,
    value: UnsafeCell<MaybeUninit<T>>,
}

// SAFETY: a shared cell hands out `&T` (`T: Sync`), and a value that one thread puts in may be
// dropped by another one (`T: Send`).
unsafe impl<T: Send + Sync> Sync for OnceCell<T> {}
// SAFETY: it owns its value.
unsafe impl<T: Send> Send for OnceCell<T> {}

// A panic of an initializer leaves the cell empty.
impl<T: UnwindSafe> UnwindSafe for OnceCell<T> {}
impl<T: UnwindSafe + RefUnwindSafe> RefUnwindSafe for OnceCell<T> {}

/// Why [`OnceCell::set`] did not take a value, which is given back.
///
/// # Examples
///
/// ```
/// use filch::sync::{OnceCell, SetError};
///
/// let cell = OnceCell::new_with(Some(1));
/// assert_eq!(cell.set(2), Err(SetError::AlreadyInitializedError(2)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SetError<T> {
    /// There is a value.
    AlreadyInitializedError(T),
    /// Somebody makes a value at this moment.
    InitializingError(T),
}

impl<T> SetError<T> {
    /// Whether it is because there is a value.
    pub fn is_already_init_err(&self) -> bool {
        matches!(self, SetError::AlreadyInitializedError(_))
    }

    /// Whether it is because somebody makes a value at this moment.
    pub fn is_initializing_err(&self) -> bool {
        matches!(self, SetError::InitializingError(_))
    }
}

impl<T> fmt::Display for SetError<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SetError::AlreadyInitializedError(_) => "the cell has a value already",
            SetError::InitializingError(_) => "the value of the cell is being made",
        })
    }
}

impl<T: fmt::Debug> Error for SetError<T> {}

/// What a [`OnceCell`] looked like at some moment.
///
/// # Examples
///
/// ```
/// use filch::sync::OnceCell;
///
/// let stats = OnceCell::<u8>::new().stats();
/// assert_eq!((stats.waiters, stats.initializing, stats.initialized), (0, false, false));
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OnceCellStats {
    /// How many wait for the value, or for the right to make it.
    pub waiters: usize,
    /// Whether somebody was making the value.
    pub initializing: bool,
    /// Whether there was a value.
    pub initialized: bool,
}

impl<T> OnceCell<T> {
    const_outside_models! {
        /// Makes an empty cell.
        ///
        /// # Examples
        ///
        /// ```
        /// assert_eq!(filch::sync::OnceCell::<u8>::new().get(), None);
        /// ```
        pub const fn new() -> OnceCell<T> {
            OnceCell::with(EMPTY, MaybeUninit::uninit())
        }
    }

    const_outside_models! {
        /// Makes an empty cell. The same as [`new`](OnceCell::new), which is `const` as well; tokio
        /// has both.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::OnceCell;
        ///
        /// static CELL: OnceCell<u8> = OnceCell::const_new();
        /// assert!(!CELL.initialized());
        /// ```
        pub const fn const_new() -> OnceCell<T> {
            OnceCell::new()
        }
    }

    /// Makes a cell with a value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::OnceCell;
    ///
    /// assert_eq!(OnceCell::new_with(Some(1)).get(), Some(&1));
    /// ```
    pub fn new_with(value: Option<T>) -> OnceCell<T> {
        match value {
            Some(value) => OnceCell::const_new_with(value),
            None => OnceCell::new(),
        }
    }

    const_outside_models! {
        /// Makes a cell with a value.
        ///
        /// # Examples
        ///
        /// ```
        /// use filch::sync::OnceCell;
        ///
        /// static CELL: OnceCell<u8> = OnceCell::const_new_with(1);
        /// assert_eq!(CELL.get(), Some(&1));
        /// ```
        pub const fn const_new_with(value: T) -> OnceCell<T> {
            OnceCell::with(FULL, MaybeUninit::new(value))
        }
    }

    const_outside_models! {
        const fn with(state: u8, value: MaybeUninit<T>) -> OnceCell<T> {
            let state = AtomicU8::new(state);
            OnceCell { state, line: WaitList::new(), value: UnsafeCell::new(value) }
        }
    }

    /// Whether there is a value.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(filch::sync::OnceCell::from(1).initialized());
    /// ```
    #[inline]
    pub fn initialized(&self) -> bool {
        // Pairs with the store in `fill`: the value is whole.
        self.state.load(Ordering::Acquire) == FULL
    }

    /// The value, if there is one: a single load.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::OnceCell::from(1).get(), Some(&1));
    /// ```
    #[inline]
    pub fn get(&self) -> Option<&T> {
        if !self.initialized() {
            return None;
        }
        let value = self.value.with(|value| {
            // SAFETY: the word is `FULL`: by invariant 2 nobody writes while `self` is borrowed.
            unsafe { &*value }
        });
        // SAFETY: invariant 1, and the load of the word has seen that it was written.
        Some(unsafe { value.assume_init_ref() })
    }

    /// The value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut cell = filch::sync::OnceCell::from(1);
    /// *cell.get_mut().unwrap() += 1;
    /// assert_eq!(cell.get(), Some(&2));
    /// ```
    pub fn get_mut(&mut self) -> Option<&mut T> {
        if !self.initialized() {
            return None;
        }
        let value = self.value.with_mut(|value| {
            // SAFETY: `self` is borrowed exclusively, as long as the result.
            unsafe { &mut *value }
        });
        // SAFETY: the word is `FULL`, invariant 1.
        Some(unsafe { value.assume_init_mut() })
    }

    /// Puts a value in.
    ///
    /// # Errors
    ///
    /// Gives the value back if there is one already, or if somebody makes one at this moment.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::OnceCell;
    ///
    /// let cell = OnceCell::new();
    /// assert_eq!(cell.set(1), Ok(()));
    /// assert!(cell.set(2).unwrap_err().is_already_init_err());
    /// ```
    pub fn set(&self, value: T) -> Result<(), SetError<T>> {
        match self.try_begin() {
            EMPTY => {
                self.fill(value);
                Ok(())
            }
            MAKING => Err(SetError::InitializingError(value)),
            _ => Err(SetError::AlreadyInitializedError(value)),
        }
    }

    /// The value; if there is none, `make` makes it, unless somebody does so already.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `make`; the next one who asks makes the value. Passes on the first panic
    /// of a waker, after all have been woken.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the one that `make` returned; the next in line makes the value.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::OnceCell;
    ///
    /// runtime_sync::block_on(async {
    ///     let cell = OnceCell::new();
    ///     assert_eq!(cell.get_or_init(|| async { 1 }).await, &1);
    ///     assert_eq!(cell.get_or_init(|| async { 2 }).await, &1);
    /// });
    /// ```
    pub async fn get_or_init<F, Fut>(&self, make: F) -> &T
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = T>,
    {
        let made = self.get_or_try_init(|| async { Ok::<T, Infallible>(make().await) }).await;
        match made {
            Ok(value) => value,
            Err(never) => match never {},
        }
    }

    /// The value; if there is none, `make` tries to make it, unless somebody does so already.
    ///
    /// # Errors
    ///
    /// That of `make`. The cell stays empty then, and the next one who asks tries.
    ///
    /// # Panics
    ///
    /// Like [`get_or_init`](OnceCell::get_or_init).
    ///
    /// # Cancel safety
    ///
    /// Like [`get_or_init`](OnceCell::get_or_init).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::OnceCell;
    ///
    /// runtime_sync::block_on(async {
    ///     let cell = OnceCell::new();
    ///     assert_eq!(cell.get_or_try_init(|| async { Err("not yet") }).await, Err("not yet"));
    ///     assert_eq!(cell.get_or_try_init(|| async { Ok::<_, &str>(1) }).await, Ok(&1));
    /// });
    /// ```
    pub async fn get_or_try_init<E, F, Fut>(&self, make: F) -> Result<&T, E>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<T, E>>,
    {
        budget::consume_budget().await;
        if let Some(value) = self.get() {
            return Ok(value);
        }
        let right = Asking { waiter: self.line.waiter(), cell: self }.await;
        if let Some(right) = right {
            // If this fails or panics, or is dropped, so is the right, which hands it on.
            right.fill(make().await?);
        }
        Ok(self.get().expect("the value was made"))
    }

    /// The value, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::OnceCell::from(1).into_inner(), Some(1));
    /// ```
    pub fn into_inner(mut self) -> Option<T> {
        self.take()
    }

    /// Takes the value out, if there is one, and leaves the cell empty.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut cell = filch::sync::OnceCell::from(1);
    /// assert_eq!(cell.take(), Some(1));
    /// assert_eq!(cell.take(), None);
    /// ```
    pub fn take(&mut self) -> Option<T> {
        if !self.initialized() {
            return None;
        }
        // Relaxed: `&mut self` proves that nobody else is there.
        self.state.store(EMPTY, Ordering::Relaxed);
        self.value.with_mut(|value| {
            // SAFETY: as above.
            let value = unsafe { &mut *value };
            // SAFETY: the word was `FULL`, invariant 1. It is `EMPTY` now, so nobody reads it again.
            Some(unsafe { value.assume_init_read() })
        })
    }

    /// What it looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(filch::sync::OnceCell::from(1).stats().initialized);
    /// ```
    pub fn stats(&self) -> OnceCellStats {
        let waiters = self.line.lock().len();
        let state = self.state.load(Ordering::Relaxed);
        OnceCellStats { waiters, initializing: state == MAKING, initialized: state == FULL }
    }

    /// Takes the right to make the value if nobody has it. Returns what the word was: if it was
    /// `EMPTY`, the caller has the right.
    fn try_begin(&self) -> u8 {
        // Acquire pairs with `fill` if there is a value, and with `give_up` if there was an attempt.
        let order = Ordering::Acquire;
        self.state.compare_exchange(EMPTY, MAKING, order, order).unwrap_or_else(|now| now)
    }

    /// Puts the value in and wakes everybody. The caller has the right to.
    fn fill(&self, value: T) {
        self.value.with_mut(|place| {
            // SAFETY: invariant 1, this thread has the right.
            let place = unsafe { &mut *place };
            place.write(value);
        });
        // Pairs with the loads in `initialized` and `try_begin`.
        self.state.store(FULL, Ordering::Release);
        self.line.wake_all();
    }

    /// Hands the right to the first in line, or lays it down.
    fn give_up(&self) {
        let mut line = self.line.lock();
        let next = line.pop_front();
        if next.is_none() {
            // Pairs with `try_begin`: who makes the value next sees what this one did.
            self.state.store(EMPTY, Ordering::Release);
        }
        drop(line);
        if let Some(Some(waker)) = next {
            wake_batch::wake(waker);
        }
    }
}

/// The right to make the value.
struct Right<'a, T> {
    cell: &'a OnceCell<T>,
}

impl<T> Right<'_, T> {
    fn fill(self, value: T) {
        let cell = self.cell;
        std::mem::forget(self);
        cell.fill(value);
    }
}

impl<T> Drop for Right<'_, T> {
    fn drop(&mut self) {
        self.cell.give_up();
    }
}

pin_project! {
    /// Waits for the value, or for the right to make it.
    struct Asking<'a, T> {
        #[pin]
        waiter: Waiter<'a, ()>,
        cell: &'a OnceCell<T>,
    }

    impl<T> PinnedDrop for Asking<'_, T> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            // One alone is chosen to be handed the right. By the value all are released.
            if let Left::Chosen(()) = this.waiter.leave() {
                this.cell.give_up();
            }
        }
    }
}

impl<'a, T> Future for Asking<'a, T> {
    type Output = Option<Right<'a, T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Right<'a, T>>> {
        let this = self.project();
        let cell = *this.cell;
        let waited = this.waiter.poll_wait(cx, |_| match cell.try_begin() {
            EMPTY => ControlFlow::Break(Some(Right { cell })),
            MAKING => ControlFlow::Continue(()),
            _ => ControlFlow::Break(None),
        });
        Poll::Ready(match ready!(waited) {
            Waited::Never(right) => right,
            Waited::Woken(()) if cell.initialized() => None,
            // Not by the value: the word is still `MAKING`, for this one.
            Waited::Woken(()) => Some(Right { cell }),
        })
    }
}

impl<T> Drop for OnceCell<T> {
    fn drop(&mut self) {
        drop(self.take());
    }
}

impl<T> Default for OnceCell<T> {
    fn default() -> OnceCell<T> {
        OnceCell::new()
    }
}

impl<T> From<T> for OnceCell<T> {
    fn from(value: T) -> OnceCell<T> {
        OnceCell::const_new_with(value)
    }
}

impl<T: Clone> Clone for OnceCell<T> {
    fn clone(&self) -> OnceCell<T> {
        OnceCell::new_with(self.get().cloned())
    }
}

impl<T: PartialEq> PartialEq for OnceCell<T> {
    fn eq(&self, other: &OnceCell<T>) -> bool {
        self.get() == other.get()
    }
}

impl<T: Eq> Eq for OnceCell<T> {}

impl<T: fmt::Debug> fmt::Debug for OnceCell<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnceCell").field("value", &self.get()).finish()
    }
}
