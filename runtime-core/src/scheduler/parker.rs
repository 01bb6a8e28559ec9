//! How a worker sleeps: until its token is set, on its own or on the reactor.

use runtime_sync::primitives::Mutex;
use runtime_sync::primitives::atomic::{AtomicU8, Ordering};
use runtime_sync::primitives::thread::{self, Thread};

const AWAKE: u8 = 0;
/// Sleeps on its own: to be woken by `Thread::unpark`.
const PARKED: u8 = 1;
/// Sleeps on the reactor: to be woken by `Reactor::wake`.
const ON_REACTOR: u8 = 2;
/// The token is set: the next sleep ends before it began.
const TOKEN: u8 = 3;

/// One worker's sleep and the token that ends it.
///
/// The token is our own and not std's, because user code may consume std's with a
/// `thread::park` of its own inside a poll.
#[derive(Debug)]
pub struct Parker {
    state: AtomicU8,
    thread: Mutex<Option<Thread>>,
}

/// What the waker of a sleeper has to do.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub enum Unpark {
    /// Nothing: it did not sleep, and will see the token.
    Nothing,
    /// Call `Reactor::wake`.
    WakeReactor,
}

impl Parker {
    /// A parker that belongs to no thread yet.
    pub fn new() -> Parker {
        Parker { state: AtomicU8::new(AWAKE), thread: Mutex::new(None) }
    }

    /// From now on it is this thread that sleeps here.
    pub fn settle(&self) {
        *self.thread.lock() = Some(thread::current());
    }

    /// Sleeps until the token is set, or as long as `sleep` sleeps, or for no reason at all. True:
    /// the token was set.
    pub fn park(&self, sleep: impl FnOnce()) -> bool {
        self.sleep_as(PARKED, sleep)
    }

    /// As [`park`](Parker::park), with a `sleep` that waits on the reactor.
    pub fn park_on_reactor(&self, sleep: impl FnOnce()) -> bool {
        self.sleep_as(ON_REACTOR, sleep)
    }

    fn sleep_as(&self, kind: u8, sleep: impl FnOnce()) -> bool {
        // Acquire pairs with the release in `unpark`: what was pushed before is seen after.
        if self.state.compare_exchange(AWAKE, kind, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            sleep();
        }
        // As above; taking the token and leaving the sleep are one step.
        self.state.swap(AWAKE, Ordering::AcqRel) == TOKEN
    }

    /// Takes the token if it is set, as a sleep would that it ends at once.
    pub fn take_token(&self) -> bool {
        // A look decides; the exchange comes only when there is something to take. Acquire pairs with
        // the release in `unpark`.
        self.state.load(Ordering::Relaxed) == TOKEN
            && self
                .state
                .compare_exchange(TOKEN, AWAKE, Ordering::AcqRel, Ordering::Relaxed)
                .is_ok()
    }

    /// Sets the token, and ends the sleep if there is one.
    pub fn unpark(&self) -> Unpark {
        // Release pairs with the acquires in `sleep_as`.
        match self.state.swap(TOKEN, Ordering::AcqRel) {
            PARKED => {
                let thread = self.thread.lock().clone();
                if let Some(thread) = thread {
                    thread.unpark();
                }
                Unpark::Nothing
            }
            ON_REACTOR => Unpark::WakeReactor,
            _ => Unpark::Nothing,
        }
    }
}

impl Default for Parker {
    fn default() -> Parker {
        Parker::new()
    }
}
