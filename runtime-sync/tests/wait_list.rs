//! The line of waiters, on one thread; the races are in `loom_wait_list.rs`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::cell::Cell;
use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use runtime_sync::wait_list::{Choice, Left, OwnedWaiter, WaitList, WaitUnless, Waited, Waiter};
use runtime_sync::wake_batch::WakeBatch;
use support::{Count, Event, hooked};

/// Enters with `payload`, or polls again.
fn poll<T>(waiter: Pin<&mut Waiter<'_, T>>, waker: &Waker, payload: T) -> Poll<Waited<(), T>> {
    waiter.poll_wait(&mut Context::from_waker(waker), |_| ControlFlow::Continue(payload))
}

type Waits<'a> = Pin<Box<WaitUnless<'a, fn() -> bool>>>;

/// A future that waits in the line already.
fn waits<'a>(list: &'a WaitList, waker: &Waker) -> Waits<'a> {
    let mut future: Waits<'a> = Box::pin(list.wait_unless(|| false));
    assert!(poll_unless(&mut future, waker).is_pending());
    future
}

fn poll_unless(future: &mut Waits<'_>, waker: &Waker) -> Poll<()> {
    future.as_mut().poll(&mut Context::from_waker(waker))
}

#[test]
fn a_waiter_fits_into_a_cache_line() {
    assert!(size_of::<Waiter<'_, ()>>() <= 64, "{}", size_of::<Waiter<'_, ()>>());
    assert!(size_of::<WaitList>() <= 24, "{}", size_of::<WaitList>());
}

#[test]
fn the_first_in_line_is_woken_first() {
    let list = WaitList::new();
    let counts: Vec<_> = (0..3).map(|_| Count::new()).collect();
    let mut futures: Vec<_> = counts.iter().map(|count| waits(&list, &count.waker())).collect();
    for (n, future) in futures.iter_mut().enumerate() {
        assert!(list.wake_one());
        let woken: Vec<_> = counts.iter().map(|count| count.get()).collect();
        assert_eq!(woken, (0..3).map(|m| (m <= n) as usize).collect::<Vec<_>>());
        assert!(poll_unless(future, Waker::noop()).is_ready());
    }
    assert!(!list.wake_one());
    assert!(!list.has_waiters());
}

#[test]
fn who_need_not_wait_does_not_enter() {
    let list: WaitList<u32> = WaitList::new();
    let mut waiter = pin!(list.waiter());
    let mut cx = Context::from_waker(Waker::noop());
    let polled = waiter.as_mut().poll_wait(&mut cx, |_| ControlFlow::Break("no need"));
    assert_eq!(polled, Poll::Ready(Waited::Never("no need")));
    assert!(!list.has_waiters());
    assert_eq!(waiter.leave(), Left::Outside);
}

#[test]
fn the_look_is_announced_to_those_who_wake() {
    let list: WaitList<u32> = WaitList::new();
    let mut waiter = pin!(list.waiter());
    let entered = waiter.as_mut().enter(|line| {
        assert!(list.has_waiters());
        assert!(line.is_empty());
        ControlFlow::Break(())
    });
    assert!(entered.is_break());
    assert!(!list.has_waiters());
}

#[test]
fn as_many_are_woken_as_are_chosen_from_the_front() {
    let list = WaitList::new();
    let wake = |count: usize| {
        let mut woken = 0;
        list.lock().wake_where(|()| {
            if woken == count {
                return Choice::Stop;
            }
            woken += 1;
            Choice::Wake
        });
        woken
    };
    let counts: Vec<_> = (0..100).map(|_| Count::new()).collect();
    let futures: Vec<_> = counts.iter().map(|count| waits(&list, &count.waker())).collect();
    assert_eq!(wake(70), 70);
    assert!(counts[..70].iter().all(|count| count.get() == 1));
    assert!(counts[70..].iter().all(|count| count.get() == 0));
    assert_eq!(wake(70), 30);
    // Dropped unpolled, each hands on to nobody.
    drop(futures);
    assert!(counts.iter().all(|count| count.get() == 1));
}

#[test]
fn permits_are_granted_from_the_front_under_the_lock() {
    let list: WaitList<usize> = WaitList::new();
    let mut waiters: Vec<_> = (0..4).map(|_| Box::pin(list.waiter())).collect();
    for (waiter, wanted) in waiters.iter_mut().zip([1, 3, 2, 1]) {
        assert!(poll(waiter.as_mut(), Waker::noop(), wanted).is_pending());
    }
    // A grant may be partial: then the one in front remembers what is missing, and all wait.
    let mut permits = 3;
    let mut woken = 0;
    list.lock().wake_where(|missing| {
        let granted = permits.min(*missing);
        permits -= granted;
        *missing -= granted;
        if *missing > 0 {
            return Choice::Stop;
        }
        woken += 1;
        Choice::Wake
    });
    assert_eq!(woken, 1);
    assert_eq!(poll(waiters[0].as_mut(), Waker::noop(), 9), Poll::Ready(Waited::Woken(0)));
    assert_eq!(list.lock().front(), Some(&mut 1));
    assert_eq!(waiters[1].as_mut().leave(), Left::Waiting(1));
    assert_eq!(list.lock().front(), Some(&mut 2));
    assert_eq!(list.lock().len(), 2);
}

#[test]
fn the_last_in_line_can_be_taken_first() {
    let list: WaitList<u32> = WaitList::new();
    let counts = [Count::new(), Count::new()];
    let mut first = pin!(list.waiter());
    let mut second = pin!(list.waiter());
    assert!(poll(first.as_mut(), &counts[0].waker(), 1).is_pending());
    assert!(poll(second.as_mut(), &counts[1].waker(), 2).is_pending());
    assert_eq!(list.lock().back(), Some(&mut 2));
    let waker = list.lock().pop_back().unwrap().unwrap();
    waker.wake();
    assert_eq!((counts[0].get(), counts[1].get()), (0, 1));
    assert_eq!(second.leave(), Left::Chosen(2));
    assert_eq!(list.lock().back(), Some(&mut 1));
    assert_eq!(first.leave(), Left::Waiting(1));
    assert!(list.lock().pop_back().is_none());
}

#[test]
fn those_who_are_passed_stay_in_line() {
    let list: WaitList<u32> = WaitList::new();
    let mut waiters: Vec<_> = (0..60).map(|_| Box::pin(list.waiter())).collect();
    for (n, waiter) in (0..).zip(&mut waiters) {
        assert!(poll(waiter.as_mut(), Waker::noop(), n).is_pending());
    }
    let mut asked = Vec::new();
    list.lock().wake_where(|n| {
        asked.push(*n);
        if *n % 2 == 0 { Choice::Wake } else { Choice::Pass }
    });
    assert_eq!(asked, (0..60).collect::<Vec<_>>(), "each was asked about once, in order");
    assert_eq!(list.lock().front(), Some(&mut 1));
    assert_eq!(list.wake_all(), 30);
}

#[test]
fn a_chosen_waiter_that_is_dropped_hands_its_wake_on() {
    let list = WaitList::new();
    let (a, b) = (Count::new(), Count::new());
    let first = waits(&list, &a.waker());
    let mut second = waits(&list, &b.waker());
    list.wake_one();
    drop(first);
    assert_eq!((a.get(), b.get()), (1, 1));
    assert!(poll_unless(&mut second, Waker::noop()).is_ready());
}

#[test]
fn a_released_waiter_that_is_dropped_hands_nothing_on() {
    let list = WaitList::new();
    let (a, b) = (Count::new(), Count::new());
    let first = waits(&list, &a.waker());
    list.wake_all();
    let second = waits(&list, &b.waker());
    drop(first);
    assert_eq!((a.get(), b.get()), (1, 0));
    drop(second);
}

#[test]
fn a_waiter_that_has_not_been_polled_can_be_chosen() {
    let list: WaitList<u32> = WaitList::new();
    let mut waiter = pin!(list.waiter());
    let _ = waiter.as_mut().enter(|_| ControlFlow::<(), u32>::Continue(1));
    assert!(waiter.is_waiting());
    assert_eq!(list.wake_all(), 1);
    assert_eq!(poll(waiter.as_mut(), Waker::noop(), 2), Poll::Ready(Waited::Woken(1)));
    assert!(poll(waiter.as_mut(), Waker::noop(), 2).is_pending(), "it is ready to be used again");
    let mut batch = WakeBatch::new();
    assert!(list.lock().choose_front(&mut batch));
    assert!(!list.lock().choose_front(&mut batch));
    batch.wake_all();
    assert_eq!(waiter.leave(), Left::Chosen(2));
}

#[test]
fn the_waker_of_the_last_poll_is_woken() {
    let list = WaitList::new();
    let (old, new) = (Count::new(), Count::new());
    let mut future = waits(&list, &old.waker());
    assert!(poll_unless(&mut future, &new.waker()).is_pending());
    assert_eq!(Arc::strong_count(&old), 1, "the replaced waker is not kept");
    list.wake_one();
    assert_eq!((old.get(), new.get()), (0, 1));
}

#[test]
fn a_waker_is_cloned_only_when_it_changes_and_dropped_when_the_waiter_leaves() {
    let list = WaitList::new();
    let clones = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&clones);
    let waker = hooked(move |event| {
        counter.fetch_add((event == Event::Clone) as usize, Ordering::SeqCst);
    });
    let mut future = waits(&list, &waker);
    for _ in 0..10 {
        assert!(poll_unless(&mut future, &waker).is_pending());
    }
    assert_eq!(clones.load(Ordering::SeqCst), 1);

    let count = Count::new();
    assert!(poll_unless(&mut future, &count.waker()).is_pending());
    drop(future);
    assert_eq!(Arc::strong_count(&count), 1);
}

#[test]
fn wake_all_ends_although_the_woken_enter_again() {
    /// Each time it is woken, it enters a new waiter, which is kept.
    static LIST: WaitList = WaitList::new();
    static KEPT: Mutex<Vec<Waits<'static>>> = Mutex::new(Vec::new());
    fn enter_again() -> Waker {
        hooked(|event| {
            if event == Event::Wake {
                let future = waits(&LIST, &enter_again());
                KEPT.lock().unwrap().push(future);
            }
        })
    }
    let first: Vec<_> = (0..100).map(|_| waits(&LIST, &enter_again())).collect();
    assert_eq!(LIST.wake_all(), 100);
    assert_eq!(LIST.lock().len(), 100);
    assert_eq!(LIST.wake_all(), 100);
    assert_eq!(LIST.lock().len(), 100);
    drop(first);
}

#[test]
fn panicking_wakers_do_not_keep_the_others_from_being_woken() {
    let list = WaitList::new();
    let count = Count::new();
    let bad = hooked(|event| assert_ne!(event, Event::Wake, "on purpose"));
    let good = count.waker();
    let waker = |n: usize| if n.is_multiple_of(10) { &bad } else { &good };
    let futures: Vec<_> = (0..100).map(|n| waits(&list, waker(n))).collect();
    assert!(catch_unwind(AssertUnwindSafe(|| list.wake_all())).is_err());
    assert_eq!(count.get(), 90);
    assert!(!list.has_waiters());
    for mut future in futures {
        assert!(poll_unless(&mut future, Waker::noop()).is_ready());
    }
}

#[test]
fn a_waker_may_call_back_into_the_line_at_any_time() {
    static LIST: WaitList = WaitList::new();
    let waker = hooked(|_| {
        LIST.wake_one();
        drop(waits(&LIST, Waker::noop()));
        LIST.wake_all();
        drop(LIST.lock());
    });
    for _ in 0..3 {
        let mut future = Box::pin(LIST.wait_unless(|| false));
        for _ in 0..3 {
            let _ = future.as_mut().poll(&mut Context::from_waker(&waker));
            let _ = future.as_mut().poll(&mut Context::from_waker(&hooked(|_| drop(LIST.lock()))));
        }
        LIST.wake_one();
        drop(future);
    }
    drop(waker);
    assert!(!LIST.has_waiters());
}

#[test]
fn clones_and_drops_that_panic_leave_the_line_usable() {
    let list = WaitList::new();
    let armed = Arc::new(AtomicUsize::new(0));
    let bad = |what| {
        let armed = Arc::clone(&armed);
        hooked(move |event| {
            if event == what && armed.swap(0, Ordering::SeqCst) == 1 {
                panic!("on purpose");
            }
        })
    };
    let arm = || armed.store(1, Ordering::SeqCst);

    // The clone on the way in.
    let waker = bad(Event::Clone);
    let mut future: Waits<'_> = Box::pin(list.wait_unless(|| false));
    arm();
    assert!(catch_unwind(AssertUnwindSafe(|| poll_unless(&mut future, &waker))).is_err());
    assert!(!list.has_waiters());
    // The clone of a new waker.
    let count = Count::new();
    assert!(poll_unless(&mut future, &count.waker()).is_pending());
    arm();
    assert!(catch_unwind(AssertUnwindSafe(|| poll_unless(&mut future, &waker))).is_err());
    // The drop of the one before.
    let dropped = bad(Event::Drop);
    assert!(poll_unless(&mut future, &dropped).is_pending());
    arm();
    assert!(catch_unwind(AssertUnwindSafe(|| poll_unless(&mut future, &count.waker()))).is_err());
    list.wake_one();
    assert_eq!(count.get(), 1);
    assert!(poll_unless(&mut future, Waker::noop()).is_ready());
    // The drop on the way out.
    assert!(poll_unless(&mut future, &dropped).is_pending());
    arm();
    assert!(catch_unwind(AssertUnwindSafe(|| drop(future))).is_err());
    assert!(!list.has_waiters());
    assert!(list.lock().is_empty());
}

#[test]
fn a_look_that_panics_leaves_the_line_usable() {
    let list = WaitList::new();
    let mut future = Box::pin(list.wait_unless(|| panic!("on purpose")));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(&mut cx))).is_err());
    assert!(!list.has_waiters());
    drop(future);

    let count = Count::new();
    let one = waits(&list, &count.waker());
    let two = waits(&list, &count.waker());
    let asked = Cell::new(0);
    let decide = |_: &mut ()| {
        asked.set(asked.get() + 1);
        if asked.get() == 2 { panic!("on purpose") } else { Choice::Wake }
    };
    assert!(catch_unwind(AssertUnwindSafe(|| list.lock().wake_where(decide))).is_err());
    assert_eq!(count.get(), 1, "who was chosen before the panic is woken");
    assert_eq!(list.lock().len(), 1);
    drop((one, two));
}

#[test]
fn who_is_nudged_keeps_its_place() {
    let list: WaitList<u32> = WaitList::new();
    let (first, second) = (Count::new(), Count::new());
    let mut front = pin!(list.waiter());
    let mut behind = pin!(list.waiter());
    assert!(poll(front.as_mut(), &first.waker(), 1).is_pending());
    assert!(poll(behind.as_mut(), &second.waker(), 2).is_pending());

    let waker = list.lock().nudge_front();
    waker.expect("the first has left a waker").wake();
    assert_eq!((first.get(), second.get()), (1, 0));
    // The waker is gone with the nudge, so a second one finds none.
    assert!(list.lock().nudge_front().is_none());

    assert_eq!(front.as_mut().leave_if(|_| false, |_| unreachable!()), None);
    assert!(poll(front.as_mut(), &first.waker(), 0).is_pending());
    let popped = list.lock().pop_front();
    popped.expect("somebody is in line").expect("with a waker").wake();
    assert_eq!((first.get(), second.get()), (2, 0));
    assert_eq!(poll(front, &first.waker(), 0), Poll::Ready(Waited::Woken(1)));
}

#[test]
fn who_leaves_on_its_own_sees_the_line_it_leaves_behind() {
    let list: WaitList<u32> = WaitList::new();
    let mut front = pin!(list.waiter());
    let mut behind = pin!(list.waiter());
    assert!(poll(front.as_mut(), Waker::noop(), 1).is_pending());
    assert!(poll(behind.as_mut(), Waker::noop(), 2).is_pending());
    let mut next = None;
    let left = front.leave_if(|payload| *payload == 1, |line| next = line.front().copied());
    assert_eq!((left, next), (Some(Left::Waiting(1)), Some(2)));
    assert_eq!(list.lock().len(), 1);
}

#[test]
fn a_panic_in_leave_if_leaves_the_line_in_order() {
    let list: WaitList<u32> = WaitList::new();
    let mut waiter = pin!(list.waiter());
    assert!(poll(waiter.as_mut(), Waker::noop(), 1).is_pending());
    let decide =
        catch_unwind(AssertUnwindSafe(|| waiter.as_mut().leave_if(|_| panic!("decide"), |_| ())));
    assert!(decide.is_err());
    assert_eq!(list.lock().len(), 1);
    let then =
        catch_unwind(AssertUnwindSafe(|| waiter.as_mut().leave_if(|_| true, |_| panic!("then"))));
    assert!(then.is_err());
    assert!(!list.has_waiters());
    assert_eq!(waiter.leave(), Left::Outside);
}

#[test]
fn a_panic_as_it_leaves_drops_the_waker_when_the_lock_is_given_back() {
    let list: Arc<WaitList<u32>> = Arc::new(WaitList::new());
    let dropped = Arc::new(AtomicUsize::new(0));
    let waker = {
        let (list, dropped) = (Arc::clone(&list), Arc::clone(&dropped));
        // It waits for the lock: with the lock still held, this would never end.
        hooked(move |event| {
            if let Event::Drop = event {
                dropped.fetch_add(list.lock().len() + 1, Ordering::Relaxed);
            }
        })
    };
    let mut waiter = pin!(list.waiter());
    assert!(poll(waiter.as_mut(), &waker, 1).is_pending());
    let leaves =
        catch_unwind(AssertUnwindSafe(|| waiter.as_mut().leave_if(|_| true, |_| panic!("then"))));
    assert!(leaves.is_err());
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
}

#[test]
fn an_owned_waiter_keeps_its_line_alive() {
    struct Bell {
        listeners: WaitList<u32>,
    }
    let bell = Arc::new(Bell { listeners: WaitList::new() });
    let weak = Arc::downgrade(&bell);
    let mut waiter = Box::pin(OwnedWaiter::new(Arc::clone(&bell), |bell| &bell.listeners));
    assert!(Arc::ptr_eq(waiter.owner(), &bell));
    assert!(poll(waiter.as_mut().waiter(), Waker::noop(), 7).is_pending());
    assert_eq!(bell.listeners.lock().len(), 1);
    drop(bell);
    assert_eq!(weak.upgrade().expect("the waiter owns it").listeners.wake_all(), 1);
    assert_eq!(waiter.as_mut().waiter().leave(), Left::Released(7));
    drop(waiter);
    assert!(weak.upgrade().is_none());
}
