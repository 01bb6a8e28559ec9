//! Values that travel with a future: there while it is polled or dropped, and nowhere else.
#![allow(missing_docs, clippy::disallowed_types)]

mod support;

use filch::runtime::Builder;
use filch::task::yield_now;
use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

filch::task_local! {
    static NUMBER: u32;
    pub static WORD: String;
    static COUNT: Cell<u32>
}

#[test]
fn a_value_goes_from_thread_to_thread_with_its_future() {
    let runtime = Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..100)
            .map(|number| {
                filch::spawn(NUMBER.scope(number, async move {
                    for _ in 0..50 {
                        assert_eq!(NUMBER.get(), number);
                        yield_now().await;
                    }
                    NUMBER.get()
                }))
            })
            .collect();
        for (number, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap() as usize, number);
        }
    });
}

#[filch::test]
async fn outside_there_is_none() {
    assert!(NUMBER.try_get().is_err());
    let error = NUMBER.try_with(|_| ()).unwrap_err();
    assert!(error.to_string().contains("within `scope`"));
    NUMBER
        .scope(1, async { filch::spawn(async { assert!(NUMBER.try_get().is_err()) }).await })
        .await
        .unwrap();
    assert!(NUMBER.try_get().is_err());
}

#[test]
#[should_panic = "only there within `scope`"]
fn with_outside_of_a_scope_is_a_mistake() {
    NUMBER.with(|_| ());
}

#[filch::test]
async fn the_innermost_scope_counts() {
    let inner = async {
        assert_eq!(NUMBER.get(), 1);
        NUMBER.scope(2, async { assert_eq!(NUMBER.get(), 2) }).await;
        assert_eq!(NUMBER.sync_scope(3, || NUMBER.get()), 3);
        assert_eq!((NUMBER.get(), WORD.get().as_str()), (1, "one"));
    };
    WORD.scope("one".to_owned(), NUMBER.scope(1, inner)).await;
}

#[filch::test]
async fn two_scopes_side_by_side_do_not_mix() {
    let task = |number| {
        NUMBER.scope(number, async move {
            for _ in 0..5 {
                yield_now().await;
                assert_eq!(NUMBER.get(), number);
            }
        })
    };
    filch::join!(task(1), task(2), async { assert!(NUMBER.try_get().is_err()) });
}

#[filch::test]
async fn the_drop_of_the_future_sees_the_value() {
    struct Looks(Rc<Cell<u32>>);
    impl Drop for Looks {
        fn drop(&mut self) {
            self.0.set(NUMBER.get());
        }
    }
    for finish in [true, false] {
        let seen = Rc::new(Cell::new(0));
        let looks = Looks(seen.clone());
        let mut future = Box::pin(NUMBER.scope(7, async move {
            let _looks = looks;
            if !finish {
                std::future::pending::<()>().await;
            }
        }));
        filch::select! {
            biased;
            () = &mut future => {}
            () = yield_now() => {}
        }
        drop(future);
        assert_eq!(seen.get(), 7);
    }
}

#[filch::test]
async fn a_value_may_be_changed_and_taken_out() {
    let mut future = pin!(COUNT.scope(Cell::new(1), async {
        COUNT.with(|count| count.set(count.get() + 1));
    }));
    future.as_mut().await;
    assert_eq!(future.as_mut().take_value().map(|count| count.get()), Some(2));
    assert!(future.take_value().is_none());
}

#[filch::test]
async fn a_panic_puts_everything_back() {
    static DROPS: AtomicU32 = AtomicU32::new(0);
    let task = filch::spawn(NUMBER.scope(1, async {
        struct Counts;
        impl Drop for Counts {
            fn drop(&mut self) {
                DROPS.fetch_add(NUMBER.get(), Ordering::SeqCst);
            }
        }
        let _counts = Counts;
        panic!("boom")
    }));
    assert!(task.await.unwrap_err().is_panic());
    assert_eq!(DROPS.load(Ordering::SeqCst), 1);
    assert!(NUMBER.try_get().is_err());
}

#[test]
#[should_panic = "from within `with` of the same key"]
fn a_scope_from_within_with_is_a_mistake() {
    NUMBER.sync_scope(1, || NUMBER.with(|_| NUMBER.sync_scope(2, || ())));
}

#[test]
fn a_poll_after_the_end_is_a_mistake_of_the_caller() {
    use std::task::{Context, Waker};
    let mut future = pin!(NUMBER.scope(1, async {}));
    let mut cx = Context::from_waker(Waker::noop());
    assert!(future.as_mut().poll(&mut cx).is_ready());
    let said = support::panic_here(|| future.as_mut().poll(&mut cx));
    assert!(said.contains("polled again"), "{said}");
}

/// Nobody can put a value in place of one that is lent out, and a drop must not panic: in the midst of another
/// panic that would be the end of the process.
#[test]
fn what_is_dropped_within_with_is_dropped_without_its_own_value() {
    struct Sees<'a>(&'a Cell<u32>);
    impl Drop for Sees<'_> {
        fn drop(&mut self) {
            self.0.set(NUMBER.get());
        }
    }
    let seen = Cell::new(0);
    let future = |value| {
        let sees = Sees(&seen);
        NUMBER.scope(value, async move { drop(sees) })
    };
    NUMBER.sync_scope(1, || NUMBER.with(|_| drop(future(2))));
    assert_eq!(seen.get(), 1);
    NUMBER.sync_scope(3, || {
        let said = support::panic_of(|| {
            NUMBER.with(|_| {
                let _dropped = future(4);
                panic!("{}", support::ON_PURPOSE)
            })
        });
        assert_eq!((said.as_str(), seen.get()), (support::ON_PURPOSE, 3));
        drop(future(5));
        assert_eq!((seen.get(), NUMBER.get()), (5, 3));
    });
}
