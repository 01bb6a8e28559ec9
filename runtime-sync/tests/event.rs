//! `Event`, promise by promise; its races are in `loom_notify.rs`.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::thread;

use runtime_sync::block_on;
use runtime_sync::lock::Event;
use support::{Count, hooked};

fn is_ready(future: Pin<&mut (impl Future<Output = ()> + ?Sized)>) -> bool {
    future.poll(&mut Context::from_waker(Waker::noop())).is_ready()
}

/// A future that waits in line, and the count of its wakes.
fn waits(event: &Event) -> (Pin<Box<impl Future<Output = ()>>>, Arc<Count>) {
    let count = Count::new();
    let mut future = Box::pin(event.wait());
    assert!(future.as_mut().poll(&mut Context::from_waker(&count.waker())).is_pending());
    (future, count)
}

#[test]
fn a_set_event_lets_everybody_pass_until_it_is_cleared() {
    let event = Event::new();
    assert!(!event.is_set());
    event.set();
    event.set();
    assert!(event.is_set());
    assert!(is_ready(pin!(event.wait())) && is_ready(pin!(event.wait())));
    event.clear();
    event.clear();
    assert!(!event.is_set() && !is_ready(pin!(event.wait())));
}

#[test]
fn set_wakes_all_although_it_is_cleared_before_they_run() {
    let event = Event::new();
    let mut all: Vec<_> = (0..70).map(|_| waits(&event)).collect();
    event.set();
    event.clear();
    let (mut late, count) = waits(&event);
    assert!(all.iter_mut().all(|one| one.1.get() == 1 && is_ready(one.0.as_mut())));
    assert!(count.get() == 0 && !is_ready(late.as_mut()));
    assert_eq!(event.stats().waiters, 1);
}

/// A waker of the first batch clears the event and enters anew: the same `set` must not wake it,
/// but must wake those behind the batch.
#[test]
fn who_enters_after_a_clear_is_not_woken_by_the_set_before() {
    let event = Arc::new(Event::new());
    let late = Arc::new(std::sync::OnceLock::new());
    let waker = hooked({
        let (event, late) = (Arc::clone(&event), Arc::clone(&late));
        move |what| {
            if what == support::Event::Wake {
                event.clear();
                let event = Arc::clone(&event);
                let mut future: Pin<Box<dyn Future<Output = ()> + Send + Sync>> =
                    Box::pin(async move { event.wait().await });
                assert!(!is_ready(future.as_mut()));
                assert!(late.set(std::sync::Mutex::new(future)).is_ok());
            }
        }
    });
    let mut first = Box::pin(event.wait());
    assert!(first.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    let rest: Vec<_> = (0..70).map(|_| waits(&event)).collect();
    event.set();
    assert!(rest.iter().all(|one| one.1.get() == 1));
    assert_eq!(event.stats().waiters, 1);
    assert!(!is_ready(late.get().unwrap().lock().unwrap().as_mut()));
    event.set();
    assert!(is_ready(late.get().unwrap().lock().unwrap().as_mut()));
}

#[test]
fn who_stops_waiting_leaves_no_trace() {
    let event = Event::new();
    let (first, count) = waits(&event);
    drop(first);
    assert_eq!(event.stats().waiters, 0);
    assert_eq!(Arc::strong_count(&count), 1, "the waker was kept");
    event.set();
    assert_eq!(count.get(), 0);
}

#[test]
fn wakers_that_panic_do_not_keep_the_others_from_being_woken() {
    let event = Event::new();
    let angry = hooked(|what| assert_ne!(what, support::Event::Wake, "angry"));
    let mut futures: Vec<_> = (0..40).map(|_| Box::pin(event.wait())).collect();
    for future in &mut futures {
        assert!(future.as_mut().poll(&mut Context::from_waker(&angry)).is_pending());
    }
    let (_calm, count) = waits(&event);
    catch_unwind(AssertUnwindSafe(|| event.set())).unwrap_err();
    assert_eq!(count.get(), 1);
    assert!(event.is_set() && is_ready(pin!(event.wait())));
}

#[test]
fn it_can_be_shared() {
    fn shared<T: Send + Sync>(_: &T) {}
    fn moves<T: Unpin + UnwindSafe + RefUnwindSafe + Default>(_: &T) {}
    let event = Event::new();
    shared(&event);
    moves(&event);
    shared(&event.wait());
    assert!(size_of::<Event>() <= 32);
}

#[test]
fn threads_that_take_turns_never_hang() {
    const ROUNDS: usize = 2_000;
    let (ping, pong) = (Event::new(), Event::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..ROUNDS {
                block_on(ping.wait());
                ping.clear();
                pong.set();
            }
        });
        for _ in 0..ROUNDS {
            ping.set();
            block_on(pong.wait());
            pong.clear();
        }
    });
}
