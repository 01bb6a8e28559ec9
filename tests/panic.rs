//! Wherever user code panics, the panic stays with its task, and the workers live on.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::runtime::{Builder, Runtime};
use filch::sync::PriorityQueue;
use filch::task::{self, LocalSet, yield_now};
use filch::time::{Duration, sleep};
use std::cmp::Ordering;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use support::bad_waker::{Act, BadWaker};
use support::{
    Census, Gate, ON_PURPOSE, OnWake, PanicsOnDrop, at_once, multi, on_each_flavour, panic_here,
    panic_of, poll_with, said, until, watch,
};

/// The runtime works as if nothing had happened: all its workers, and in all ways.
fn is_well(runtime: &Runtime) {
    runtime.block_on(async {
        let tasks: Vec<_> = (0..100).map(|n| filch::spawn(async move { n })).collect();
        for (n, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), n);
        }
        sleep(Duration::from_nanos(1)).await;
        assert_eq!(task::spawn_blocking(|| 1).await.unwrap(), 1);
    });
}

/// Where a future misbehaves.
#[derive(Clone, Copy, PartialEq)]
enum Where {
    Poll,
    SecondPoll,
    FutureDrop,
    PollAndDrop,
    OutputDrop,
}

struct Rogue {
    place: Where,
    polls: usize,
    _citizen: support::Citizen,
}

/// Panics when it is dropped, if it is told to.
struct Output(bool);

impl Drop for Output {
    fn drop(&mut self) {
        if self.0 {
            panic!("{ON_PURPOSE}: output");
        }
    }
}

impl Future for Rogue {
    type Output = Output;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Output> {
        self.polls += 1;
        match (self.place, self.polls) {
            (Where::Poll | Where::PollAndDrop, _) | (Where::SecondPoll, 2) => {
                panic!("{ON_PURPOSE}: poll")
            }
            (Where::SecondPoll, _) => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(Output(self.place == Where::OutputDrop)),
        }
    }
}

impl Drop for Rogue {
    fn drop(&mut self) {
        if matches!(self.place, Where::FutureDrop | Where::PollAndDrop) {
            panic!("{ON_PURPOSE}: future");
        }
    }
}

// Bugs 18 and 19.
#[test]
fn a_panic_in_poll_or_drop_stays_with_its_task() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        use Where::{FutureDrop, OutputDrop, Poll, PollAndDrop, SecondPoll};
        let census = Census::default();
        for place in [Poll, SecondPoll, FutureDrop, PollAndDrop, OutputDrop] {
            let rogue = || Rogue { place, polls: 0, _citizen: census.guard() };
            // Awaited.
            let result = runtime.block_on(runtime.spawn(rogue()));
            match (place, result) {
                (OutputDrop, Ok(output)) => assert_eq!(panic_of(|| output), "on purpose: output"),
                (FutureDrop, Err(error)) => {
                    assert_eq!(said(&*error.into_panic()), "on purpose: future");
                }
                (_, Err(error)) => assert_eq!(said(&*error.into_panic()), "on purpose: poll"),
                (_, Ok(_)) => panic!("it should have panicked"),
            }
            // Detached before its end.
            drop(runtime.spawn(rogue()));
            // Detached after its end, here and while this thread panics.
            for unwinding in [false, true] {
                let task = runtime.spawn(rogue());
                runtime.block_on(async {
                    while !task.is_finished() {
                        yield_now().await;
                    }
                });
                if unwinding {
                    let message = panic_of(move || {
                        let _task = task;
                        panic!("{ON_PURPOSE}: outer");
                    });
                    assert_eq!(message, "on purpose: outer");
                } else {
                    drop(task);
                }
            }
            // Aborted.
            let task = runtime.spawn(rogue());
            task.abort();
            let _ = runtime.block_on(task).map(|output| panic_of(|| output));
            is_well(&runtime);
        }
        runtime.block_on(async {
            while runtime.metrics().num_alive_tasks() > 0 {
                yield_now().await;
            }
        });
        assert_eq!(census.dead(), census.born());
    });
}

/// So a lock that such a future holds is poisoned, as it is where functions panic.
#[test]
fn the_fields_of_a_future_that_has_panicked_are_dropped_as_the_panic_passes() {
    struct Asks(Arc<AtomicUsize>);
    impl Drop for Asks {
        fn drop(&mut self) {
            self.0.fetch_add(usize::from(thread::panicking()), SeqCst);
        }
    }
    /// Its field outlives the call that panics.
    struct Panics(#[allow(dead_code)] Asks);
    impl Future for Panics {
        type Output = ();
        fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
            panic!("{ON_PURPOSE}")
        }
    }
    let _watch = watch();
    on_each_flavour(|runtime| {
        let panicking = Arc::new(AtomicUsize::new(0));
        let panics = || Panics(Asks(panicking.clone()));
        runtime.block_on(async {
            assert!(filch::spawn(panics()).await.unwrap_err().is_panic());
            let set = LocalSet::new();
            let local = set.spawn_local(panics());
            assert!(set.run_until(local).await.unwrap_err().is_panic());
        });
        assert_eq!(panicking.load(SeqCst), 2);
        is_well(&runtime);
    });
}

#[test]
fn a_payload_that_panics_in_its_drop_is_contained() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        struct Payload;
        impl Drop for Payload {
            fn drop(&mut self) {
                panic!("{ON_PURPOSE}: payload");
            }
        }
        let throw = || async { std::panic::panic_any(Box::new(Payload)) };
        let task = runtime.spawn(async move { throw().await });
        let error = runtime.block_on(task).unwrap_err();
        let () = assert!(error.is_panic());
        assert_eq!(panic_of(move || drop(error)), "on purpose: payload");
        drop(runtime.spawn(async move { throw().await }));
        is_well(&runtime);
    });
}

// Bug 21: a waker that panics leaves the task whole.
#[test]
fn a_join_waker_that_panics_leaves_the_task_whole() {
    let _watch = watch();
    for act in [Act::Clone, Act::Wake, Act::Drop] {
        let runtime = multi(2);
        let gate = Gate::new();
        let pass = gate.clone();
        let mut task = runtime.spawn(async move {
            pass.pass().await;
            6
        });
        let (bad, waker) = BadWaker::make(act);
        let (second, second_waker) = BadWaker::make(Act::None);
        let armed = |count| bad.armed.store(count, SeqCst);
        armed(usize::from(act == Act::Clone));
        if act == Act::Clone {
            assert_eq!(panic_of(|| poll_with(&mut task, &waker)), "on purpose: waker");
        }
        assert!(poll_with(&mut task, &waker).is_pending());
        armed(1);
        if act == Act::Drop {
            // Its place is taken by another waker: the panic reaches who brought that one.
            assert_eq!(panic_of(|| poll_with(&mut task, &second_waker)), "on purpose: waker");
            assert!(poll_with(&mut task, &second_waker).is_pending());
        }
        gate.open();
        until(|| task.is_finished());
        assert_eq!(runtime.block_on(task).unwrap(), 6);
        armed(0);
        drop((waker, second_waker));
        until(|| Arc::strong_count(&bad) == 1 && Arc::strong_count(&second) == 1);
        is_well(&runtime);
    }
}

#[test]
fn a_join_waker_that_panics_in_its_drop_does_not_hurt_who_drops_the_handle() {
    let _watch = watch();
    let runtime = multi(1);
    let (bad, waker) = BadWaker::make(Act::Drop);
    let mut task = runtime.spawn(pending::<()>());
    assert!(poll_with(&mut task, &waker).is_pending());
    bad.armed.store(1, SeqCst);
    drop(task);
    assert_eq!(bad.armed.load(SeqCst), 0, "the waker was dropped");
    drop(waker);
    assert_eq!(Arc::strong_count(&bad), 1);
    is_well(&runtime);
}

// Bug 21: among many, one waker that panics keeps no other from being woken.
#[test]
fn one_timer_waker_that_panics_keeps_no_other_from_being_woken() {
    let _watch = watch();
    let runtime = Builder::new_current_thread().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let deadline = filch::time::Instant::now() + Duration::from_secs(1);
        let woken = Arc::new(AtomicUsize::new(0));
        let mut sleeps: Vec<_> =
            (0..100).map(|_| Box::pin(filch::time::sleep_until(deadline))).collect();
        for (n, sleep) in sleeps.iter_mut().enumerate() {
            let woken = woken.clone();
            let waker = Waker::from(Arc::new(OnWake(move || {
                woken.fetch_add(1, SeqCst);
                assert!(n % 10 != 0, "{ON_PURPOSE}");
            })));
            assert!(poll_with(sleep, &waker).is_pending());
        }
        sleep(Duration::from_secs(2)).await;
        assert_eq!(woken.load(SeqCst), 100);
    });
}

// Bugs 17 and 21: at shutdown as well.
#[test]
fn a_timer_waker_that_panics_or_spawns_at_shutdown_is_contained() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let census = Census::default();
        let handle = runtime.handle().clone();
        let (send, receive) = mpsc::channel();
        // The sleep outlives the runtime; its place is in the wheel of the worker that polled it.
        let arm = {
            let (handle, census) = (handle.clone(), census.clone());
            async move {
                let mut asleep = Vec::new();
                for n in 0..6 {
                    let mut long = Box::pin(sleep(Duration::from_secs(3600)));
                    let (handle, census) = (handle.clone(), census.clone());
                    let waker = Waker::from(Arc::new(OnWake(move || {
                        for _ in 0..3 {
                            let guard = census.guard();
                            drop(handle.spawn(async move {
                                let _guard = guard;
                                unreachable!();
                            }));
                        }
                        assert!(n % 2 != 0, "{ON_PURPOSE}");
                    })));
                    assert!(poll_with(&mut long, &waker).is_pending());
                    asleep.push(long);
                }
                send.send(asleep).unwrap();
            }
        };
        runtime.block_on(runtime.spawn(arm)).unwrap();
        let asleep = receive.recv().unwrap();
        drop(runtime);
        assert_eq!((census.born(), census.dead()), (18, 18));
        drop(asleep);
    });
}

// Bug 45, glommio #37.
#[test]
fn a_blocking_job_that_panics_says_so_and_poisons_nothing() {
    let _watch = watch();
    let runtime =
        Builder::new_multi_thread().worker_threads(1).max_blocking_threads(1).build().unwrap();
    for _ in 0..50 {
        let job = runtime.spawn_blocking(|| panic!("{ON_PURPOSE}: job"));
        let error = runtime.block_on(job).unwrap_err();
        let () = assert_eq!(said(&*error.into_panic()), "on purpose: job");
        drop(runtime.spawn_blocking(|| PanicsOnDrop));
        let bad = PanicsOnDrop;
        let job = runtime.spawn_blocking(move || drop(bad));
        assert!(runtime.block_on(job).unwrap_err().is_panic());
    }
    is_well(&runtime);
}

#[test]
fn a_root_future_that_panics_leaves_the_runtime_whole() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let task = runtime.spawn(async {
            yield_now().await;
            1
        });
        let message = panic_of(|| {
            runtime.block_on(async {
                yield_now().await;
                panic!("{ON_PURPOSE}: root")
            })
        });
        assert_eq!(message, "on purpose: root");
        assert_eq!(runtime.block_on(task).unwrap(), 1);
        is_well(&runtime);
        // A runtime that is dropped because its thread unwinds does not abort the process.
        let message = panic_of(move || {
            let _runtime = runtime;
            panic!("{ON_PURPOSE}: outer");
        });
        assert_eq!(message, "on purpose: outer");
    });
}

#[test]
fn a_local_task_that_panics_leaves_its_set_whole() {
    let _watch = watch();
    let runtime = multi(1);
    let set = LocalSet::new();
    runtime.block_on(set.run_until(async {
        for _ in 0..10 {
            let bad = task::spawn_local(async { panic!("{ON_PURPOSE}: local") });
            let error = bad.await.unwrap_err();
            let () = assert!(error.is_panic());
            let bad = task::spawn_local(async {
                let _bad = PanicsOnDrop;
                pending::<()>().await;
            });
            yield_now().await;
            bad.abort();
            assert!(bad.await.unwrap_err().is_panic());
            assert_eq!(task::spawn_local(async { 4 }).await.unwrap(), 4);
        }
        drop(task::spawn_local(async {
            let _bad = PanicsOnDrop;
            pending::<()>().await;
        }));
        yield_now().await;
    }));
    drop(set);
    is_well(&runtime);
}

// Bug 19: a panic hook of the process that itself uses the runtime.
#[test]
fn a_panic_hook_may_use_the_runtime() {
    let _watch = watch();
    if !support::in_child("a_panic_hook_may_use_the_runtime", "") {
        return;
    }
    let runtime = multi(2);
    let heard = Arc::new(AtomicUsize::new(0));
    let handle = runtime.handle().clone();
    std::panic::set_hook(Box::new({
        let heard = heard.clone();
        move |_| {
            let heard = heard.clone();
            drop(handle.spawn(async move { heard.fetch_add(1, SeqCst) }));
        }
    }));
    for _ in 0..100 {
        let task = runtime.spawn(async { panic!("{ON_PURPOSE}") });
        let error = runtime.block_on(task).unwrap_err();
        let () = assert!(error.is_panic());
    }
    until(|| heard.load(SeqCst) == 100);
}

// Bugs 18 and 19: the end of a runtime is no exception.
#[test]
fn futures_that_panic_in_their_drop_do_not_stop_a_shutdown() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let census = Census::default();
        let begun = Arc::new(AtomicUsize::new(0));
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let (guard, begun) = (census.guard(), begun.clone());
                runtime.spawn(async move {
                    let _guard = guard;
                    let _bad = PanicsOnDrop;
                    begun.fetch_add(1, SeqCst);
                    pending::<()>().await;
                })
            })
            .collect();
        runtime.block_on(async {
            while begun.load(SeqCst) < 100 {
                yield_now().await;
            }
        });
        let other = thread::spawn(move || drop(runtime));
        other.join().unwrap();
        assert_eq!(census.dead(), 100);
        for mut task in tasks {
            let Poll::Ready(result) = poll_with(&mut task, Waker::noop()) else { panic!() };
            assert!(result.unwrap_err().is_panic());
        }
    });
}

#[test]
fn who_comes_back_to_the_watch_channel_that_is_being_changed_is_named() {
    let (sender, mut receiver) = filch::sync::watch::channel(1);
    sender.clone().send_modify(|_| {
        let said = panic_here(|| sender.send(2));
        assert!(said.contains("send_replace"), "{said}");
        panic_here(|| sender.send_replace(2));
        panic_here(|| sender.send_modify(|_| ()));
        panic_here(|| sender.send_if_modified(|_| true));
        panic_here(|| *sender.borrow());
        panic_here(|| *receiver.borrow());
        panic_here(|| *receiver.borrow_and_update());
    });
    assert_eq!(*receiver.borrow(), 1);
}

#[test]
fn a_comparison_that_comes_back_to_its_queue_is_named() {
    type Calls = Mutex<Option<Box<dyn FnOnce() + Send>>>;
    static CALLS: Calls = Mutex::new(None);
    #[derive(PartialEq, Eq)]
    struct Caller(u8);
    impl PartialOrd for Caller {
        fn partial_cmp(&self, other: &Caller) -> Option<Ordering> {
            Some(self.cmp(other))
        }
    }
    impl Ord for Caller {
        fn cmp(&self, other: &Caller) -> Ordering {
            CALLS.lock().unwrap().take().into_iter().for_each(|call| call());
            self.0.cmp(&other.0)
        }
    }
    let queue = PriorityQueue::new(3);
    queue.put_nowait(Caller(1)).unwrap();
    let inside = queue.clone();
    *CALLS.lock().unwrap() = Some(Box::new(move || {
        panic_here(|| inside.put_nowait(Caller(2)).is_ok());
        panic_here(|| inside.get_nowait().is_ok());
        panic_here(|| at_once(inside.put(Caller(2))).is_some());
        panic_here(|| at_once(inside.get()).is_some());
        panic_here(|| at_once(inside.get_tracked()).is_some());
        panic_here(|| at_once(inside.join()).is_some());
        panic_here(|| inside.blocking_put(Caller(2)).is_ok());
        panic_here(|| inside.blocking_get().is_ok());
        panic_here(|| inside.task_done());
        panic_here(|| inside.len());
        panic_here(|| inside.qsize());
        panic_here(|| inside.is_empty());
        panic_here(|| inside.stats());
        panic_here(|| inside.is_shutdown());
        panic_here(|| inside.shutdown());
        let said = panic_here(|| inside.shutdown_now());
        assert!(said.contains("must not call the queue"), "{said}");
    }));
    queue.put_nowait(Caller(0)).unwrap();
    assert!(CALLS.lock().unwrap().is_none());
    assert_eq!(queue.stats().len, 2);
    // Nothing was lost on the way.
    queue.put_nowait(Caller(3)).unwrap();
    assert!(queue.is_full() && queue.put_nowait(Caller(4)).is_err());
    assert_eq!([(); 3].map(|()| queue.get_nowait().unwrap().0), [0, 1, 3]);
}

/// On a thread that waits while another one drives the runtime.
#[test]
fn a_root_that_panics_beside_another_leaves_its_thread_as_it_was() {
    let _watch = watch();
    let runtime = Builder::new_current_thread().build().unwrap();
    let (drives, over) = (Gate::new(), Gate::new());
    thread::scope(|scope| {
        scope.spawn(|| {
            runtime.block_on(async {
                drives.open();
                over.pass().await;
            });
        });
        drives.block();
        let said = panic_of(|| runtime.block_on(async { panic!("{ON_PURPOSE}") }));
        // Outside of tasks nobody gives a budget, so there must be none to spend.
        let steps = (0..1000).filter(|_| at_once(task::consume_budget()).is_some()).count();
        over.open();
        assert_eq!((said.as_str(), steps), (ON_PURPOSE, 1000));
    });
    is_well(&runtime);
}
