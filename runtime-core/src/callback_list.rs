//! Callbacks that wait for one event, and come out in the order they went in.

use runtime_sync::primitives::Mutex;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

/// Names a callback that was registered, so that it can be taken back. Unique in the process.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Builder::new_current_thread().build().unwrap();
/// # rt.block_on(async {
/// let task = filch::spawn(async {});
/// let id = task.on_done(|_| unreachable!("it was taken back"));
/// assert!(task.remove_callback(id));
/// assert!(!task.remove_callback(id));
/// # });
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallbackId(u64);

impl CallbackId {
    fn next() -> CallbackId {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: only the addition's atomicity matters.
        CallbackId(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// Callbacks that wait for one event.
///
/// Once the event has come, somebody [drains](CallbackList::drain) the list. What is added while that
/// goes on comes out behind the others; what is added later is given back, to be called directly. So
/// no callback overtakes one that was registered before it.
pub(crate) struct CallbackList<C> {
    line: Mutex<Line<C>>,
}

struct Line<C> {
    stage: Stage,
    waiting: VecDeque<(CallbackId, C)>,
}

#[derive(PartialEq)]
enum Stage {
    /// The event has not come, or nobody has drained the list since.
    Open,
    /// Somebody drains the list.
    Draining,
    /// Everything has come out.
    Over,
}

impl<C> CallbackList<C> {
    pub(crate) fn new() -> CallbackList<C> {
        let line = Line { stage: Stage::Open, waiting: VecDeque::new() };
        CallbackList { line: Mutex::new(line) }
    }

    /// Adds a callback behind the others.
    ///
    /// # Errors
    ///
    /// Gives it back, to be called directly, if everything has come out.
    pub(crate) fn add(&self, callback: C) -> Result<CallbackId, (CallbackId, C)> {
        let id = CallbackId::next();
        let mut line = self.line.lock();
        if line.stage == Stage::Over {
            return Err((id, callback));
        }
        line.waiting.push_back((id, callback));
        Ok(id)
    }

    /// Takes a callback out that has not come out yet.
    pub(crate) fn remove(&self, id: CallbackId) -> Option<C> {
        let mut line = self.line.lock();
        let place = line.waiting.iter().position(|(other, _)| *other == id)?;
        line.waiting.remove(place).map(|(_, callback)| callback)
    }

    /// The event has come: hands all callbacks to `deliver`, which must not panic, in order and without
    /// the lock. False: somebody else does so, or has done it.
    pub(crate) fn drain(&self, mut deliver: impl FnMut(C)) -> bool {
        let mut line = self.line.lock();
        if line.stage != Stage::Open {
            return false;
        }
        line.stage = Stage::Draining;
        while let Some((_, callback)) = line.waiting.pop_front() {
            drop(line);
            deliver(callback);
            line = self.line.lock();
        }
        line.stage = Stage::Over;
        true
    }
}
