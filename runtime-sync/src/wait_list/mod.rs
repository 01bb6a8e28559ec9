//! Futures waiting in line; wake one, some, all; leaving the line hands on the wake.
//!
//! - [`WaitList`] is the line: what a lock, a semaphore or a channel owns beside its own word of
//!   state.
//! - [`Waiter`] is a place in it, inside of the future that waits; entering allocates nothing.
//! - [`Line`] is the line under its lock.
//! - [`OwnedWaiter`] is a place that keeps its line alive, for futures that borrow nothing.
//! - [`WaitUnless`] is the simplest future upon them.
//!
//! A waiter carries a payload: what it asks for on the way in, what it was given on the way out.
//! Who wakes decides under the lock, by looking at the payloads from the front, whom to
//! [choose](Choice).
//!
//! # Why no wake is lost
//!
//! Who enters raises `waiting`, passes a sequentially consistent fence, and then looks (the
//! closure of [`Waiter::poll_wait`]) whether it has to wait at all, all under the lock. Who wakes
//! changes what the other looks at, passes such a fence, and then reads `waiting`. So either the
//! look sees the change, or the reader sees a waiter and takes the lock. That makes waking nobody
//! cost a fence and a load, without the lock.
//!
//! # Invariants
//!
//! 1. A waiter's node is in the list exactly while its state is `WAITING`, and both change only
//!    under the lock.
//! 2. What a waiter holds (waker, payload, ticket) is touched only under the lock while it is
//!    `WAITING`, and only by the waiter's owner otherwise.
//! 3. Setting the state to `CHOSEN` or `RELEASED` is the last thing that is done to a node from
//!    outside: its owner may free it at that very moment.
//! 4. A waiter is taken out of the line before it is dropped.
//! 5. Under the lock no waker is cloned, woken or dropped, and no payload is dropped.
//! 6. The tickets in the line rise from front to back, but for a wrap.

mod owned_waiter;
mod wait_unless;
mod waiter;

pub use owned_waiter::OwnedWaiter;
pub use wait_unless::WaitUnless;
pub use waiter::{Left, Waited, Waiter};

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::ptr::NonNull;
use std::task::Waker;

use crate::list::{List, Node};
use crate::primitives::atomic::{AtomicU32, Ordering, fence};
use crate::primitives::{Mutex, MutexGuard, UnsafeCell, const_outside_models};
use crate::wake_batch::{self, WakeBatch};
use waiter::{CHOSEN, Place, RELEASED};

/// A line of futures that wait, first in, first out.
///
/// # Examples
///
/// A gate that lets everybody through once it is open:
///
/// ```
/// use runtime_sync::wait_list::WaitList;
/// use std::sync::atomic::{AtomicBool, Ordering};
///
/// struct Gate {
///     open: AtomicBool,
///     waiting: WaitList,
/// }
///
/// impl Gate {
///     fn open(&self) {
///         self.open.store(true, Ordering::Release);
///         self.waiting.wake_all();
///     }
///
///     async fn pass(&self) {
///         if !self.open.load(Ordering::Acquire) {
///             self.waiting.wait_unless(|| self.open.load(Ordering::Acquire)).await;
///         }
///     }
/// }
///
/// let gate = Gate { open: AtomicBool::new(false), waiting: WaitList::new() };
/// std::thread::scope(|scope| {
///     scope.spawn(|| gate.open());
///     runtime_sync::block_on(gate.pass());
/// });
/// ```
pub struct WaitList<T = ()> {
    /// How many are in line, or are about to enter. Written under the lock, read without.
    waiting: AtomicU32,
    /// The number of the next waiter that enters. It may wrap: what counts is the order of those in
    /// line, who are far fewer. Touched under the lock; it lies here because there is room.
    ticket: UnsafeCell<u32>,
    nodes: Mutex<List<Place<T>>>,
}

// SAFETY: what is reachable through the pointers in the queue is touched by one thread at a time
// (invariant 2), payloads move between threads (`T: Send`), and a `Waker` is `Send`.
unsafe impl<T: Send> Send for WaitList<T> {}
// SAFETY: as above.
unsafe impl<T: Send> Sync for WaitList<T> {}

// Foreign code runs with the line in order only.
impl<T> UnwindSafe for WaitList<T> {}
impl<T> RefUnwindSafe for WaitList<T> {}

/// What to do about a waiter, decided by whoever wakes.
///
/// # Examples
///
/// ```
/// use runtime_sync::wait_list::{Choice, WaitList};
///
/// // Permits go to the front, as long as they last.
/// let line: WaitList<u32> = WaitList::new();
/// let mut permits = 3u32;
/// line.wake_where(|wanted| match permits.checked_sub(*wanted) {
///     Some(rest) => {
///         permits = rest;
///         Choice::Wake
///     }
///     None => Choice::Stop,
/// });
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Choice {
    /// It leaves the line and is woken.
    Wake,
    /// It is woken and keeps its place; see [`Waiter::leave_if`].
    Nudge,
    /// It stays, and the next one is looked at.
    Pass,
    /// It stays, and so do all behind it.
    Stop,
}

impl<T> WaitList<T> {
    const_outside_models! {
        /// Makes a line in which nobody waits.
        pub const fn new() -> WaitList<T> {
            WaitList {
                waiting: AtomicU32::new(0),
                ticket: UnsafeCell::new(0),
                nodes: Mutex::new(List::new()),
            }
        }
    }

    /// Whether somebody may be waiting for what this thread did before this call.
    ///
    /// This is the whole cost of waking nobody. If it returns `false`, whoever enters the line
    /// from now on sees what this thread has done when it looks.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list: WaitList = WaitList::new();
    /// assert!(!list.has_waiters());
    /// ```
    #[inline]
    pub fn has_waiters(&self) -> bool {
        // Pairs with the fence in `Line::announce`; see the head of the file.
        fence(Ordering::SeqCst);
        self.waiting.load(Ordering::Relaxed) != 0
    }

    /// Locks the line.
    ///
    /// Under it, wakers are only collected. Make the batch for them before this call, so that it
    /// outlives the guard even if something panics.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    /// use runtime_sync::wake_batch::WakeBatch;
    ///
    /// /// Grants permits to the front, each as many as it asks for, until one cannot be served.
    /// fn release(list: &WaitList<usize>, mut permits: usize) {
    ///     let mut batch = WakeBatch::new();
    ///     let mut line = list.lock();
    ///     while !batch.is_full() {
    ///         match line.front() {
    ///             Some(wanted) if *wanted <= permits => permits -= *wanted,
    ///             _ => break,
    ///         }
    ///         line.choose_front(&mut batch);
    ///     }
    ///     drop(line);
    ///     batch.wake_all();
    /// }
    ///
    /// release(&WaitList::new(), 1);
    /// ```
    pub fn lock(&self) -> Line<'_, T> {
        let nodes = self.nodes.lock();
        // Whoever had the lock before has left the exact number.
        let len = self.waiting.load(Ordering::Relaxed);
        Line { nodes, len, list: self }
    }

    /// Makes a waiter that is not in line yet.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list: WaitList<u32> = WaitList::new();
    /// let waiter = list.waiter();
    /// # drop(waiter);
    /// ```
    pub fn waiter(&self) -> Waiter<'_, T> {
        Waiter::new(self)
    }

    /// Wakes the first in line. Returns whether there was one.
    ///
    /// If the one that is chosen is dropped before it learns of it, its future hands the wake on;
    /// see [`Left::Chosen`].
    ///
    /// # Panics
    ///
    /// Passes on a panic of the waker.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list: WaitList = WaitList::new();
    /// assert!(!list.wake_one());
    /// ```
    pub fn wake_one(&self) -> bool {
        if !self.has_waiters() {
            return false;
        }
        let chosen = self.lock().take_front(CHOSEN);
        let any = chosen.is_some();
        if let Some(Some(waker)) = chosen {
            wake_batch::wake(waker);
        }
        any
    }

    /// Wakes up to `count` from the front. Returns how many there were.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list: WaitList = WaitList::new();
    /// assert_eq!(list.wake_some(3), 0);
    /// ```
    pub fn wake_some(&self, count: usize) -> usize {
        let mut rest = count;
        self.wake_where(|_| match rest {
            0 => Choice::Stop,
            _ => {
                rest -= 1;
                Choice::Wake
            }
        })
    }

    /// Wakes those that `decide` chooses. Returns how many left the line.
    ///
    /// It is asked from front to back, once about each that is in line at the time of the call,
    /// under the lock, and may change the payload: that is how a waiter learns what it was given.
    /// Those who enter meanwhile, perhaps because they were just woken, are not asked about, so
    /// this ends.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::{Choice, WaitList};
    ///
    /// const READABLE: u8 = 1;
    ///
    /// let interests: WaitList<u8> = WaitList::new();
    /// interests.wake_where(|interest| match *interest & READABLE {
    ///     0 => Choice::Pass,
    ///     _ => Choice::Wake,
    /// });
    /// ```
    pub fn wake_where(&self, decide: impl FnMut(&mut T) -> Choice) -> usize {
        self.wake_those(CHOSEN, decide)
    }

    /// Wakes all who are in line at the time of the call. Returns how many they are.
    ///
    /// Those who enter meanwhile, perhaps because they were just woken, wait for the next time.
    /// As everybody was woken, a waiter that is dropped before it learns of it has nothing to hand
    /// on; see [`Left::Released`].
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list: WaitList = WaitList::new();
    /// assert_eq!(list.wake_all(), 0);
    /// ```
    pub fn wake_all(&self) -> usize {
        self.wake_those(RELEASED, |_| Choice::Wake)
    }

    fn wake_those(&self, state: u32, mut decide: impl FnMut(&mut T) -> Choice) -> usize {
        if !self.has_waiters() {
            return 0;
        }
        let mut batch = WakeBatch::new();
        let mut woken = 0;
        let mut line = self.lock();
        let mut section = Section { from: None, until: Some(line.next_ticket()) };
        loop {
            let rest = line.choose(&section, state, &mut woken, &mut batch, &mut decide);
            drop(line);
            // The batches to come shall be woken even if a waker in this one panics.
            batch.wake_and_keep_panic();
            if rest.is_none() {
                break;
            }
            section.from = rest;
            line = self.lock();
        }
        batch.wake_all();
        woken
    }
}

impl<T> Default for WaitList<T> {
    fn default() -> WaitList<T> {
        WaitList::new()
    }
}

impl<T> fmt::Debug for WaitList<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let waiting = self.waiting.load(Ordering::Relaxed);
        f.debug_struct("WaitList").field("waiting", &waiting).finish_non_exhaustive()
    }
}

/// A [`WaitList`] under its lock.
///
/// # Examples
///
/// ```
/// use runtime_sync::wait_list::WaitList;
///
/// let list: WaitList<u32> = WaitList::new();
/// assert!(list.lock().front().is_none());
/// ```
#[derive(Debug)]
pub struct Line<'a, T> {
    nodes: MutexGuard<'a, List<Place<T>>>,
    len: u32,
    list: &'a WaitList<T>,
}

impl<T> Line<'_, T> {
    /// How many wait.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }

    /// The payload of the first in line.
    pub fn front(&mut self) -> Option<&mut T> {
        let front = self.nodes.front()?;
        // SAFETY: it is in the line.
        Some(unsafe { self.payload(front) })
    }

    /// The payload of the last in line.
    pub fn back(&mut self) -> Option<&mut T> {
        let back = self.nodes.back()?;
        // SAFETY: it is in the line.
        Some(unsafe { self.payload(back) })
    }

    /// Takes the first out of the line, to be woken with `batch` once the lock is given back.
    /// Returns whether there was one.
    ///
    /// # Panics
    ///
    /// Panics if the batch is full.
    #[track_caller]
    pub fn choose_front(&mut self, batch: &mut WakeBatch) -> bool {
        assert!(!batch.is_full(), "a full batch must be woken before more are chosen");
        let chosen = self.take_front(CHOSEN);
        let any = chosen.is_some();
        if let Some(Some(waker)) = chosen {
            batch.push(waker);
        }
        any
    }

    /// Takes the first out of the line. The inner option is its waker, to be woken once the lock is
    /// given back; `None` if it has entered without being polled.
    ///
    /// For whoever needs no batch because there is one to wake at most.
    pub fn pop_front(&mut self) -> Option<Option<Waker>> {
        self.take_front(CHOSEN)
    }

    /// Takes the last out of the line, like [`pop_front`](Line::pop_front) the first.
    pub fn pop_back(&mut self) -> Option<Option<Waker>> {
        let back = self.nodes.back()?;
        // SAFETY: it is in the line.
        Some(unsafe { self.take_out(back, CHOSEN) })
    }

    /// The waker of the first in line, which keeps its place, to be woken once the lock is given
    /// back; see [`Waiter::leave_if`].
    pub fn nudge_front(&mut self) -> Option<Waker> {
        let front = self.nodes.front()?;
        // SAFETY: it is in the line.
        unsafe { self.take_waker(front) }
    }

    /// Asks `decide` about each from the front, until it says [`Choice::Stop`]. Those that are to be
    /// woken go into `batch`. Returns whether it got to the end; if not, the batch is full.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::{Choice, WaitList};
    /// use runtime_sync::wake_batch::WakeBatch;
    ///
    /// let list: WaitList<u32> = WaitList::new();
    /// let mut batch = WakeBatch::new();
    /// let ended = list.lock().choose_where(&mut batch, |wanted| match *wanted {
    ///     0 => Choice::Wake,
    ///     _ => Choice::Stop,
    /// });
    /// assert!(ended);
    /// batch.wake_all();
    /// ```
    pub fn choose_where(
        &mut self,
        batch: &mut WakeBatch,
        mut decide: impl FnMut(&mut T) -> Choice,
    ) -> bool {
        let all = Section { from: None, until: None };
        self.choose(&all, CHOSEN, &mut 0, batch, &mut decide).is_none()
    }

    /// Shows each payload to `visit`, from the front, until it breaks off.
    pub fn walk(&mut self, mut visit: impl FnMut(&mut T) -> ControlFlow<()>) {
        let mut at = self.nodes.front();
        while let Some(node) = at {
            // SAFETY: it is in the line.
            if visit(unsafe { self.payload(node) }).is_break() {
                return;
            }
            // SAFETY: it is in the line.
            at = unsafe { self.nodes.after(node) };
        }
    }

    /// Makes it known that somebody is about to enter, so that a change that the look after this
    /// call does not see takes the way through the lock.
    fn announce(&mut self) {
        // A store suffices: all writers hold the lock.
        self.list.waiting.store(self.len + 1, Ordering::Relaxed);
        // Pairs with the fence in `WaitList::has_waiters`; see the head of the file.
        fence(Ordering::SeqCst);
    }

    /// Takes out the first and gives it `state`. The inner option is its waker, if it has one.
    fn take_front(&mut self, state: u32) -> Option<Option<Waker>> {
        let front = self.nodes.front()?;
        // SAFETY: it is in the line.
        Some(unsafe { self.take_out(front, state) })
    }

    /// Asks `decide` about those in the `section`, takes out whom it chooses and counts
    /// them. Returns where to go on if the batch was full before the end.
    fn choose(
        &mut self,
        section: &Section,
        state: u32,
        woken: &mut usize,
        batch: &mut WakeBatch,
        decide: &mut impl FnMut(&mut T) -> Choice,
    ) -> Option<u32> {
        let mut at = self.nodes.front();
        while let Some(node) = at {
            // SAFETY: it is in the line.
            let ticket = unsafe { self.ticket(node) };
            if section.until.is_some_and(|until| !is_before(ticket, until)) {
                break;
            }
            // SAFETY: it is in the line.
            at = unsafe { self.nodes.after(node) };
            if section.from.is_some_and(|from| is_before(ticket, from)) {
                continue;
            }
            if batch.is_full() {
                return Some(ticket);
            }
            // SAFETY: it is in the line.
            match decide(unsafe { self.payload(node) }) {
                Choice::Wake => {
                    *woken += 1;
                    // SAFETY: it is in the line.
                    if let Some(waker) = unsafe { self.take_out(node, state) } {
                        batch.push(waker);
                    }
                }
                Choice::Nudge => {
                    // SAFETY: it is in the line.
                    if let Some(waker) = unsafe { self.take_waker(node) } {
                        batch.push(waker);
                    }
                }
                Choice::Pass => {}
                Choice::Stop => break,
            }
        }
        None
    }

    /// The number of the next waiter that enters.
    fn next_ticket(&self) -> u32 {
        self.list.ticket.with(|ticket| {
            // SAFETY: it is touched under the lock, which is held.
            unsafe { *ticket }
        })
    }

    /// The number for a waiter that enters now.
    fn take_ticket(&mut self) -> u32 {
        let ticket = self.next_ticket();
        self.list.ticket.with_mut(|next| {
            // SAFETY: as above.
            unsafe { *next = ticket.wrapping_add(1) }
        });
        ticket
    }

    /// # Safety
    ///
    /// `node` is in this line.
    unsafe fn ticket(&self, node: NonNull<Node<Place<T>>>) -> u32 {
        // SAFETY: what is in the line is alive.
        let node = unsafe { node.as_ref() };
        node.held.with(|held| {
            // SAFETY: invariant 2, the lock is held.
            unsafe { (*held).ticket }
        })
    }

    /// # Safety
    ///
    /// `node` is in this line.
    unsafe fn payload(&mut self, node: NonNull<Node<Place<T>>>) -> &mut T {
        // SAFETY: what is in the line is alive, and stays in it while `self` is borrowed.
        let node = unsafe { node.as_ref() };
        let payload = node.held.with_mut(|held| {
            // SAFETY: invariant 2, the lock is held, and borrowed as long as the result.
            unsafe { (*held).payload.as_mut() }
        });
        payload.expect("a waiter in line has a payload")
    }

    /// # Safety
    ///
    /// `node` is in this line.
    unsafe fn take_waker(&mut self, node: NonNull<Node<Place<T>>>) -> Option<Waker> {
        // SAFETY: what is in the line is alive.
        let node = unsafe { node.as_ref() };
        node.held.with_mut(|held| {
            // SAFETY: invariant 2, the lock is held.
            unsafe { (*held).waker.take() }
        })
    }

    /// Takes a waiter out of the line and publishes what became of it.
    ///
    /// # Safety
    ///
    /// `node` is in this line.
    unsafe fn take_out(&mut self, node: NonNull<Node<Place<T>>>, state: u32) -> Option<Waker> {
        // SAFETY: passed on to the caller.
        unsafe { self.nodes.unlink(node) };
        self.len -= 1;
        // SAFETY: its owner cannot know yet that it is out, so it is alive, and this thread still
        // holds the lock.
        let waker = unsafe { self.take_waker(node) };
        // SAFETY: as above.
        let place = unsafe { node.as_ref() };
        // Pairs with the load in `Place::settled`: the owner, which may read this without the
        // lock, sees the payload, and what this thread did before. The last access: invariant 3.
        place.state.store(state, Ordering::Release);
        waker
    }
}

/// A part of the line, by the tickets of those who begin it and who follow it.
struct Section {
    from: Option<u32>,
    until: Option<u32>,
}

/// Whether one ticket was given out before another one. Both are of waiters in line, or next to come.
fn is_before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

impl<T> Drop for Line<'_, T> {
    fn drop(&mut self) {
        // Still under the lock, like every write.
        self.list.waiting.store(self.len, Ordering::Relaxed);
    }
}
