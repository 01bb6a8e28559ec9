//! A place in the line, and what its owner can do with it.
//!
//! ```text
//!            poll_wait, enter                chosen under the lock
//!   OUTSIDE ──────────────────▶ WAITING ───────────────────────────▶ CHOSEN or RELEASED
//!      ▲                           │                                     │
//!      └───────── leave ───────────┴──────── poll_wait, leave ───────────┘
//! ```

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use super::{Line, WaitList};
use crate::list::Node;
use crate::panics::{LetGo, contain};
use crate::primitives::UnsafeCell;
use crate::primitives::atomic::{AtomicU32, Ordering};

/// Not in line.
const OUTSIDE: u32 = 0;
/// In line. Left only under the lock.
const WAITING: u32 = 1;
/// Taken out and woken as one of several that could have been; its owner does not know yet.
pub(super) const CHOSEN: u32 = 2;
/// Taken out and woken together with all others; its owner does not know yet.
pub(super) const RELEASED: u32 = 3;

/// The part of a waiter that the line sees.
pub(super) struct Place<T> {
    pub(super) state: AtomicU32,
    pub(super) held: UnsafeCell<Held<T>>,
}

pub(super) struct Held<T> {
    /// `None` if it has entered without being polled yet.
    pub(super) waker: Option<Waker>,
    /// `None` while it is `OUTSIDE`.
    pub(super) payload: Option<T>,
    /// Its number in the order of arrival.
    pub(super) ticket: u32,
}

/// A place in a [`WaitList`], to be kept inside of the future that waits.
///
/// It leaves the line when it is dropped. The future around it must see to it in its own `Drop`
/// that a wake which it was given and will not use is [handed on](Left::Chosen).
///
/// # Examples
///
/// A future that takes a message out of a shared place, one receiver at a time:
///
/// ```
/// use pin_project_lite::pin_project;
/// use runtime_sync::primitives::Mutex;
/// use runtime_sync::wait_list::{Left, WaitList, Waited, Waiter};
/// use std::ops::ControlFlow;
/// use std::pin::Pin;
/// use std::task::{Context, Poll};
///
/// struct Mailbox {
///     letters: Mutex<Vec<String>>,
///     readers: WaitList,
/// }
///
/// impl Mailbox {
///     fn put(&self, letter: &str) {
///         self.letters.lock().push(letter.to_owned());
///         self.readers.wake_one();
///     }
///
///     fn read(&self) -> Read<'_> {
///         Read { waiter: self.readers.waiter(), mailbox: self }
///     }
/// }
///
/// pin_project! {
///     struct Read<'a> {
///         #[pin]
///         waiter: Waiter<'a, ()>,
///         mailbox: &'a Mailbox,
///     }
///
///     impl PinnedDrop for Read<'_> {
///         fn drop(this: Pin<&mut Self>) {
///             let this = this.project();
///             if let Left::Chosen(()) = this.waiter.leave() {
///                 this.mailbox.readers.wake_one();
///             }
///         }
///     }
/// }
///
/// impl Future for Read<'_> {
///     type Output = String;
///
///     fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<String> {
///         let mut this = self.project();
///         loop {
///             let waited = this.waiter.as_mut().poll_wait(cx, |_| match this.mailbox.letters.lock().pop() {
///                 Some(letter) => ControlFlow::Break(letter),
///                 None => ControlFlow::Continue(()),
///             });
///             match waited {
///                 Poll::Ready(Waited::Never(letter)) => return Poll::Ready(letter),
///                 Poll::Ready(Waited::Woken(())) => {} // look again
///                 Poll::Pending => return Poll::Pending,
///             }
///         }
///     }
/// }
///
/// let mailbox = Mailbox { letters: Mutex::new(Vec::new()), readers: WaitList::new() };
/// std::thread::scope(|scope| {
///     scope.spawn(|| mailbox.put("hello"));
///     assert_eq!(runtime_sync::block_on(mailbox.read()), "hello");
/// });
/// ```
pub struct Waiter<'a, T> {
    list: &'a WaitList<T>,
    node: Node<Place<T>>,
}

// SAFETY: its pointers lead to other waiters of the same line, whose payloads move between threads
// (`T: Send`) under the lock of the line only.
unsafe impl<T: Send> Send for Waiter<'_, T> {}
// SAFETY: a shared reference gives access to the state word and the list only.
unsafe impl<T: Send> Sync for Waiter<'_, T> {}

/// How a [`Waiter::poll_wait`] ended.
///
/// # Examples
///
/// ```
/// use runtime_sync::wait_list::{WaitList, Waited};
/// use std::ops::ControlFlow;
/// use std::pin::pin;
/// use std::task::{Context, Poll, Waker};
///
/// let list: WaitList<u32> = WaitList::new();
/// let mut waiter = pin!(list.waiter());
/// let mut cx = Context::from_waker(Waker::noop());
/// let polled = waiter.as_mut().poll_wait(&mut cx, |_| ControlFlow::<(), u32>::Continue(1));
/// assert!(polled.is_pending());
/// list.wake_one();
/// let polled = waiter.poll_wait(&mut cx, |_| ControlFlow::<(), u32>::Continue(2));
/// assert_eq!(polled, Poll::Ready(Waited::Woken(1)));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waited<R, T> {
    /// The look before entering said that there was no need to.
    Never(R),
    /// It was in line and has been woken; the payload is as whoever woke it has left it.
    Woken(T),
}

/// Where a waiter was when it [left](Waiter::leave).
///
/// # Examples
///
/// ```
/// use runtime_sync::wait_list::{Left, WaitList, Waiter};
/// use std::pin::Pin;
///
/// fn give_up(waiter: Pin<&mut Waiter<'_, ()>>) {
///     let list = waiter.list();
///     if let Left::Chosen(()) = waiter.leave() {
///         list.wake_one();
///     }
/// }
///
/// let list = WaitList::new();
/// give_up(std::pin::pin!(list.waiter()));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use = "a waiter that was chosen must hand its wake on"]
pub enum Left<T> {
    /// Not in line.
    Outside,
    /// In line.
    Waiting(T),
    /// Out of the line already, woken as the one among several, and it did not know yet. Another
    /// one must be woken in its place, or be given what it was given.
    Chosen(T),
    /// Out of the line already, woken together with all others.
    Released(T),
}

impl<'a, T> Waiter<'a, T> {
    #[inline]
    pub(super) fn new(list: &'a WaitList<T>) -> Waiter<'a, T> {
        let held = Held { waker: None, payload: None, ticket: 0 };
        let place = Place { state: AtomicU32::new(OUTSIDE), held: UnsafeCell::new(held) };
        Waiter { list, node: Node::new(place) }
    }

    /// The list that it belongs to.
    pub fn list(&self) -> &'a WaitList<T> {
        self.list
    }

    /// Waits in line until woken, unless `look` says that there is no need to.
    ///
    /// If the waiter is outside, `look` is called under the lock of the line. `Break` means that
    /// it need not wait; `Continue` that it enters the line with this payload. Any change after
    /// which the other side calls one of the `wake` functions is either seen by `look`, or wakes
    /// the waiter.
    ///
    /// If it is in line, the waker is brought up to date. If it was woken, it is outside again
    /// after this call, ready to be used once more.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `look`, of the waker's clone, or of the drop of the one before; the line is in
    /// order afterwards.
    #[inline]
    pub fn poll_wait<R>(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        look: impl FnOnce(&mut Line<'_, T>) -> ControlFlow<R, T>,
    ) -> Poll<Waited<R, T>> {
        let this = self.into_ref();
        if this.node.state.load(Ordering::Relaxed) == OUTSIDE {
            return match this.go_in(Some(cx.waker()), look) {
                ControlFlow::Break(never) => Poll::Ready(Waited::Never(never)),
                ControlFlow::Continue(()) => Poll::Pending,
            };
        }
        if !this.node.settled() && this.renew(cx.waker()) {
            return Poll::Pending;
        }
        let (_, payload) = this.collect();
        Poll::Ready(Waited::Woken(payload))
    }

    /// Enters the line before the first poll, unless `look` says that there is no need to.
    ///
    /// A waiter that is in line already, or was woken, stays as it is, and `look` is not called.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `look`.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::{Left, WaitList};
    /// use std::ops::ControlFlow;
    /// use std::pin::pin;
    ///
    /// let list: WaitList<u32> = WaitList::new();
    /// let mut waiter = pin!(list.waiter());
    /// let entered = waiter.as_mut().enter(|_| ControlFlow::<(), u32>::Continue(5));
    /// assert!(entered.is_continue());
    /// list.wake_one();
    /// assert_eq!(waiter.leave(), Left::Chosen(5));
    /// ```
    pub fn enter<R>(
        self: Pin<&mut Self>,
        look: impl FnOnce(&mut Line<'_, T>) -> ControlFlow<R, T>,
    ) -> ControlFlow<R> {
        let this = self.into_ref();
        match this.node.state.load(Ordering::Relaxed) {
            OUTSIDE => this.go_in(None, look),
            _ => ControlFlow::Continue(()),
        }
    }

    /// Leaves the line, wherever in it the waiter is.
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker's drop; the waiter has left all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::{Left, WaitList};
    /// use std::pin::pin;
    ///
    /// let list: WaitList<u32> = WaitList::new();
    /// let waiter = pin!(list.waiter());
    /// assert_eq!(waiter.leave(), Left::Outside);
    /// ```
    pub fn leave(self: Pin<&mut Self>) -> Left<T> {
        self.leave_if(|_| true, |_| ()).expect("it was told to leave")
    }

    /// Leaves the line if `decide` says so, or if it is out of it already. `None` if it stays.
    ///
    /// This is how a waiter that was [nudged](super::Choice::Nudge) looks for itself whether it can
    /// have what it waits for: if not, it keeps its place. `decide` is called under the lock if the
    /// waiter is in line; if it says yes, `then` is called under the same lock with the line that is
    /// left behind.
    ///
    /// A nudge takes the waker along. Whoever stays must therefore [wait](Waiter::poll_wait) once
    /// more, which leaves a waker, or notices that the waiter was chosen meanwhile.
    ///
    /// # Panics
    ///
    /// Passes on a panic of `decide` or `then`, or of the waker's drop.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::{Choice, Left, WaitList, Waited};
    /// use std::ops::ControlFlow;
    /// use std::pin::pin;
    /// use std::task::{Context, Waker};
    ///
    /// let list: WaitList<u32> = WaitList::new();
    /// let mut waiter = pin!(list.waiter());
    /// let mut cx = Context::from_waker(Waker::noop());
    /// let polled = waiter.as_mut().poll_wait(&mut cx, |_| ControlFlow::<(), u32>::Continue(1));
    /// assert!(polled.is_pending());
    ///
    /// list.lock().wake_where(|_| Choice::Nudge);
    /// assert_eq!(waiter.as_mut().leave_if(|_| false, |_| ()), None);
    /// assert_eq!(waiter.leave_if(|_| true, |line| assert!(line.is_empty())), Some(Left::Waiting(1)));
    /// ```
    #[inline]
    pub fn leave_if(
        self: Pin<&mut Self>,
        decide: impl FnOnce(&mut T) -> bool,
        then: impl FnOnce(&mut Line<'_, T>),
    ) -> Option<Left<T>> {
        match self.is_outside() {
            true => Some(Left::Outside),
            false => self.leave_from_inside(decide, then),
        }
    }

    fn leave_from_inside(
        self: Pin<&mut Self>,
        decide: impl FnOnce(&mut T) -> bool,
        then: impl FnOnce(&mut Line<'_, T>),
    ) -> Option<Left<T>> {
        let this = self.into_ref();
        if !this.node.settled() {
            match this.go_out_if(decide, then) {
                GoneOut::Left(payload) => return Some(Left::Waiting(payload)),
                GoneOut::Stayed => return None,
                GoneOut::Taken => {}
            }
        }
        match this.collect() {
            (CHOSEN, payload) => Some(Left::Chosen(payload)),
            (_, payload) => Some(Left::Released(payload)),
        }
    }

    /// Whether it has not entered, or knows that it is out again. Then it has nothing to leave.
    #[inline]
    pub fn is_outside(&self) -> bool {
        self.node.state.load(Ordering::Relaxed) == OUTSIDE
    }

    /// Whether it is in line.
    pub fn is_waiting(&self) -> bool {
        self.node.state.load(Ordering::Relaxed) == WAITING
    }

    /// The node with the pin still around it.
    fn node(self: Pin<&Self>) -> Pin<&Node<Place<T>>> {
        // SAFETY: the node is pinned with the waiter: nothing moves it out, and `Drop` takes it
        // out of the line.
        unsafe { self.map_unchecked(|waiter| &waiter.node) }
    }

    /// Enters the line, from `OUTSIDE`.
    #[inline(never)]
    fn go_in<R>(
        self: Pin<&Self>,
        waker: Option<&Waker>,
        look: impl FnOnce(&mut Line<'_, T>) -> ControlFlow<R, T>,
    ) -> ControlFlow<R> {
        let waker = waker.cloned();
        let mut line = self.list.lock();
        line.announce();
        // If this panics, the line is unlocked before the waker is dropped: invariant 5.
        let payload = match look(&mut line) {
            ControlFlow::Continue(payload) => payload,
            ControlFlow::Break(never) => {
                drop(line);
                // What was found would be lost with a panic of foreign code that is not needed after all.
                contain(|| drop(waker));
                return ControlFlow::Break(never);
            }
        };
        let ticket = line.take_ticket();
        line.len += 1;
        self.node.held.with_mut(|held| {
            // SAFETY: invariant 2, the waiter is outside and this is its owner. What is
            // overwritten has neither waker nor payload, so nothing is dropped.
            unsafe { *held = Held { waker, payload: Some(payload), ticket } };
        });
        self.node.state.store(WAITING, Ordering::Relaxed);
        // SAFETY: by its state it is in no list, and `Drop` takes it out (invariant 4).
        unsafe { line.nodes.push_back(self.node()) };
        ControlFlow::Continue(())
    }

    /// Brings the waker up to date. Returns whether the waiter is still in line.
    #[inline(never)]
    fn renew(self: Pin<&Self>, waker: &Waker) -> bool {
        let line = self.list.lock();
        if self.node.settled() {
            return false;
        }
        let present = self.node.held.with(|held| {
            // SAFETY: invariant 2, the lock is held. The comparison calls nobody.
            unsafe { (*held).waker.as_ref().is_some_and(|present| present.will_wake(waker)) }
        });
        drop(line);
        if present {
            return true;
        }
        // Foreign code, with the lock given back. Only this thread could bring another waker, so
        // what has to be looked at again is the state alone.
        let fresh = waker.clone();
        let line = self.list.lock();
        if self.node.settled() {
            drop(line);
            return false;
        }
        let stale = self.node.held.with_mut(|held| {
            // SAFETY: invariant 2, the lock is held.
            unsafe { (*held).waker.replace(fresh) }
        });
        drop(line);
        drop(stale);
        true
    }

    /// Takes the waiter out of the line if `decide` wants it, unless somebody has done so.
    fn go_out_if(
        self: Pin<&Self>,
        decide: impl FnOnce(&mut T) -> bool,
        then: impl FnOnce(&mut Line<'_, T>),
    ) -> GoneOut<T> {
        // Before the line, so that the lock goes first, and then these, also if `then` panics: invariant 5.
        let (waker, payload);
        let mut line = self.list.lock();
        if self.node.settled() {
            return GoneOut::Taken;
        }
        let goes = self.node.held.with_mut(|held| {
            // SAFETY: invariant 2, the lock is held, and `decide` cannot get at the line.
            let payload = unsafe { (*held).payload.as_mut() };
            decide(payload.expect("a waiter in line has a payload"))
        });
        if !goes {
            return GoneOut::Stayed;
        }
        // SAFETY: invariant 1, the state is `WAITING` and the lock is held.
        unsafe { line.nodes.remove(self.node()) };
        line.len -= 1;
        (waker, payload) = self.node.held.with_mut(|held| {
            // SAFETY: invariant 2, the lock is held.
            let held = unsafe { &mut *held };
            (held.waker.take(), held.payload.take())
        });
        self.node.state.store(OUTSIDE, Ordering::Relaxed);
        then(&mut line);
        drop(line);
        drop(LetGo(waker));
        GoneOut::Left(payload.expect("a waiter in line has a payload"))
    }

    /// Takes note of having been woken. The place must be [settled](Place::settled).
    #[inline]
    fn collect(self: Pin<&Self>) -> (u32, T) {
        let state = self.node.state.load(Ordering::Relaxed);
        let payload = self.node.held.with_mut(|held| {
            // SAFETY: invariant 2, the waiter is out of the line and this is its owner.
            unsafe { (*held).payload.take() }
        });
        self.node.state.store(OUTSIDE, Ordering::Relaxed);
        (state, payload.expect("a waiter that was woken has a payload"))
    }
}

/// How an attempt to leave the line ended.
enum GoneOut<T> {
    /// It is out, by its own will.
    Left(T),
    /// It is still in.
    Stayed,
    /// Somebody had taken it out already.
    Taken,
}

impl<T> Place<T> {
    /// Whether a waiter that has entered was taken out again, so that it belongs to its owner.
    fn settled(&self) -> bool {
        // Pairs with the store in `Line::take_out`: the payload is as that thread left it.
        self.state.load(Ordering::Acquire) != WAITING
    }
}

impl<T> Drop for Waiter<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.is_outside() {
            return;
        }
        // SAFETY: a value that is dropped is not moved any more, and if it was ever in line, it
        // was pinned then.
        let this = unsafe { Pin::new_unchecked(self) };
        // Handing a wake on is the business of the future around it; see the type's description.
        let _ = this.leave();
    }
}

impl<T> fmt::Debug for Waiter<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.node.state.load(Ordering::Relaxed) {
            OUTSIDE => "outside",
            WAITING => "waiting",
            CHOSEN => "chosen",
            _ => "released",
        };
        f.debug_tuple("Waiter").field(&format_args!("{state}")).finish()
    }
}
