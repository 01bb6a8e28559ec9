//! What all handles of a queue share: the store under its lock, and who waits for what.

use super::order::Order;
use crate::lock::permits::Permits;
use crate::panics::Panics;
use crate::primitives::{Mutex, MutexGuard};
use crate::reentry::{Inside, Reentry};
use crate::wait_list::WaitList;

/// The place that the handles lead to.
pub(super) struct Place<O: Order> {
    pub(super) state: Mutex<State<O>>,
    /// Who is at the state, if comparing items may lead back to the queue.
    pub(super) reentry: Reentry,
    /// A permit for each item.
    pub(super) items: Permits,
    /// A permit for each free place; none if the queue is not bounded.
    pub(super) room: Option<Permits>,
    pub(super) maxsize: usize,
    pub(super) joining: WaitList,
}

pub(super) struct State<O> {
    pub(super) order: O,
    /// Items that were put in and are not done.
    pub(super) unfinished: usize,
    pub(super) shut_down: bool,
}

impl<O: Order> Place<O> {
    /// An empty queue for so many items, or any number.
    pub(super) fn new(maxsize: usize) -> Place<O> {
        let state = State { order: O::new(), unfinished: 0, shut_down: false };
        Place {
            state: Mutex::new(state),
            reentry: Reentry::new(),
            items: Permits::new(0),
            room: (maxsize > 0).then(|| Permits::new(maxsize)),
            maxsize,
            joining: WaitList::new(),
        }
    }

    /// Panics if this thread is at the state already, in a comparison of two items.
    ///
    /// Who takes a permit first asks before that: a permit would be lost. And what is async asks at the
    /// call, where the caller is known.
    #[track_caller]
    pub(super) fn check(&self) {
        if O::COMPARES {
            assert!(
                !self.reentry.is_here(),
                "comparing two items must not call the queue that they are in"
            );
        }
    }

    /// The state, after a [`check`](Place::check).
    #[track_caller]
    pub(super) fn lock(&self) -> Locked<'_, O> {
        self.check();
        let state = self.state.lock();
        Locked { _inside: O::COMPARES.then(|| self.reentry.enter()), state }
    }

    /// Puts an item in, for which there is room. It comes back if the queue is shut down.
    #[track_caller]
    pub(super) fn insert(&self, item: O::Item) -> Result<(), O::Item> {
        // Set while the lock is held and dropped after it, also if a comparison panics: the item is in
        // then.
        let _announced;
        // A comparison may call this, which is refused.
        let room = self.room.as_ref().map(Announced);
        let mut state = self.lock();
        std::mem::forget(room);
        if state.shut_down {
            return Err(item);
        }
        state.unfinished += 1;
        _announced = Announced(&self.items);
        state.order.insert(item);
        Ok(())
    }

    /// Takes an item out, if there is one, and makes room.
    #[track_caller]
    pub(super) fn take(&self) -> Option<O::Item> {
        // If a comparison panics, the item stays.
        let stays = Announced(&self.items);
        let item = self.lock().order.take();
        std::mem::forget(stays);
        if item.is_some()
            && let Some(room) = &self.room
        {
            room.give_back_calmly(1);
        }
        item
    }

    /// Notes that so many items are done. False: there were not so many, so that now there is none.
    #[track_caller]
    pub(super) fn finish(&self, count: usize) -> bool {
        let mut state = self.lock();
        let rest = state.unfinished.checked_sub(count);
        state.unfinished = rest.unwrap_or(0);
        drop(state);
        if rest.unwrap_or(0) == 0 {
            self.joining.wake_all();
        }
        rest.is_some()
    }

    /// Tells all who wait that it is over.
    pub(super) fn close(&self) {
        /// The second line is told even if a waker in the first one panics.
        struct Close<'a>(&'a Permits);
        impl Drop for Close<'_> {
            fn drop(&mut self) {
                self.0.close();
            }
        }
        let _getters = Close(&self.items);
        if let Some(room) = &self.room {
            room.close();
        }
    }
}

impl<O: Order> Drop for Place<O> {
    fn drop(&mut self) {
        // Even if the drop of an item panics, the others are dropped.
        let mut panics = Panics::new();
        let items = self.state.get_mut().order.drain();
        items.into_iter().for_each(|item| panics.contain(|| drop(item)));
        panics.pass_on();
    }
}

/// A permit that is there when this is dropped: for an item that getters are told of, or for a free place.
struct Announced<'a>(&'a Permits);

impl Drop for Announced<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.release(1);
    }
}

/// The state under its lock.
pub(super) struct Locked<'a, O: Order> {
    // Dropped before the lock is given back.
    _inside: Option<Inside<'a>>,
    state: MutexGuard<'a, State<O>>,
}

impl<O: Order> std::ops::Deref for Locked<'_, O> {
    type Target = State<O>;
    fn deref(&self) -> &State<O> {
        &self.state
    }
}

impl<O: Order> std::ops::DerefMut for Locked<'_, O> {
    fn deref_mut(&mut self) -> &mut State<O> {
        &mut self.state
    }
}
