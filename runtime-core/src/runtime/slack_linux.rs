//! How late the kernel may wake a thread up: as Linux asks.
//!
//! By default it may be 50 µs, in order to put wake-ups together. Threads that are not ours are left
//! as they are. What one of ours starts, a thread or a child, would be born as precise as it, by
//! default and for good: so it is started while the thread is what it was born as.

use std::cell::Cell;
use std::num::NonZeroU64;

use rustix::thread::{current_timer_slack, set_current_timer_slack};

const PRECISE: NonZeroU64 = NonZeroU64::MIN;

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Asks to be woken up on time.
pub(super) fn be_precise() {
    IS_OURS.set(set_current_timer_slack(Some(PRECISE)).is_ok());
}

/// Starts a thread or a child, which does not take after this thread.
pub fn without_heirs<R>(start: impl FnOnce() -> R) -> R {
    // Somebody may have given the thread another slack since.
    if !IS_OURS.get() || current_timer_slack() != Ok(PRECISE.get()) {
        return start();
    }
    let _ = set_current_timer_slack(None);
    let _again = Again;
    start()
}

struct Again;

impl Drop for Again {
    fn drop(&mut self) {
        be_precise();
    }
}
