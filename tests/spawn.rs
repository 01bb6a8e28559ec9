//! What spawning promises: order, names, numbers, yielding, memory, and where it may be done.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::runtime::Handle;
use filch::task::{self, yield_now};
use std::cell::UnsafeCell;
use std::collections::HashSet;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use support::{
    Bell, Census, Gate, at_once, current, multi, on_each_flavour, panic_here, poll_with, watch,
};

#[test]
fn a_task_runs_although_nobody_awaits_it() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (send, receive) = mpsc::channel();
        let gate = Gate::new();
        let last = gate.clone();
        drop(runtime.spawn(async move {
            send.send(7).unwrap();
            last.open();
        }));
        runtime.block_on(gate.pass());
        assert_eq!(receive.recv().unwrap(), 7);
    });
}

#[test]
fn tasks_begin_in_the_order_in_which_one_task_spawned_them() {
    let _watch = watch();
    current().block_on(async {
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..100)
            .map(|n| {
                let order = order.clone();
                filch::spawn(async move { order.lock().unwrap().push(n) })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn without_a_runtime_spawning_panics_at_the_callers_line() {
    let _watch = watch();
    let message = panic_here(|| filch::spawn(async {}));
    assert!(message.starts_with("there is no filch runtime on this thread"), "{message}");
    let message = panic_here(|| task::Builder::new().spawn(async {}));
    assert!(message.starts_with("there is no filch runtime on this thread"), "{message}");
    let message = panic_here(|| task::spawn_blocking(|| ()));
    assert!(message.starts_with("there is no filch runtime on this thread"), "{message}");
    let message = panic_here(|| task::spawn_local(async {}));
    assert!(message.starts_with("`spawn_local` was called where no task can be kept"), "{message}");
    let message = panic_here(|| task::id());
    assert!(message.starts_with("`task::id` was called outside of a task"), "{message}");
}

#[test]
fn a_future_that_could_not_be_spawned_is_dropped() {
    let _watch = watch();
    let census = Census::default();
    let guard = census.guard();
    panic_here(|| {
        filch::spawn(async move {
            let _guard = guard;
        })
    });
    assert_eq!(census.dead(), 1);
}

#[test]
fn any_thread_may_spawn_by_a_handle() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let handle = runtime.handle().clone();
        let task = thread::spawn(move || handle.spawn(async { 5 })).join().unwrap();
        assert_eq!(runtime.block_on(task).unwrap(), 5);
    });
}

#[test]
fn an_entered_runtime_is_where_tasks_go_even_from_inside_of_another() {
    let _watch = watch();
    let (one, other) = (multi(1), multi(1));
    let handle = other.handle().clone();
    let spawned = one.block_on(one.spawn(async move {
        let _inside = handle.enter();
        filch::spawn(async { Handle::current().metrics().spawned_tasks_count() })
    }));
    assert_eq!(other.block_on(spawned.unwrap()).unwrap(), 1);
    assert_eq!(one.metrics().spawned_tasks_count(), 1);
}

#[test]
fn a_task_knows_its_name_number_and_birthplace() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            let task = task::Builder::new().name("otto").spawn(async { task::id() }).unwrap();
            let line = line!() - 1;
            let about = task.abort_handle();
            assert_eq!(about.name(), Some("otto"));
            assert_eq!((about.spawned_at().file(), about.spawned_at().line()), (file!(), line));
            assert_eq!(about.id(), task.id());
            let id = task.id();
            assert_eq!(task.await.unwrap(), id);
            assert!(task::try_id().is_none());
            let nameless = filch::spawn(async {});
            assert_eq!(nameless.abort_handle().name(), None);
            nameless.await.unwrap();
        });
    });
}

#[test]
fn an_output_that_nobody_took_is_dropped_under_its_tasks_number() {
    struct Output(Arc<Mutex<Vec<task::Id>>>);
    impl Drop for Output {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(task::id());
        }
    }
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Arc::<Mutex<Vec<_>>>::default();
        let output = || Output(log.clone());
        let outputs = [output(), output(), output(), output()];
        let seen = log.clone();
        let ids = runtime.block_on(async move {
            let [by_root, by_task, taken, early] = outputs.map(|output| async move { output });
            let (by_root, by_task) = (filch::spawn(by_root), filch::spawn(by_task));
            let ids = [by_root.id(), by_task.id()];
            while !by_root.is_finished() || !by_task.is_finished() {
                yield_now().await;
            }
            drop(by_root);
            assert!(task::try_id().is_none());
            // Within another task, and after that the number is that one's again.
            let other = filch::spawn(async move {
                let own = task::id();
                drop(by_task);
                assert_eq!(task::id(), own);
                // What was taken is the taker's.
                drop(filch::spawn(taken).await.unwrap());
                own
            });
            let early = filch::spawn(early);
            let early_id = early.id();
            drop(early);
            let taker = other.await.unwrap();
            while seen.lock().unwrap().len() < 4 {
                yield_now().await;
            }
            [ids[0], ids[1], taker, early_id]
        });
        let log = log.lock().unwrap();
        assert!(ids.iter().all(|id| log.contains(id)), "{ids:?} {log:?}");
    });
}

#[test]
fn a_nested_poll_of_a_task_keeps_the_outer_number() {
    let _watch = watch();
    multi(1).block_on(async {
        filch::spawn(async {
            let before = task::id();
            let inner = filch::spawn(async { task::id() });
            assert_ne!(inner.await.unwrap(), before);
            assert_eq!(task::id(), before);
        })
        .await
        .unwrap();
    });
}

#[test]
fn no_two_tasks_ever_have_the_same_number() {
    let _watch = watch();
    let runtime = multi(2);
    let tasks: Vec<_> =
        (0..10_000).map(|_| runtime.spawn(async { filch::spawn(async {}).id() })).collect();
    let mut seen = HashSet::new();
    for task in tasks {
        assert!(seen.insert(task.id()));
        assert!(seen.insert(runtime.block_on(task).unwrap()));
    }
}

#[test]
fn yielding_lets_every_other_task_run_first() {
    let _watch = watch();
    current().block_on(async {
        let order = Arc::new(Mutex::new(Vec::new()));
        let tasks: Vec<_> = (0..3)
            .map(|n| {
                let order = order.clone();
                filch::spawn(async move {
                    for round in 0..3 {
                        order.lock().unwrap().push((round, n));
                        yield_now().await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let order = order.lock().unwrap();
        assert!(order.is_sorted(), "{order:?}");
    });
}

#[test]
fn yielding_under_a_foreign_waker_wakes_that_one() {
    let _watch = watch();
    multi(1).block_on(async {
        filch::spawn(async {
            let (bell, waker) = Bell::new();
            let mut inner = pin!(yield_now());
            assert!(inner.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
            assert_eq!(bell.rang(), 1);
            assert!(inner.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        })
        .await
        .unwrap();
    });
    // Without any task, too.
    let (bell, waker) = Bell::new();
    assert!(poll_with(&mut yield_now(), &waker).is_pending());
    assert_eq!(bell.rang(), 1);
}

#[test]
fn a_wish_to_yield_that_was_dropped_disturbs_nobody() {
    let _watch = watch();
    current().block_on(async {
        // This task yields without being pending: the next task must not be taken for it.
        let first = filch::spawn(poll_fn(|cx| {
            let _ = poll_with(&mut yield_now(), cx.waker());
            Poll::Ready(())
        }));
        let polls = Arc::new(AtomicUsize::new(0));
        let gate = Gate::new();
        let second = filch::spawn({
            let (polls, gate) = (polls.clone(), gate.clone());
            async move {
                let mut pass = pin!(gate.pass());
                poll_fn(|cx| {
                    polls.fetch_add(1, SeqCst);
                    pass.as_mut().poll(cx)
                })
                .await;
            }
        });
        first.await.unwrap();
        for _ in 0..10 {
            yield_now().await;
        }
        gate.open();
        second.await.unwrap();
        assert!(polls.load(SeqCst) <= 3, "{} polls", polls.load(SeqCst));
    });
}

// Bug 3: what was written before a wake is seen by the poll that follows it, also when the task had
// been woken already.
#[test]
fn what_was_written_before_any_wake_is_seen_by_the_next_poll() {
    /// Two numbers that are written without any synchronization of their own.
    struct Plain(UnsafeCell<[u64; 2]>);
    #[allow(unsafe_code)]
    // SAFETY: each number has one writer, and the reader reads after the writer's wake.
    unsafe impl Sync for Plain {}
    #[allow(unsafe_code)]
    impl Plain {
        fn write(&self, index: usize, value: u64) {
            // SAFETY: one writer each, and nobody reads before the wake that follows.
            unsafe { (*self.0.get())[index] = value }
        }
        fn read(&self, index: usize) -> u64 {
            // SAFETY: the writer has counted itself done, and writes again only when asked.
            unsafe { (*self.0.get())[index] }
        }
    }
    let _watch = watch();
    let runtime = multi(2);
    for round in 0..300u64 {
        let data = Arc::new(Plain(UnsafeCell::new([0, 0])));
        // Relaxed on purpose: only the wakes order the data.
        let written = Arc::new([AtomicU64::new(0), AtomicU64::new(0)]);
        let (send, receive) = mpsc::channel::<Waker>();
        let task = runtime.spawn({
            let (data, written) = (data.clone(), written.clone());
            let mut send = Some(send);
            poll_fn(move |cx| {
                if let Some(send) = send.take() {
                    send.send(cx.waker().clone()).unwrap();
                    send.send(cx.waker().clone()).unwrap();
                }
                let done = |index: usize| written[index].load(std::sync::atomic::Ordering::Relaxed);
                if done(0) + done(1) < 2 {
                    return Poll::Pending;
                }
                Poll::Ready([data.read(0), data.read(1)])
            })
        });
        let writers: Vec<_> = (0..2)
            .map(|index| {
                let waker = receive.recv().unwrap();
                let (data, written) = (data.clone(), written.clone());
                thread::spawn(move || {
                    data.write(index, round + 1);
                    written[index].store(1, std::sync::atomic::Ordering::Relaxed);
                    waker.wake_by_ref();
                })
            })
            .collect();
        assert_eq!(runtime.block_on(task).unwrap(), [round + 1; 2]);
        writers.into_iter().for_each(|writer| writer.join().unwrap());
    }
}

// Bug 46: a future of a mebibyte fits on a stack of two.
#[test]
fn a_large_future_fits_on_an_ordinary_stack() {
    let _watch = watch();
    struct Large([u8; 1 << 20]);
    impl Future for Large {
        type Output = u8;
        fn poll(self: std::pin::Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<u8> {
            let first = self.0[0];
            let me = self.get_mut();
            me.0[0] += 1;
            if first < 2 {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(first)
        }
    }
    // A debug build keeps copies of the future in the caller's own frames.
    let stack = if cfg!(debug_assertions) { 8 << 20 } else { 2 << 20 };
    let run = move || {
        let runtime = filch::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_stack_size(stack)
            .build()
            .unwrap();
        let task = runtime.spawn(Large([0; 1 << 20]));
        assert_eq!(runtime.block_on(task).unwrap(), 2);
        runtime.block_on(async {
            let outer = filch::spawn(async { filch::spawn(Large([0; 1 << 20])).await.unwrap() });
            assert_eq!(outer.await.unwrap(), 2);
        });
    };
    thread::Builder::new().stack_size(stack).spawn(run).unwrap().join().unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn the_memory_of_finished_tasks_is_used_again() {
    let _watch = watch();
    if !support::in_child("the_memory_of_finished_tasks_is_used_again", "") {
        return;
    }
    fn churn(runtime: &filch::runtime::Runtime, count: usize) {
        runtime.block_on(async {
            for _ in 0..count / 1000 {
                // Some are awaited, some detached, some spawned here, outside, and some by a task.
                let by_a_task = filch::spawn(async {
                    for _ in 0..500 {
                        drop(filch::spawn(yield_now()));
                    }
                });
                for _ in 0..100 {
                    drop(filch::spawn(async {}));
                }
                for _ in 0..399 {
                    filch::spawn(async { [0u8; 100] }).await.unwrap();
                }
                by_a_task.await.unwrap();
            }
        });
        support::until(|| runtime.metrics().num_alive_tasks() == 0);
    }
    for runtime in [multi(2), current()] {
        let runtime = runtime;
        if runtime.handle().runtime_flavor() == filch::runtime::RuntimeFlavor::CurrentThread {
            // Nobody drives it while we wait for the count to fall.
            let before = support::resident_bytes();
            runtime.block_on(async {
                for _ in 0..500_000 {
                    filch::spawn(async {}).await.unwrap();
                }
            });
            assert!(support::resident_bytes() < before + (8 << 20));
            continue;
        }
        churn(&runtime, 100_000);
        let before = support::resident_bytes();
        churn(&runtime, 500_000);
        let after = support::resident_bytes();
        assert!(after < before + (8 << 20), "{before} bytes became {after}");
    }
}

static BORN: AtomicUsize = AtomicUsize::new(0);
static DEAD: AtomicUsize = AtomicUsize::new(0);
static MISPLACED: AtomicUsize = AtomicUsize::new(0);

/// Types that are aligned to so much, with nothing but their bytes in them: futures whose outputs are of the
/// same kind. Each looks where it lies.
macro_rules! aligned {
    ($($name:ident $align:literal)+) => {$(
        #[repr(align($align))]
        struct $name<const SIZE: usize>([u8; SIZE]);

        impl<const SIZE: usize> $name<SIZE> {
            fn new() -> $name<SIZE> {
                BORN.fetch_add(1, SeqCst);
                $name([7; SIZE])
            }

            fn look(&self) {
                let is_in_place = std::ptr::from_ref(self).addr() % $align == 0;
                let is_whole = self.0.iter().all(|byte| *byte == 7);
                MISPLACED.fetch_add(usize::from(!(is_in_place && is_whole)), SeqCst);
            }
        }

        impl<const SIZE: usize> Drop for $name<SIZE> {
            fn drop(&mut self) {
                self.look();
                DEAD.fetch_add(1, SeqCst);
            }
        }

        impl<const SIZE: usize> Future for $name<SIZE> {
            type Output = $name<SIZE>;
            fn poll(self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<$name<SIZE>> {
                self.look();
                Poll::Ready($name::new())
            }
        }
    )+};
}

aligned!(By2 2 By16 16 By64 64 By128 128 By4096 4096);

#[test]
fn a_future_and_its_output_lie_where_their_type_may() {
    /// In all ways to spawn, with all ways to end.
    async fn spawn_all<F>(make: fn() -> F)
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let named = || task::Builder::new().name("of some length, or none");
        let set = task::LocalSet::new();
        for ends in [|_: &task::AbortHandle| (), task::AbortHandle::abort] {
            let tasks = [
                filch::spawn(make()),
                named().spawn(make()).unwrap(),
                task::spawn_blocking(|| Handle::current()).await.unwrap().spawn(make()),
                set.spawn_local(make()),
                task::spawn_blocking(move || at_once(make()).expect("it does not wait")),
            ];
            tasks.iter().for_each(|task| ends(&task.abort_handle()));
            set.run_until(yield_now()).await;
            for (number, task) in tasks.into_iter().enumerate() {
                match number % 2 {
                    0 => drop(set.run_until(task).await),
                    _ => drop(task),
                }
            }
        }
        set.await;
    }
    async fn of_each_alignment<const SIZE: usize>() {
        spawn_all(By2::<SIZE>::new).await;
        spawn_all(By16::<SIZE>::new).await;
        spawn_all(By64::<SIZE>::new).await;
        spawn_all(By128::<SIZE>::new).await;
        spawn_all(By4096::<SIZE>::new).await;
    }
    let _watch = watch();
    on_each_flavour(|runtime| {
        runtime.block_on(async {
            // Those of more than some kilobytes are put into a box.
            of_each_alignment::<0>().await;
            of_each_alignment::<1>().await;
            of_each_alignment::<900>().await;
            of_each_alignment::<5000>().await;
        });
        drop(runtime);
        assert_eq!(MISPLACED.load(SeqCst), 0);
        assert_eq!(BORN.load(SeqCst), DEAD.load(SeqCst));
        assert!(BORN.load(SeqCst) >= 200);
    });
}
