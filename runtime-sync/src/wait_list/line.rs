//! The line under its lock: who is in it, and who is taken out.

use std::ops::ControlFlow;
use std::ptr::NonNull;
use std::task::Waker;

use super::waiter::{CHOSEN, Place, RELEASED};
use super::{Choice, WaitList};
use crate::list::{List, Node};
use crate::primitives::MutexGuard;
use crate::primitives::atomic::{Ordering, fence};
use crate::wake_batch::WakeBatch;

/// Each time so many have entered, those whose tickets are older than that get newer ones: past half of the
/// range they would look as if they were yet to come.
const RENEWAL: u32 = 1 << 24;
const OLD: u32 = 1 << 30;

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
    pub(super) nodes: MutexGuard<'a, List<Place<T>>>,
    pub(super) len: u32,
    pub(super) list: &'a WaitList<T>,
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
    /// back; see [`Waiter::leave_if`](super::Waiter::leave_if).
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
        let mut at = self.nodes.front();
        while let Some(node) = at {
            if batch.is_full() {
                return false;
            }
            // SAFETY: it is in the line.
            at = unsafe { self.nodes.after(node) };
            // SAFETY: it is in the line.
            let waker = match decide(unsafe { self.payload(node) }) {
                // SAFETY: it is in the line.
                Choice::Wake => unsafe { self.take_out(node, CHOSEN) },
                // SAFETY: it is in the line.
                Choice::Nudge => unsafe { self.take_waker(node) },
                Choice::Pass => None,
                Choice::Stop => break,
            };
            if let Some(waker) = waker {
                batch.push(waker);
            }
        }
        true
    }

    /// Wakes those whom `decide` chooses, as [`choose_where`](Line::choose_where) does, and unlocks the line. A
    /// crowd is woken in batches between which it is unlocked; then `decide` is asked about those at the
    /// front anew.
    ///
    /// # Panics
    ///
    /// Passes on a panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::{Choice, WaitList};
    ///
    /// let list: WaitList<bool> = WaitList::new();
    /// let mut line = list.lock();
    /// // Mark those who are there now, whoever comes while others are woken.
    /// line.walk(|is_meant| {
    ///     *is_meant = true;
    ///     std::ops::ControlFlow::Continue(())
    /// });
    /// line.wake_where(|is_meant| if *is_meant { Choice::Wake } else { Choice::Stop });
    /// ```
    pub fn wake_where(mut self, mut decide: impl FnMut(&mut T) -> Choice) {
        let list = self.list;
        let mut batch = WakeBatch::new();
        while !self.choose_where(&mut batch, &mut decide) {
            drop(self);
            // The batches to come shall be woken even if a waker in this one panics.
            batch.wake_and_keep_panic();
            self = list.lock();
        }
        drop(self);
        batch.wake_all();
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
    pub(super) fn announce(&mut self) {
        // A store suffices: all writers hold the lock.
        self.list.waiting.store(self.len + 1, Ordering::Relaxed);
        // Pairs with the fence in `WaitList::has_waiters`; see the head of the file.
        fence(Ordering::SeqCst);
    }

    /// Takes out the first and gives it `state`. The inner option is its waker, if it has one.
    pub(super) fn take_front(&mut self, state: u32) -> Option<Option<Waker>> {
        let front = self.nodes.front()?;
        // SAFETY: it is in the line.
        Some(unsafe { self.take_out(front, state) })
    }

    /// Takes out all who have entered before the one with this ticket, and counts them. Returns whether it got
    /// to the end; if not, the batch is full.
    pub(super) fn release_until(
        &mut self,
        until: u32,
        woken: &mut usize,
        batch: &mut WakeBatch,
    ) -> bool {
        while let Some(front) = self.nodes.front() {
            // SAFETY: it is in the line.
            if !is_before(unsafe { self.ticket(front) }, until) {
                break;
            }
            if batch.is_full() {
                return false;
            }
            *woken += 1;
            // SAFETY: it is in the line.
            if let Some(waker) = unsafe { self.take_out(front, RELEASED) } {
                batch.push(waker);
            }
        }
        true
    }

    /// The number of the next waiter that enters.
    pub(super) fn next_ticket(&self) -> u32 {
        self.list.ticket.with(|ticket| {
            // SAFETY: it is touched under the lock, which is held.
            unsafe { *ticket }
        })
    }

    /// The number for a waiter that enters now.
    pub(super) fn take_ticket(&mut self) -> u32 {
        let ticket = self.next_ticket();
        self.list.ticket.with_mut(|next| {
            // SAFETY: as above.
            unsafe { *next = ticket.wrapping_add(1) }
        });
        if ticket.is_multiple_of(RENEWAL) {
            self.renew_tickets(ticket);
        }
        ticket
    }

    /// Gives those whose tickets are old others that are not, in the same order. A wake of many that is under
    /// way takes no notice, unless as many as make a ticket old have entered since it began.
    #[cold]
    fn renew_tickets(&mut self, now: u32) {
        let mut fresh = now.wrapping_sub(OLD).wrapping_sub(self.len);
        let mut at = self.nodes.front();
        while let Some(node) = at {
            // SAFETY: it is in the line.
            if !is_before(unsafe { self.ticket(node) }, fresh) {
                return;
            }
            // SAFETY: what is in the line is alive.
            unsafe { node.as_ref() }.held.with_mut(|held| {
                // SAFETY: invariant 2, the lock is held.
                unsafe { (*held).ticket = fresh }
            });
            fresh = fresh.wrapping_add(1);
            // SAFETY: it is in the line.
            at = unsafe { self.nodes.after(node) };
        }
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

/// Whether one ticket was given out before another one. Both are of waiters in line, or next to come, and so
/// no more than half of the range apart.
fn is_before(one: u32, other: u32) -> bool {
    one.wrapping_sub(other).cast_signed() < 0
}

impl<T> Drop for Line<'_, T> {
    fn drop(&mut self) {
        // Still under the lock, like every write.
        self.list.waiting.store(self.len, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::primitives::Mutex;
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::{Context, Wake};

    /// Notes its number when it is woken.
    struct Noted(usize, Arc<Mutex<Vec<usize>>>);

    impl Wake for Noted {
        fn wake(self: Arc<Noted>) {
            self.1.lock().push(self.0);
        }
    }

    fn enter(_: &mut Line<'_, ()>) -> ControlFlow<(), ()> {
        ControlFlow::Continue(())
    }

    /// As if so many had come and gone that it is time to renew tickets, and one more does.
    fn very_many_pass_by(list: &WaitList) {
        list.lock().list.ticket.with_mut(|ticket| {
            // SAFETY: it is touched under the lock.
            unsafe { *ticket = (*ticket / RENEWAL).wrapping_add(1).wrapping_mul(RENEWAL) }
        });
        let mut cx = Context::from_waker(Waker::noop());
        assert!(pin!(list.waiter()).poll_wait(&mut cx, enter).is_pending());
    }

    #[test]
    fn who_waits_while_thousands_of_millions_come_and_go_is_woken_with_all() {
        // Past half of the range, where numbers are taken for later ones, and around.
        for rounds in [0, 1, 100, 130, 200, 250, 256, 300, 1_000] {
            let list = WaitList::new();
            let woken = Arc::default();
            let mut waiters: Vec<_> = (0..70).map(|_| Box::pin(list.waiter())).collect();
            for (number, waiter) in waiters.iter_mut().enumerate() {
                let waker = Waker::from(Arc::new(Noted(number, Arc::clone(&woken))));
                let mut cx = Context::from_waker(&waker);
                assert!(waiter.as_mut().poll_wait(&mut cx, enter).is_pending());
                if number == 60 {
                    (0..rounds).for_each(|_| very_many_pass_by(&list));
                }
            }
            assert_eq!(list.wake_all(), 70, "after {rounds} rounds");
            assert!(woken.lock().iter().copied().eq(0..70), "after {rounds} rounds");
        }
    }
}
