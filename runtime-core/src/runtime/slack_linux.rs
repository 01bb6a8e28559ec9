//! How late the kernel may wake a thread up: as Linux asks.
//!
//! By default it may be 50 µs, in order to put wake-ups together. Threads that are not ours are left
//! as they are. What one of ours starts, a thread or a child, would be born as precise as it, by
//! default and for good: so it is started while the thread is what it was born as.
//!
//! # Invariants
//!
//! - The calls take numbers and return one: they touch no memory of ours.

use std::cell::Cell;

/// In nanoseconds; none would mean what the thread was born with.
const PRECISE: libc::c_int = 1;
const AS_BORN: libc::c_int = 0;

thread_local! {
    static IS_OURS: Cell<bool> = const { Cell::new(false) };
}

/// Asks to be woken up on time.
pub(super) fn be_precise() {
    IS_OURS.set(set_slack(PRECISE));
}

/// Whether the system has agreed.
fn set_slack(nanos: libc::c_int) -> bool {
    // SAFETY: see the invariant.
    unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, libc::c_long::from(nanos)) == 0 }
}

fn slack() -> libc::c_int {
    // SAFETY: see the invariant.
    unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) }
}

/// Starts a thread or a child, which does not take after this thread.
pub fn without_heirs<R>(start: impl FnOnce() -> R) -> R {
    // Somebody may have given the thread another slack since.
    if !IS_OURS.get() || slack() != PRECISE {
        return start();
    }
    set_slack(AS_BORN);
    let _again = Again;
    start()
}

struct Again;

impl Drop for Again {
    fn drop(&mut self) {
        be_precise();
    }
}
