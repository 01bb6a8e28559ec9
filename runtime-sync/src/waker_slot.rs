//! A place for one waker that may be set and taken at the same time.
//!
//! # Invariants
//!
//! The word of state says who may touch the cell:
//!
//! ```text
//!            register
//!   EMPTY ─────────────▶ REGISTERING ─────────┐
//!     ▲                   ▲                   │ the waker is in
//!     │                   │ register          ▼
//!     │                   └───────────────── SET
//!     │   the waker is out                    │ take
//!     └───────────────────────────── TAKING ◀─┘
//! ```
//!
//! 1. In `REGISTERING` and in `TAKING` only the thread that moved the word there touches the cell;
//!    otherwise nobody does.
//! 2. The cell holds a waker in `SET` and on entering `TAKING`, and none in `EMPTY`.
//!
//! # Why no wake is lost
//!
//! A registrant registers, then looks whether what it waits for has come. A taker makes it come,
//! then takes. `register` ends with a sequentially consistent fence and `take` begins with one.
//! If the registrant's fence is the later one, its look sees what the taker did, whatever the
//! taker found. If the taker's fence is the later one, the taker finds `SET` as the registrant left
//! it, or what came after:
//!
//! - `SET`: it takes the waker;
//! - `TAKING` or `EMPTY`: another taker has the waker and wakes the task, and the look of the poll
//!   that follows comes after a later fence;
//! - `REGISTERING`: that poll is there already.
//!
//! A registrant that finds `TAKING` cannot leave its waker, and wakes it at once instead.
//!
//! So a taker never leaves a word behind unless there is a waker to take, and `take` on an empty
//! slot is a fence and a load. That costs as much as one read-modify-write on an uncontended word,
//! but many threads that find nobody waiting do not take the cache line away from each other.

use std::fmt;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::task::Waker;

use crate::panics::contain;
use crate::primitives::UnsafeCell;
use crate::primitives::atomic::{AtomicU32, Ordering, fence};
use crate::primitives::const_outside_models;
use crate::wake_batch;

/// No waker is there, and nobody is at the cell.
const EMPTY: u32 = 0;
/// A waker is there, and nobody is at the cell.
const SET: u32 = 1;
/// A registrant is at the cell.
const REGISTERING: u32 = 2;
/// A taker is at the cell.
const TAKING: u32 = 3;

/// A place for one waker that may be set and taken at the same time.
///
/// One task waits, any number of threads wake it. The task [registers](WakerSlot::register) its
/// waker and *then* looks whether it still has to wait; the others make the thing happen and
/// *then* [wake](WakerSlot::wake). In that order no wake is lost.
///
/// Nobody ever waits for anybody here, so wakers may call back into their own slot.
///
/// # Examples
///
/// ```
/// use runtime_sync::waker_slot::WakerSlot;
/// use std::future::poll_fn;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use std::task::Poll;
///
/// static DONE: AtomicBool = AtomicBool::new(false);
/// static WAITING: WakerSlot = WakerSlot::new();
///
/// let thread = std::thread::spawn(|| {
///     DONE.store(true, Ordering::Release);
///     WAITING.wake();
/// });
/// runtime_sync::block_on(poll_fn(|cx| {
///     WAITING.register(cx.waker());
///     match DONE.load(Ordering::Acquire) {
///         true => Poll::Ready(()),
///         false => Poll::Pending,
///     }
/// }));
/// # thread.join().unwrap();
/// ```
pub struct WakerSlot {
    state: AtomicU32,
    waker: UnsafeCell<Option<Waker>>,
}

// SAFETY: by invariant 1 one thread at a time touches the cell, and a `Waker` is `Send`.
unsafe impl Sync for WakerSlot {}

// The state is put right by guards when a waker panics.
impl UnwindSafe for WakerSlot {}
impl RefUnwindSafe for WakerSlot {}

impl WakerSlot {
    const_outside_models! {
        /// Makes an empty slot.
        pub const fn new() -> WakerSlot {
            WakerSlot { state: AtomicU32::new(EMPTY), waker: UnsafeCell::new(None) }
        }
    }

    /// Leaves `waker` here, in place of the one before, until somebody takes it.
    ///
    /// The caller must look at what it waits for *after* this call. If the waker that is here
    /// [would wake](Waker::will_wake) the same task, it stays and nothing is cloned.
    ///
    /// The slot is made for one task. If two register at the same time, the one that comes second
    /// is woken at once instead.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker's clone, or of the drop of the one before. The slot is
    /// usable afterwards; if the clone panics, the waker before is woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::waker_slot::WakerSlot;
    /// use std::task::Waker;
    ///
    /// let slot = WakerSlot::new();
    /// slot.register(Waker::noop());
    /// assert!(slot.take().is_some());
    /// ```
    pub fn register(&self, waker: &Waker) {
        if !self.begin_register() {
            // Somebody takes at this moment, which may or may not be what this task waits for, or
            // another one registers. The next poll will know more.
            waker.wake_by_ref();
            return;
        }
        let registration = Registration { slot: self };
        let replaced = registration.replace(waker);
        registration.finish();
        // Foreign code: only now, with nobody at the cell.
        drop(replaced);
    }

    /// Takes the waker out, if there is one.
    ///
    /// If `None` comes back, the task sees what the caller did before this call when it looks the
    /// next time: it has not registered yet or is about to look, or somebody else wakes it.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::waker_slot::WakerSlot;
    ///
    /// let slot = WakerSlot::new();
    /// assert!(slot.take().is_none());
    /// ```
    #[inline]
    pub fn take(&self) -> Option<Waker> {
        // Pairs with the fence in `Registration::finish`; see the head of the file.
        fence(Ordering::SeqCst);
        match self.state.load(Ordering::Relaxed) {
            SET => self.take_out(),
            _ => None,
        }
    }

    /// Takes the waker, if there is one, and wakes it.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker. The slot is usable afterwards.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::waker_slot::WakerSlot;
    /// use std::task::Waker;
    ///
    /// let slot = WakerSlot::new();
    /// slot.register(Waker::noop());
    /// slot.wake();
    /// assert!(slot.take().is_none());
    /// ```
    #[inline]
    pub fn wake(&self) {
        if let Some(waker) = self.take() {
            wake_batch::wake(waker);
        }
    }

    /// Takes the waker, if there is one, and drops it. A panic of it stays inside: nobody waits here any
    /// more, and whoever lets go may have a value in hand that was waited for.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::waker_slot::WakerSlot;
    /// use std::task::Waker;
    ///
    /// let slot = WakerSlot::new();
    /// slot.register(Waker::noop());
    /// slot.let_go();
    /// assert!(slot.take().is_none());
    /// ```
    pub fn let_go(&self) {
        if let Some(waker) = self.take() {
            contain(|| drop(waker));
        }
    }

    /// The rest of `take`, once there seemed to be a waker.
    fn take_out(&self) -> Option<Waker> {
        // Acquire pairs with the release in `Registration::leave`: the waker in the cell is whole.
        // Release pairs with the acquire in `begin_register`: a registrant that finds `TAKING` sees
        // what this thread did before.
        self.state.compare_exchange(SET, TAKING, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        let waker = self.waker.with_mut(|cell| {
            // SAFETY: invariant 1, this thread is the taker.
            unsafe { (*cell).take() }
        });
        // Pairs with the acquire in `begin_register`: the next registrant finds the cell at rest.
        self.state.swap(EMPTY, Ordering::Release);
        waker
    }

    /// Tries to become the registrant.
    fn begin_register(&self) -> bool {
        let mut seen = self.state.load(Ordering::Relaxed);
        loop {
            // A stale value of the load above is found out by the exchange, which must happen even
            // if this thread cannot register: its acquire pairs with the releases in `take_out`,
            // so that the poll that follows sees what the taker did.
            let next = match seen {
                EMPTY | SET => REGISTERING,
                busy => busy,
            };
            match self.state.compare_exchange(seen, next, Ordering::AcqRel, Ordering::Relaxed) {
                Ok(EMPTY | SET) => return true,
                Ok(_) => return false,
                Err(now) => seen = now,
            }
        }
    }
}

/// The right to the cell while the state is `REGISTERING`.
struct Registration<'a> {
    slot: &'a WakerSlot,
}

impl Registration<'_> {
    /// Puts a clone of `waker` into the cell unless what is there is as good. Returns what was.
    fn replace(&self, waker: &Waker) -> Option<Waker> {
        let present = self.slot.waker.with(|cell| {
            // SAFETY: invariant 1, this thread is the registrant. The comparison calls nobody.
            unsafe { (*cell).as_ref().is_some_and(|present| present.will_wake(waker)) }
        });
        if present {
            return None;
        }
        // Foreign code, with no access to the cell open: it may panic or call back.
        let waker = waker.clone();
        self.slot.waker.with_mut(|cell| {
            // SAFETY: as above.
            unsafe { (*cell).replace(waker) }
        })
    }

    /// Gives the cell back with a waker in it.
    fn finish(self) {
        self.leave(SET);
        // Pairs with the fence in `take`; see the head of the file.
        fence(Ordering::SeqCst);
        std::mem::forget(self);
    }

    fn leave(&self, state: u32) {
        // Pairs with the acquire in `take_out`, which finds the waker whole, and with the one in
        // `begin_register`.
        self.slot.state.swap(state, Ordering::Release);
    }
}

impl Drop for Registration<'_> {
    /// The clone of the new waker has panicked, and the one before may still be here. Nobody is
    /// going to look whether its wake came meanwhile, so it is woken.
    fn drop(&mut self) {
        let before = self.slot.waker.with_mut(|cell| {
            // SAFETY: invariant 1, this thread is the registrant.
            unsafe { (*cell).take() }
        });
        self.leave(EMPTY);
        if let Some(waker) = before {
            wake_batch::wake(waker);
        }
    }
}

impl Drop for WakerSlot {
    /// As [`let_go`](WakerSlot::let_go).
    #[inline]
    fn drop(&mut self) {
        // Relaxed, and no fence: nobody else has the slot any more.
        if self.state.load(Ordering::Relaxed) == SET
            && let Some(waker) = self.take_out()
        {
            contain(|| drop(waker));
        }
    }
}

impl Default for WakerSlot {
    fn default() -> WakerSlot {
        WakerSlot::new()
    }
}

impl fmt::Debug for WakerSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state.load(Ordering::Relaxed) {
            EMPTY => "empty",
            SET => "set",
            REGISTERING => "registering",
            _ => "taking",
        };
        f.debug_tuple("WakerSlot").field(&format_args!("{state}")).finish()
    }
}
