//! What an abort promises: the future is dropped at its next suspension, once, and not polled again.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::task::yield_now;
use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use support::{
    Census, Gate, PanicsOnDrop, current, hand_out_waker, multi, on_each_flavour, until, watch,
};

#[test]
fn a_task_aborted_before_its_first_poll_is_never_polled() {
    let _watch = watch();
    let census = Census::default();
    let guard = census.guard();
    let runtime = current();
    let task = runtime.spawn(async move {
        let _guard = guard;
        unreachable!();
    });
    task.abort();
    assert_eq!(census.dead(), 0, "the future is dropped where it would run, not here");
    let error = runtime.block_on(task).unwrap_err();
    let () = assert!(error.is_cancelled());
    assert_eq!(census.dead(), 1);
}

#[test]
fn an_idle_task_is_dropped_by_its_runtime() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (census, begun) = (Census::default(), Gate::new());
        let (guard, begin) = (census.guard(), begun.clone());
        let task = runtime.spawn(async move {
            let _guard = guard;
            begin.open();
            pending::<()>().await;
        });
        runtime.block_on(begun.pass());
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        assert_eq!(census.dead(), 1);
    });
}

#[test]
fn a_task_that_is_being_polled_is_dropped_when_the_poll_ends() {
    let _watch = watch();
    let runtime = multi(2);
    let census = Census::default();
    let guard = census.guard();
    let (enter, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let task = runtime.spawn({
        let (enter, leave) = (enter.clone(), leave.clone());
        async move {
            let _guard = guard;
            enter.wait();
            leave.wait();
            yield_now().await;
            unreachable!();
        }
    });
    enter.wait();
    task.abort();
    assert!(!task.is_finished());
    assert_eq!(census.dead(), 0);
    leave.wait();
    let error = runtime.block_on(task).unwrap_err();
    let () = assert!(error.is_cancelled());
    assert_eq!(census.dead(), 1);
}

#[test]
fn a_poll_that_ends_ready_wins_over_an_abort() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (send, receive) = mpsc::channel::<filch::task::AbortHandle>();
        let task = runtime.spawn(async move {
            receive.recv().unwrap().abort();
            8
        });
        send.send(task.abort_handle()).unwrap();
        assert_eq!(runtime.block_on(task).unwrap(), 8);
    });
}

#[test]
fn a_finished_task_does_not_mind() {
    let _watch = watch();
    let runtime = multi(1);
    let task = runtime.spawn(async { 1 });
    let abort = task.abort_handle();
    until(|| task.is_finished());
    task.abort();
    abort.abort();
    assert_eq!(runtime.block_on(task).unwrap(), 1);
    abort.abort();
}

#[test]
fn aborting_twice_from_many_threads_drops_once() {
    let _watch = watch();
    let runtime = multi(2);
    for _ in 0..300 {
        let census = Census::default();
        let guard = census.guard();
        let task = runtime.spawn(async move {
            let _guard = guard;
            loop {
                yield_now().await;
            }
        });
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let abort = task.abort_handle();
                thread::spawn(move || abort.abort())
            })
            .collect();
        let error = runtime.block_on(task).unwrap_err();
        let () = assert!(error.is_cancelled());
        assert_eq!(census.dead(), 1);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
    }
}

#[test]
fn an_abort_races_with_wakes_and_no_poll_follows_the_drop() {
    let _watch = watch();
    let runtime = multi(2);
    for _ in 0..500 {
        let (send, receive) = mpsc::channel::<Waker>();
        let dropped = Arc::new(AtomicBool::new(false));
        struct Flag(Arc<AtomicBool>);
        impl Drop for Flag {
            fn drop(&mut self) {
                self.0.store(true, SeqCst);
            }
        }
        let task = runtime.spawn({
            let (flag, dropped) = (Flag(dropped.clone()), dropped.clone());
            poll_fn(move |cx| {
                let _ = &flag;
                assert!(!dropped.load(SeqCst));
                let _ = send.send(cx.waker().clone());
                Poll::<()>::Pending
            })
        });
        let waker = receive.recv().unwrap();
        let wakes = thread::spawn(move || (0..20).for_each(|_| waker.wake_by_ref()));
        task.abort();
        assert!(runtime.block_on(task).unwrap_err().is_cancelled());
        assert!(dropped.load(SeqCst));
        wakes.join().unwrap();
    }
}

#[test]
fn an_aborted_task_is_dropped_on_a_thread_of_its_runtime() {
    let _watch = watch();
    let runtime = filch::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_name("home")
        .build()
        .unwrap();
    struct Reports(mpsc::Sender<Option<String>>);
    impl Drop for Reports {
        fn drop(&mut self) {
            self.0.send(thread::current().name().map(str::to_owned)).unwrap();
        }
    }
    let (send, receive) = mpsc::channel();
    let reports = Reports(send);
    let task = runtime.spawn(async move {
        let _reports = reports;
        pending::<()>().await;
    });
    task.abort();
    assert_eq!(receive.recv().unwrap().as_deref(), Some("home"));
}

#[test]
fn a_future_that_panics_in_its_drop_says_so_to_its_handle() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let begun = Gate::new();
        let begin = begun.clone();
        let task = runtime.spawn(async move {
            let _bad = PanicsOnDrop;
            begin.open();
            pending::<()>().await;
        });
        runtime.block_on(begun.pass());
        task.abort();
        let error = runtime.block_on(task).unwrap_err();
        assert!(error.is_panic());
        assert_eq!(support::said(&*error.into_panic()), "on purpose: in drop");
        runtime.block_on(runtime.spawn(async {})).unwrap();
    });
}

#[test]
fn an_aborted_task_may_abort_and_spawn_in_its_drop() {
    let _watch = watch();
    struct Busy(filch::runtime::Handle, filch::task::AbortHandle, Gate);
    impl Drop for Busy {
        fn drop(&mut self) {
            self.1.abort();
            let gate = self.2.clone();
            drop(self.0.spawn(async move { gate.open() }));
        }
    }
    on_each_flavour(|runtime| {
        let victim = runtime.spawn(pending::<()>());
        let (gate, begun) = (Gate::new(), Gate::new());
        let busy = Busy(runtime.handle().clone(), victim.abort_handle(), gate.clone());
        let begin = begun.clone();
        let task = runtime.spawn(async move {
            let _busy = busy;
            begin.open();
            pending::<()>().await;
        });
        runtime.block_on(async {
            begun.pass().await;
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            assert!(victim.await.unwrap_err().is_cancelled());
            gate.pass().await;
        });
    });
}

#[test]
fn a_wake_after_the_abort_does_nothing() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (send, receive) = mpsc::channel();
        let task = runtime.spawn(hand_out_waker(move |waker| send.send(waker).unwrap()));
        runtime.block_on(async {
            let waker = loop {
                match receive.try_recv() {
                    Ok(waker) => break waker,
                    Err(_) => yield_now().await,
                }
            };
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            waker.wake_by_ref();
            let second = waker.clone();
            waker.wake();
            drop(second);
            yield_now().await;
        });
        // The joiner is woken before the worker counts the end.
        until(|| runtime.metrics().num_alive_tasks() == 0);
    });
}

#[test]
fn many_aborts_from_outside_lose_nothing() {
    let _watch = watch();
    let runtime = multi(2);
    let (census, polls) = (Census::default(), Arc::new(AtomicUsize::new(0)));
    let tasks: Vec<_> = (0..20_000)
        .map(|_| {
            let (guard, polls) = (census.guard(), polls.clone());
            runtime.spawn(async move {
                let _guard = guard;
                polls.fetch_add(1, SeqCst);
                pending::<()>().await;
            })
        })
        .collect();
    tasks.iter().for_each(|task| task.abort());
    runtime.block_on(async {
        for task in tasks {
            assert!(task.await.unwrap_err().is_cancelled());
        }
    });
    assert_eq!(census.dead(), 20_000);
    until(|| runtime.metrics().num_alive_tasks() == 0);
}
