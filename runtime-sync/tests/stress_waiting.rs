//! Real threads that wait for each other, through a lock made of a word and a line, and through a
//! counter made of a word and a slot. A lost wake is a test that never ends.
#![allow(clippy::disallowed_methods, missing_docs)]

use std::cell::UnsafeCell;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Poll;
use std::thread;

use runtime_sync::block_on;
use runtime_sync::wait_list::{WaitList, Waited};
use runtime_sync::waker_slot::WakerSlot;

/// The smallest lock: whoever unlocks wakes one, who then tries again.
struct Lock {
    held: AtomicBool,
    line: WaitList,
    counter: UnsafeCell<usize>,
}

#[expect(unsafe_code, reason = "a lock is what is made here")]
// SAFETY: the counter is touched by who set `held` only.
unsafe impl Sync for Lock {}

impl Lock {
    fn try_lock(&self) -> bool {
        !self.held.swap(true, Ordering::Acquire)
    }

    async fn lock(&self) {
        let mut waiter = pin!(self.line.waiter());
        poll_fn(|cx| {
            loop {
                let waited = waiter.as_mut().poll_wait(cx, |_| match self.try_lock() {
                    true => ControlFlow::Break(()),
                    false => ControlFlow::Continue(()),
                });
                match waited {
                    Poll::Ready(Waited::Never(())) => return Poll::Ready(()),
                    Poll::Ready(Waited::Woken(())) => {}
                    Poll::Pending => return Poll::Pending,
                }
            }
        })
        .await;
    }

    fn unlock(&self) {
        self.held.swap(false, Ordering::Release);
        self.line.wake_one();
    }

    #[expect(unsafe_code, reason = "a lock is what is made here")]
    fn add_one(&self) -> usize {
        let counter = self.counter.get();
        // SAFETY: the lock is held.
        unsafe { *counter += 1 };
        // SAFETY: as above.
        unsafe { *counter }
    }
}

#[test]
fn a_lock_upon_a_line_never_hangs_and_excludes() {
    const THREADS: usize = 4;
    const ROUNDS: usize = 5_000;
    let lock =
        Lock { held: AtomicBool::new(false), line: WaitList::new(), counter: UnsafeCell::new(0) };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    block_on(async {
                        lock.lock().await;
                        lock.add_one();
                        if round % 16 == 0 {
                            thread::yield_now();
                        }
                        lock.unlock();
                    });
                }
            });
        }
    });
    assert_eq!(lock.add_one(), THREADS * ROUNDS + 1);
    assert!(!lock.line.has_waiters());
}

#[test]
fn a_counter_upon_a_slot_never_hangs() {
    const THREADS: usize = 3;
    const ROUNDS: usize = 5_000;
    let sent = AtomicUsize::new(0);
    let slot = WakerSlot::new();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    sent.fetch_add(1, Ordering::Release);
                    slot.wake();
                    if round % 16 == 0 {
                        thread::yield_now();
                    }
                }
            });
        }
        let mut seen = 0;
        while seen < THREADS * ROUNDS {
            // Waits for each change anew.
            seen = block_on(poll_fn(|cx| {
                slot.register(cx.waker());
                match sent.load(Ordering::Acquire) {
                    now if now == seen => Poll::Pending,
                    now => Poll::Ready(now),
                }
            }));
        }
    });
}
