//! Tasks that are not `Send`: they never leave their thread, alive or dead, whoever aborts them.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::runtime::{Builder, LocalOptions, LocalRuntime, Runtime};
use filch::task::{self, AbortHandle, LocalSet, yield_now};
use filch::time::{Duration, sleep, timeout};
use std::cell::{Cell, RefCell};
use std::future::pending;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Wake, Waker};
use std::thread::{self, ThreadId};
use support::{
    Census, Gate, current, hand_out_waker, multi, panic_here, panic_of, poll_with, watch,
};

/// Belongs to a thread: looks after it when it is used and when it is dropped.
struct AtHome {
    thread: ThreadId,
    not_send: Rc<()>,
    _citizen: support::Citizen,
}

impl AtHome {
    fn new(census: &Census) -> AtHome {
        let thread = thread::current().id();
        AtHome { thread, not_send: Rc::new(()), _citizen: census.guard() }
    }

    fn check(&self) {
        assert_eq!(self.thread, thread::current().id());
        assert_eq!(Rc::strong_count(&self.not_send), 1);
    }
}

impl Drop for AtHome {
    fn drop(&mut self) {
        if self.thread != thread::current().id() {
            eprintln!("a future that is not Send was dropped on a foreign thread");
            std::process::abort();
        }
    }
}

/// Calls `test` where local tasks can be spawned, once in each of the ways there are.
fn wherever_tasks_may_be_local(test: impl AsyncFn() + Clone + Send + 'static) {
    // In a set on a plain runtime.
    for runtime in [current(), multi(2)] {
        LocalSet::new().block_on(&runtime, test());
    }
    // In a runtime that stays on its thread: as a root, and as a task.
    LocalRuntime::new().unwrap().block_on(test());
    let runtime = LocalRuntime::new().unwrap();
    runtime
        .block_on(runtime.spawn_local({
            let test = test.clone();
            async move { test().await }
        }))
        .unwrap();
    // On a worker.
    for workers in [1, 2] {
        let runtime = multi(workers);
        let test = test.clone();
        let on_worker =
            async move { task::spawn_local(async move { test().await }).await.unwrap() };
        runtime.block_on(runtime.spawn(on_worker)).unwrap();
    }
}

#[test]
fn local_tasks_share_what_is_not_send() {
    let _watch = watch();
    wherever_tasks_may_be_local(async || {
        let sum = Rc::new(Cell::new(0));
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let sum = sum.clone();
                task::spawn_local(async move {
                    yield_now().await;
                    sum.set(sum.get() + n);
                    // The output need not be `Send` either.
                    Rc::new(n)
                })
            })
            .collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(*task.await.unwrap(), n);
        }
        assert_eq!(sum.get(), 4_950);
        assert_eq!(Rc::strong_count(&sum), 1);
    });
}

#[test]
fn local_tasks_begin_in_order_and_spawn_more() {
    let _watch = watch();
    wherever_tasks_may_be_local(async || {
        let order = Rc::new(RefCell::new(Vec::new()));
        let tasks: Vec<_> = (0..5)
            .map(|n| {
                let order = order.clone();
                task::spawn_local(async move {
                    order.borrow_mut().push(n);
                    let order = order.clone();
                    task::spawn_local(async move { order.borrow_mut().push(n + 10) })
                        .await
                        .unwrap();
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4, 10, 11, 12, 13, 14]);
    });
}

#[test]
fn local_tasks_wait_for_timers_jobs_and_other_tasks() {
    let _watch = watch();
    wherever_tasks_may_be_local(async || {
        let rc = Rc::new(1);
        let task = task::spawn_local(async move {
            sleep(Duration::from_micros(100)).await;
            let job = task::spawn_blocking(|| 2).await.unwrap();
            let free = filch::spawn(async { 3 }).await.unwrap();
            *rc + job + free
        });
        assert_eq!(task.await.unwrap(), 6);
    });
}

// Bug 16, in all states a task can be in.
#[test]
fn abort_drops_the_future_on_its_home_thread() {
    let _watch = watch();
    wherever_tasks_may_be_local(async || {
        let census = Census::default();
        for round in 0..60 {
            let state = round % 6;
            let begun = Gate::new();
            let (send_waker, wakers) = mpsc::channel::<Waker>();
            let home = AtHome::new(&census);
            let begin = begun.clone();
            let task = task::spawn_local(async move {
                home.check();
                begin.open();
                match state {
                    // Idle.
                    0 | 1 => pending().await,
                    // Queued over and over.
                    2 => loop {
                        yield_now().await;
                        home.check();
                    },
                    // Woken by another thread at the same time.
                    3 => {
                        hand_out_waker(|waker| send_waker.send(waker).unwrap()).await;
                        home.check();
                        pending().await
                    }
                    // Complete.
                    4 => {}
                    // Never polled.
                    _ => unreachable!(),
                }
                home.check();
            });
            if state != 5 {
                begun.pass().await;
            }
            let abort: AbortHandle = task.abort_handle();
            let waker = wakers.try_recv().ok();
            let elsewhere = thread::spawn(move || {
                if let Some(waker) = &waker {
                    waker.wake_by_ref();
                }
                abort.abort();
                drop(waker);
                // The last reference may be this one.
                drop(abort);
            });
            if round % 2 == 0 {
                let result = task.await;
                assert_eq!(result.is_ok(), state == 4, "state {state}");
            } else {
                drop(task);
            }
            while census.dead() <= round {
                yield_now().await;
            }
            elsewhere.join().unwrap();
        }
        assert_eq!(census.dead(), 60);
    });
}

#[test]
fn a_handle_dropped_elsewhere_leaves_the_future_at_home() {
    let _watch = watch();
    wherever_tasks_may_be_local(async || {
        let census = Census::default();
        for _ in 0..50 {
            let home = AtHome::new(&census);
            // The output may be sent; the future may not.
            let task = task::spawn_local(async move {
                yield_now().await;
                home.check();
            });
            let elsewhere = thread::spawn(move || drop(task));
            yield_now().await;
            elsewhere.join().unwrap();
        }
        while census.dead() < 50 {
            yield_now().await;
        }
    });
}

#[test]
fn wakes_from_other_threads_bring_local_tasks_back_home() {
    let _watch = watch();
    wherever_tasks_may_be_local(async || {
        let census = Census::default();
        for _ in 0..200 {
            let (send, receive) = mpsc::channel::<Waker>();
            let home = AtHome::new(&census);
            let task = task::spawn_local(async move {
                hand_out_waker(|waker| send.send(waker).unwrap()).await;
                home.check();
            });
            let elsewhere = thread::spawn(move || receive.recv().unwrap().wake());
            task.await.unwrap();
            elsewhere.join().unwrap();
        }
        assert_eq!(census.dead(), 200);
    });
}

#[test]
fn a_set_is_ready_when_its_last_task_is_done() {
    let _watch = watch();
    let (runtime, set, census) = (current(), LocalSet::new(), Census::default());
    for n in 0..200 {
        let home = AtHome::new(&census);
        drop(set.spawn_local(async move {
            for _ in 0..n {
                yield_now().await;
            }
            home.check();
            // The set waits for tasks that its tasks spawn, too.
            let child = AtHome::new(&Census::default());
            drop(task::spawn_local(async move { child.check() }));
        }));
    }
    runtime.block_on(set);
    assert_eq!(census.dead(), 200);
    // Nothing to wait for.
    runtime.block_on(LocalSet::new());
}

#[test]
fn a_set_keeps_its_tasks_between_runs_and_drops_them_with_itself() {
    let _watch = watch();
    let (runtime, set, census) = (multi(1), LocalSet::new(), Census::default());
    let (gate, steps) = (Gate::new(), Rc::new(Cell::new(0)));
    for _ in 0..3 {
        let (home, gate, steps) = (AtHome::new(&census), gate.clone(), steps.clone());
        drop(set.spawn_local(async move {
            home.check();
            steps.set(steps.get() + 1);
            gate.pass().await;
            steps.set(steps.get() + 1);
            pending::<()>().await;
        }));
    }
    runtime.block_on(set.run_until(yield_now()));
    assert_eq!(steps.get(), 3);
    gate.open();
    assert_eq!(steps.get(), 3, "a set that nobody awaits does nothing");
    set.block_on(&runtime, async { yield_now().await });
    assert_eq!((steps.get(), census.dead()), (6, 0));
    // A `run_until` that is dropped half-way loses nothing.
    runtime.block_on(async {
        let _ = timeout(Duration::from_micros(1), set.run_until(pending::<()>())).await;
    });
    assert_eq!(census.dead(), 0);
    drop(set);
    assert_eq!(census.dead(), 3);
}

#[test]
fn a_set_may_be_dropped_before_or_after_the_runtime() {
    let _watch = watch();
    for set_first in [true, false] {
        for runtime in [current(), multi(2)] {
            let (set, census) = (LocalSet::new(), Census::default());
            let (send, receive) = mpsc::channel::<Waker>();
            let home = AtHome::new(&census);
            let mut task = set.spawn_local(async move {
                hand_out_waker(|waker| send.send(waker).unwrap()).await;
                home.check();
            });
            let never = set.spawn_local(async move { unreachable!() });
            never.abort();
            set.block_on(&runtime, yield_now());
            let waker = receive.recv().unwrap();
            let elsewhere = thread::spawn({
                let waker = waker.clone();
                move || (0..100).for_each(|_| waker.wake_by_ref())
            });
            if set_first {
                drop(set);
                drop(runtime);
            } else {
                drop(runtime);
                drop(set);
            }
            assert_eq!(census.dead(), 1);
            elsewhere.join().unwrap();
            waker.wake();
            let std::task::Poll::Ready(result) = poll_with(&mut task, Waker::noop()) else {
                panic!("the handle must be ready");
            };
            assert!(result.unwrap_err().is_cancelled());
        }
    }
}

#[test]
fn an_entered_set_is_where_local_tasks_go() {
    let _watch = watch();
    let runtime = current();
    let (one, other) = (LocalSet::new(), LocalSet::new());
    let ran = Rc::new(RefCell::new(Vec::new()));
    let note = |what| {
        let ran = ran.clone();
        drop(task::spawn_local(async move { ran.borrow_mut().push(what) }));
    };
    {
        let _one = one.enter();
        note("one");
        {
            let _other = other.enter();
            note("other");
        }
        note("one again");
    }
    runtime.block_on(one);
    assert_eq!(*ran.borrow(), ["one", "one again"]);
    runtime.block_on(other);
    assert_eq!(*ran.borrow(), ["one", "one again", "other"]);
}

#[test]
fn guards_of_sets_must_be_dropped_newest_first() {
    let _watch = watch();
    let message = thread::spawn(|| {
        let set = LocalSet::new();
        let (one, other) = (set.enter(), LocalSet::new());
        let two = other.enter();
        let message = panic_of(move || drop(one));
        drop(two);
        message
    });
    let message = message.join().unwrap();
    assert!(message.starts_with("guards of `LocalSet::enter` were dropped"), "{message}");
}

#[test]
fn a_task_spawned_into_a_set_that_is_gone_is_cancelled() {
    let _watch = watch();
    let (set, census) = (LocalSet::new(), Census::default());
    let guard = set.enter();
    drop(set);
    let home = AtHome::new(&census);
    let task = task::spawn_local(async move { home.check() });
    assert_eq!(census.dead(), 1);
    assert!(current().block_on(task).unwrap_err().is_cancelled());
    drop(guard);
}

// Bug 17.
#[test]
fn tasks_that_spawn_wake_and_abort_in_their_drop_do_not_stop_the_end_of_a_set() {
    let _watch = watch();
    struct Busy(Option<task::JoinHandle<()>>, Census);
    impl Drop for Busy {
        fn drop(&mut self) {
            if let Some(other) = self.0.take() {
                other.abort();
            }
            let home = AtHome::new(&self.1);
            drop(task::spawn_local(async move {
                home.check();
                unreachable!();
            }));
        }
    }
    let census = Census::default();
    wherever_tasks_may_be_local({
        let census = census.clone();
        async move || {
            let mut last = None;
            for _ in 0..100 {
                let busy = Busy(last.take(), census.clone());
                last = Some(task::spawn_local(async move {
                    let _busy = busy;
                    pending::<()>().await;
                }));
            }
            yield_now().await;
        }
    });
    assert_eq!((census.born(), census.dead()), (600, 600));
}

#[test]
fn a_local_runtime_spawns_before_and_between_its_runs() {
    let _watch = watch();
    let runtime = Builder::new_current_thread().build_local(LocalOptions::default()).unwrap();
    let census = Census::default();
    let home = AtHome::new(&census);
    let first = runtime.spawn_local(async move {
        home.check();
        1
    });
    assert_eq!(runtime.block_on(first).unwrap(), 1);
    let second = runtime.spawn_local(pending::<()>());
    let home = AtHome::new(&census);
    drop(runtime.spawn_local(async move {
        home.check();
        pending::<()>().await;
    }));
    runtime.block_on(yield_now());
    drop(runtime);
    assert_eq!(census.dead(), 2);
    assert!(current().block_on(second).unwrap_err().is_cancelled());
}

#[test]
fn workers_drop_their_pinned_tasks_themselves() {
    let _watch = watch();
    let runtime = multi(4);
    let (census, begun) = (Census::default(), Arc::new(AtomicUsize::new(0)));
    for _ in 0..40 {
        let (census, begun) = (census.clone(), begun.clone());
        drop(runtime.spawn(async move {
            let home = AtHome::new(&census);
            drop(task::spawn_local(async move {
                begun.fetch_add(1, SeqCst);
                home.check();
                pending::<()>().await;
            }));
        }));
    }
    runtime.block_on(async {
        while begun.load(SeqCst) < 40 {
            yield_now().await;
        }
    });
    drop(runtime);
    assert_eq!(census.dead(), 40);
}

#[test]
fn a_local_task_of_a_worker_never_moves_while_others_are_stolen() {
    let _watch = watch();
    let runtime = multi(4);
    let tasks: Vec<_> = (0..8)
        .map(|_| {
            runtime.spawn(async {
                let local = task::spawn_local(async {
                    let home = AtHome::new(&Census::default());
                    for _ in 0..500 {
                        yield_now().await;
                        home.check();
                    }
                });
                for _ in 0..500 {
                    yield_now().await;
                }
                local.await.unwrap();
            })
        })
        .collect();
    for task in tasks {
        runtime.block_on(task).unwrap();
    }
}

#[test]
fn a_plain_current_thread_runtime_keeps_no_local_tasks() {
    let _watch = watch();
    let message = current().block_on(async { panic_here(|| task::spawn_local(async {})) });
    assert!(message.starts_with("`spawn_local` was called where no task can be kept"), "{message}");
    let message = multi(1).block_on(async { panic_here(|| task::spawn_local(async {})) });
    assert!(message.starts_with("`spawn_local` was called where no task can be kept"), "{message}");
    let message = panic_here(|| Builder::new_multi_thread().build_local(LocalOptions::default()));
    assert!(message.starts_with("`build_local` makes a current-thread runtime"), "{message}");
}

#[test]
fn a_set_inside_of_a_local_task_of_a_worker_works() {
    let _watch = watch();
    let runtime: Runtime = multi(2);
    let task = runtime.spawn(async {
        task::spawn_local(async {
            let set = LocalSet::new();
            let inner = set.run_until(async {
                let rc = Rc::new(5);
                task::spawn_local(async move { *rc }).await.unwrap()
            });
            inner.await
        })
        .await
        .unwrap()
    });
    assert_eq!(runtime.block_on(task).unwrap(), 5);
}

/// It would be code of users in the middle of a walk over the tasks, free to let go of some of them.
#[test]
fn a_set_that_is_dropped_wakes_nobody() {
    #[derive(Default)]
    struct LetsGo {
        task: Mutex<Option<AbortHandle>>,
        rang: AtomicUsize,
    }
    impl Wake for LetsGo {
        fn wake(self: Arc<LetsGo>) {
            self.rang.fetch_add(1, SeqCst);
            drop(self.task.lock().unwrap().take());
        }
    }
    let _watch = watch();
    let lets_go = Arc::new(LetsGo::default());
    let mut set = LocalSet::new();
    let task = set.spawn_local(async {}).abort_handle();
    drop(set.spawn_local(pending::<()>()));
    assert!(poll_with(&mut set, &Waker::from(lets_go.clone())).is_pending());
    assert!(task.is_finished());
    *lets_go.task.lock().unwrap() = Some(task);
    drop(set);
    assert_eq!(lets_go.rang.load(SeqCst), 0);
    assert_eq!(Arc::strong_count(&lets_go), 1);
}

#[test]
fn an_entered_local_runtime_takes_local_tasks_before_it_runs() {
    let _watch = watch();
    let runtime = LocalRuntime::new().unwrap();
    let census = Census::default();
    let (first, second) = {
        let _guard = runtime.enter();
        let home = AtHome::new(&census);
        let first = task::spawn_local(async move {
            home.check();
            yield_now().await;
            task::spawn_local(async { 2 }).await.unwrap()
        });
        (first, runtime.handle().spawn(async { 3 }))
    };
    assert_eq!(runtime.block_on(async { first.await.unwrap() + second.await.unwrap() }), 5);
    // What is left goes with the runtime, on this thread.
    let left = {
        let _guard = runtime.enter();
        let home = AtHome::new(&census);
        task::spawn_local(async move {
            home.check();
            pending::<()>().await;
        })
    };
    drop(runtime);
    assert_eq!((census.born(), census.dead()), (2, 2));
    assert!(current().block_on(left).unwrap_err().is_cancelled());
}

#[test]
fn a_local_runtime_that_is_entered_elsewhere_or_gone_takes_no_local_tasks() {
    let _watch = watch();
    let runtime = LocalRuntime::new().unwrap();
    let handle = runtime.handle().clone();
    let elsewhere = thread::spawn(move || {
        let _guard = handle.enter();
        panic_here(|| task::spawn_local(async {}))
    });
    let message = elsewhere.join().unwrap();
    assert!(message.starts_with("`spawn_local` was called where no task can be kept"), "{message}");
    let handle = runtime.handle().clone();
    drop(runtime);
    let _guard = handle.enter();
    let message = panic_here(|| task::spawn_local(async {}));
    assert!(message.starts_with("`spawn_local` was called where no task can be kept"), "{message}");
}
