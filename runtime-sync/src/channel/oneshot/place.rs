//! The one allocation of a channel, and the two ends that hold it.
//!
//! # Invariants
//!
//! 1. The place is alive as long as one of the flags `SENDER_GONE` and `RECEIVER_GONE` is missing.
//!    An end that finds the other's flag is the only one left, and frees the place; an end that
//!    sets its own flag never touches the place again.
//! 2. The value's cell belongs to the sender until `SENT` is set, and to the receiver from then on.
//! 3. A waker's cell is written by its own end, and only while its `WAITS` flag is down. With the
//!    flag up the waker belongs to the word: whoever takes the flag down by an exchange owns it.
//!
//! # Reading a waker before owning it
//!
//! An end that goes must not touch the place after the exchange by which it goes (invariant 1), but
//! owns the other's waker only after it (invariant 3). So it reads the cell before, and uses what
//! it has read only if the exchange succeeds. The cell is a pair of atomics, so that this read may
//! meet a write. That what was read is the waker of that very word follows from the version: the
//! acquire of the word makes the pair visible that was put in before, and a later pair is put in
//! only after the flag was taken down, which changes the version, after which the exchange fails.

use std::fmt;
use std::mem::{self, ManuallyDrop, MaybeUninit};
use std::ptr::NonNull;
use std::task::{Context, Poll, RawWakerVTable, Waker};

use super::state::{RECEIVER_WAITS, SENDER_WAITS, Snapshot, State};
use crate::panics::LetGo;
use crate::primitives::UnsafeCell;
use crate::primitives::atomic::{AtomicPtr, Ordering};
use crate::wake_batch;

struct Place<T> {
    state: State,
    sender: WakerCell,
    receiver: WakerCell,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// The sender's hold on the place.
pub(super) struct SenderEnd<T>(NonNull<Place<T>>);

/// The receiver's hold on the place.
pub(super) struct ReceiverEnd<T>(NonNull<Place<T>>);

// SAFETY: the value moves to the receiver's thread (`T: Send`), and wakers are `Send` and `Sync`.
unsafe impl<T: Send> Send for SenderEnd<T> {}
// SAFETY: as above, and a shared end gives access to the word only.
unsafe impl<T: Send> Sync for SenderEnd<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Send for ReceiverEnd<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for ReceiverEnd<T> {}

/// Makes a place and the two ends of it.
#[inline]
pub(super) fn ends<T>() -> (SenderEnd<T>, ReceiverEnd<T>) {
    let place = Box::new(Place {
        state: State::new(),
        sender: WakerCell::new(),
        receiver: WakerCell::new(),
        value: UnsafeCell::new(MaybeUninit::uninit()),
    });
    let place = NonNull::from(Box::leak(place));
    (SenderEnd(place), ReceiverEnd(place))
}

impl<T> SenderEnd<T> {
    #[inline]
    pub(super) fn state(&self) -> Snapshot {
        self.place().state.load()
    }

    /// Leaves the value for the receiver, or gives it back if the receiver takes none.
    #[inline]
    pub(super) fn send(self, value: T) -> Result<(), T> {
        let place = self.place();
        let mut seen = place.state.load();
        if seen.is_closed() {
            return Err(value);
        }
        place.value.with_mut(|cell| {
            // SAFETY: invariant 2, this is the sender and nothing was sent.
            unsafe { (*cell).write(value) };
        });
        loop {
            let own = place.sender.read(seen, SENDER_WAITS);
            let other = place.receiver.read(seen, RECEIVER_WAITS);
            match place.state.change(seen, seen.sent()) {
                Ok(()) => {
                    // The place may be gone by now.
                    mem::forget(self);
                    // SAFETY: invariant 3, the exchange took the flags down that were up.
                    unsafe { settle(own, other) };
                    return Ok(());
                }
                Err(now) if now.is_closed() => {
                    let value = place.value.with(|cell| {
                        // SAFETY: invariant 2, nothing was sent. It was written above, and `self`
                        // goes without using it.
                        unsafe { (*cell).assume_init_read() }
                    });
                    return Err(value);
                }
                Err(now) => seen = now,
            }
        }
    }

    /// Waits until the receiver takes no value any more.
    pub(super) fn poll_closed(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let place = self.place();
        let seen = place.state.load();
        if seen.is_closed() {
            return Poll::Ready(());
        }
        let waited =
            place.sender.wait(&place.state, seen, SENDER_WAITS, cx.waker(), Snapshot::is_closed);
        waited.map(|_| ())
    }

    #[inline]
    fn place(&self) -> &Place<T> {
        // SAFETY: invariant 1, this end is not gone.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for SenderEnd<T> {
    /// Goes without having sent.
    fn drop(&mut self) {
        let place = self.place();
        let mut seen = place.state.load();
        loop {
            if seen.is_receiver_gone() {
                // SAFETY: invariant 1. Nothing was sent, and no waker is left: a receiver that
                // goes takes both, and a sender that sees this flag leaves none.
                unsafe { free(self.0) };
                return;
            }
            let own = place.sender.read(seen, SENDER_WAITS);
            let other = place.receiver.read(seen, RECEIVER_WAITS);
            match place.state.change(seen, seen.sender_gone()) {
                // SAFETY: invariant 3, the exchange took the flags down that were up.
                Ok(()) => return unsafe { settle(own, other) },
                Err(now) => seen = now,
            }
        }
    }
}

impl<T> ReceiverEnd<T> {
    #[inline]
    pub(super) fn state(&self) -> Snapshot {
        self.place().state.load()
    }

    /// Waits until there is a value, or none can come any more.
    #[inline]
    pub(super) fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Snapshot> {
        let place = self.place();
        let is_over = |state: Snapshot| state.is_sender_gone() || state.is_closed();
        let state = place.state.load();
        match is_over(state) {
            true => Poll::Ready(state),
            false => place.receiver.wait(&place.state, state, RECEIVER_WAITS, cx.waker(), is_over),
        }
    }

    /// The end of the channel: takes the value, if one was sent.
    #[inline]
    pub(super) fn finish(self) -> Option<T> {
        // Otherwise `self` goes as it does when it is dropped.
        self.state().has_value().then(|| {
            let place = ManuallyDrop::new(self).0;
            // SAFETY: the value was sent, so the sender is gone (invariant 1).
            unsafe { take_and_free(place) }
        })
    }

    /// Takes no value from now on, unless the sender has gone before.
    pub(super) fn close(&mut self) {
        let place = self.place();
        let mut seen = place.state.load();
        while !seen.is_sender_gone() && !seen.is_closed() {
            let other = place.sender.read(seen, SENDER_WAITS);
            match place.state.change(seen, seen.closed()) {
                // SAFETY: invariant 3, the exchange took the flag down if it was up.
                Ok(()) => return unsafe { settle(None, other) },
                Err(now) => seen = now,
            }
        }
    }

    #[inline]
    fn place(&self) -> &Place<T> {
        // SAFETY: invariant 1, this end is not gone.
        unsafe { self.0.as_ref() }
    }
}

impl<T> Drop for ReceiverEnd<T> {
    fn drop(&mut self) {
        let place = self.place();
        let mut seen = place.state.load();
        loop {
            if seen.has_value() {
                // SAFETY: the value was sent, so the sender is gone (invariant 1).
                return drop(unsafe { take_and_free(self.0) });
            }
            if seen.is_sender_gone() {
                // SAFETY: invariant 1. No waker is left: a sender that goes takes both, and a
                // receiver that sees this flag leaves none.
                return unsafe { free(self.0) };
            }
            let own = place.receiver.read(seen, RECEIVER_WAITS);
            let other = place.sender.read(seen, SENDER_WAITS);
            match place.state.change(seen, seen.receiver_gone()) {
                // SAFETY: invariant 3, the exchange took the flags down that were up.
                Ok(()) => return unsafe { settle(own, other) },
                Err(now) => seen = now,
            }
        }
    }
}

/// Takes the value and frees the place.
///
/// # Safety
///
/// The value was sent, and is the receiver's, who never touches the place again.
unsafe fn take_and_free<T>(place: NonNull<Place<T>>) -> T {
    // SAFETY: nobody else is left.
    let alive = unsafe { place.as_ref() };
    let value = alive.value.with(|cell| {
        // SAFETY: invariant 2; it was sent.
        unsafe { (*cell).assume_init_read() }
    });
    // SAFETY: passed on to the caller.
    unsafe { free(place) };
    value
}

/// # Safety
///
/// The caller is the last at the place (invariant 1), and never touches it again.
unsafe fn free<T>(place: NonNull<Place<T>>) {
    // SAFETY: it was made by `ends`.
    drop(unsafe { Box::from_raw(place.as_ptr()) });
}

/// Drops an end's own waker and wakes the other's.
///
/// # Safety
///
/// Both are the caller's.
#[inline]
unsafe fn settle(own: Option<Parts>, other: Option<Parts>) {
    if let Some(parts) = own {
        // SAFETY: passed on to the caller.
        return unsafe { settle_both(parts, other) };
    }
    if let Some(parts) = other {
        // SAFETY: as above.
        wake_batch::wake(unsafe { parts.into_waker() });
    }
}

/// # Safety
///
/// As for [`settle`].
#[cold]
unsafe fn settle_both(own: Parts, other: Option<Parts>) {
    // Dropped even if the other one panics when it is woken.
    // SAFETY: passed on to the caller.
    let _own = LetGo(Some(unsafe { own.into_waker() }));
    // SAFETY: as above.
    unsafe { settle(None, other) };
}

/// A place for a waker that may be read while it is written.
struct WakerCell {
    data: AtomicPtr<()>,
    vtable: AtomicPtr<RawWakerVTable>,
}

/// What a waker is made of. Whether it may be used is another question.
#[derive(Clone, Copy)]
struct Parts {
    data: *const (),
    vtable: *const RawWakerVTable,
}

impl WakerCell {
    fn new() -> WakerCell {
        WakerCell {
            data: AtomicPtr::new(std::ptr::null_mut()),
            vtable: AtomicPtr::new(std::ptr::null_mut()),
        }
    }

    /// What is in it, if the word says that there is something.
    #[inline]
    fn read(&self, state: Snapshot, waits: u64) -> Option<Parts> {
        state.has(waits).then(|| self.parts())
    }

    #[inline]
    fn parts(&self) -> Parts {
        // Relaxed: ordered by the word; see the head of the file.
        let data = self.data.load(Ordering::Relaxed);
        let vtable = self.vtable.load(Ordering::Relaxed);
        Parts { data, vtable }
    }

    /// Puts a waker in. Only its own end does so, with the flag down (invariant 3).
    #[inline]
    fn put(&self, waker: Waker) {
        let waker = ManuallyDrop::new(waker);
        let vtable: *const RawWakerVTable = waker.vtable();
        // Relaxed: ordered by the word; see the head of the file.
        self.data.store(waker.data().cast_mut(), Ordering::Relaxed);
        self.vtable.store(vtable.cast_mut(), Ordering::Relaxed);
    }

    /// Waits with this waker until the word `is_over`. Called by the cell's own end only.
    fn wait(
        &self,
        state: &State,
        seen: Snapshot,
        waits: u64,
        waker: &Waker,
        is_over: impl Fn(Snapshot) -> bool,
    ) -> Poll<Snapshot> {
        if seen.has(waits) && self.parts().are_those_of(waker) {
            return Poll::Pending;
        }
        // Foreign code: at this moment nothing is out of order.
        let fresh = waker.clone();
        let (seen, _stale) = match seen.has(waits) {
            false => (seen, None),
            true => match self.take_back(state, seen, waits) {
                Ok((seen, stale)) => (seen, Some(stale)),
                Err(over) => return Poll::Ready(over),
            },
        };
        match self.leave(state, seen, waits, fresh, is_over) {
            Ok(()) => Poll::Pending,
            Err(over) => Poll::Ready(over),
        }
    }

    /// Takes the waker back that was left before. Fails if the other end has taken it.
    fn take_back(
        &self,
        state: &State,
        mut seen: Snapshot,
        waits: u64,
    ) -> Result<(Snapshot, Waker), Snapshot> {
        loop {
            let next = seen.without_waker(waits);
            match state.change(seen, next) {
                // SAFETY: invariant 3, the exchange took the flag down, and nobody but this end
                // writes to the cell.
                Ok(()) => return Ok((next, unsafe { self.parts().into_waker() })),
                // Only an end for which all is over finds its flag down.
                Err(now) if !now.has(waits) => return Err(now),
                Err(now) => seen = now,
            }
        }
    }

    /// Leaves a waker, with the flag down.
    fn leave(
        &self,
        state: &State,
        mut seen: Snapshot,
        waits: u64,
        waker: Waker,
        is_over: impl Fn(Snapshot) -> bool,
    ) -> Result<(), Snapshot> {
        self.put(waker);
        while !is_over(seen) {
            match state.change(seen, seen.with_waker(waits)) {
                Ok(()) => return Ok(()),
                Err(now) => seen = now,
            }
        }
        // SAFETY: the flag never went up, so it is still this end's, which has just put it in.
        drop(unsafe { self.parts().into_waker() });
        Err(seen)
    }
}

impl Parts {
    fn are_those_of(self, waker: &Waker) -> bool {
        let vtable: *const RawWakerVTable = waker.vtable();
        self.data == waker.data() && self.vtable == vtable
    }

    /// # Safety
    ///
    /// They were put into a cell as a waker, and that waker is the caller's.
    #[inline]
    unsafe fn into_waker(self) -> Waker {
        // SAFETY: the table of a waker lives forever.
        let vtable = unsafe { &*self.vtable };
        // SAFETY: both are of one waker, which `put` has forgotten.
        unsafe { Waker::new(self.data, vtable) }
    }
}

impl<T> fmt::Debug for SenderEnd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().fmt(f)
    }
}

impl<T> fmt::Debug for ReceiverEnd<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state().fmt(f)
    }
}
