//! The end of a runtime, in every state: on time, every future dropped, every handle resolved.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::runtime::{Builder, Handle, Runtime};
use filch::task::{self, JoinHandle, LocalSet, yield_now};
use filch::time::sleep;
use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use support::{
    Bell, Census, Citizen, Gate, ON_PURPOSE, OnWake, current, hand_out_waker, multi,
    on_each_flavour, panic_here, panic_of, poll_with, until, watch,
};

/// The handle of a task whose runtime is gone says so at once.
#[track_caller]
fn assert_cancelled<T>(mut task: JoinHandle<T>) {
    match poll_with(&mut task, Waker::noop()) {
        Poll::Ready(Err(error)) => assert!(error.is_cancelled(), "{error}"),
        Poll::Ready(Ok(_)) => panic!("the task should have been cancelled"),
        Poll::Pending => panic!("the handle should be ready"),
    }
}

/// A task that holds `guard` for ever.
async fn hold<G>(guard: G, begun: Gate) {
    let _guard = guard;
    begun.open();
    pending::<()>().await;
}

#[test]
fn dropping_a_runtime_drops_every_future_and_resolves_every_handle() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let census = Census::default();
        let begun = Gate::new();
        let idle = runtime.spawn(hold(census.guard(), begun.clone()));
        runtime.block_on(begun.pass());
        let (guard, busy) = (census.guard(), Gate::new());
        let spin = busy.clone();
        let running = runtime.spawn(async move {
            let _guard = guard;
            loop {
                spin.open();
                yield_now().await;
            }
        });
        runtime.block_on(busy.pass());
        let sleeping = runtime.spawn({
            let guard = census.guard();
            async move {
                sleep(Duration::from_secs(3600)).await;
                drop(guard);
            }
        });
        let queued: Vec<_> =
            (0..100).map(|_| runtime.spawn(hold(census.guard(), Gate::new()))).collect();
        drop(runtime);
        assert_eq!(census.dead(), census.born());
        assert_cancelled(idle);
        assert_cancelled(running);
        assert_cancelled(sleeping);
        queued.into_iter().for_each(assert_cancelled);
    });
}

#[test]
fn a_runtime_may_go_before_its_handles() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let handle = runtime.handle().clone();
        let abort = runtime.spawn(pending::<()>()).abort_handle();
        drop(runtime);
        let census = Census::default();
        let (one, two, three) = (census.guard(), census.guard(), census.guard());
        assert_cancelled(handle.spawn(async move { drop(one) }));
        assert_cancelled(handle.spawn_blocking(move || drop(two)));
        {
            let _inside = handle.enter();
            assert_cancelled(filch::spawn(async move { drop(three) }));
            assert_cancelled(task::Builder::new().spawn_blocking(|| ()).unwrap());
            assert!(Handle::try_current().is_ok());
        }
        assert_eq!(census.dead(), 3);
        // A future that needs no runtime can still be waited for.
        assert_eq!(handle.block_on(async { 1 }), 1);
        assert_eq!(handle.metrics().num_alive_tasks(), 0);
        abort.abort();
        assert!(abort.is_finished());
    });
}

#[test]
fn handles_may_go_before_their_runtime() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let handle = runtime.handle().clone();
        let task = handle.spawn(async { 1 });
        drop(handle);
        assert_eq!(runtime.block_on(task).unwrap(), 1);
    });
}

#[test]
fn timers_and_sockets_say_that_their_runtime_is_gone() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let handle = runtime.handle().clone();
        let listener = runtime.block_on(filch::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        drop(runtime);
        let message = panic_of(|| handle.block_on(async { sleep(Duration::from_secs(1)).await }));
        assert!(message.contains("runtime had shut down"), "{message}");
        let error = handle.block_on(listener.accept()).unwrap_err();
        assert!(error.to_string().contains("shut"), "{error}");
        let error = handle.block_on(async { filch::net::TcpListener::bind("127.0.0.1:0").await });
        assert!(error.is_err(), "a socket without a runtime");
    });
}

#[test]
fn wakers_may_outlive_the_runtime() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (send, receive) = mpsc::channel();
        let task = runtime.spawn(hand_out_waker(move |waker| send.send(waker).unwrap()));
        runtime.block_on(async {
            for _ in 0..5 {
                yield_now().await;
            }
        });
        let waker = receive.recv().unwrap();
        let root: Arc<Mutex<Option<Waker>>> = Arc::default();
        let note = root.clone();
        runtime.block_on(async {
            hand_out_waker(|waker| {
                waker.wake_by_ref();
                *note.lock().unwrap() = Some(waker);
            })
            .await;
        });
        drop(runtime);
        assert_cancelled(task);
        waker.wake_by_ref();
        let other = waker.clone();
        thread::spawn(move || other.wake()).join().unwrap();
        drop(waker);
        root.lock().unwrap().take().unwrap().wake();
    });
}

// Bug 17.
#[test]
fn futures_whose_drop_spawns_wakes_locks_and_detaches_do_not_stop_a_shutdown() {
    let _watch = watch();
    struct Busy {
        handle: Handle,
        lock: Arc<Mutex<Vec<Waker>>>,
        neighbour: Option<JoinHandle<()>>,
        census: Census,
        _citizen: Citizen,
    }
    impl Drop for Busy {
        fn drop(&mut self) {
            let guard = self.census.guard();
            drop(self.handle.spawn(async move { drop(guard) }));
            if let Ok(handle) = Handle::try_current() {
                drop(handle.spawn_blocking(|| ()));
            }
            let wakers = self.lock.lock().unwrap();
            wakers.iter().for_each(Waker::wake_by_ref);
            if let Some(neighbour) = self.neighbour.take() {
                neighbour.abort();
            }
        }
    }
    for round in 0..20 {
        on_each_flavour(|runtime| {
            let (census, lock) = (Census::default(), Arc::new(Mutex::new(Vec::new())));
            let mut neighbour = None;
            for _ in 0..50 {
                let busy = Busy {
                    handle: runtime.handle().clone(),
                    lock: lock.clone(),
                    neighbour: neighbour.take(),
                    census: census.clone(),
                    _citizen: census.guard(),
                };
                neighbour = Some(runtime.spawn(async move {
                    hand_out_waker(|waker| busy.lock.lock().unwrap().push(waker)).await;
                    pending::<()>().await;
                }));
            }
            if round % 2 == 0 {
                runtime.block_on(async {
                    while lock.lock().unwrap().len() < 50 {
                        yield_now().await;
                    }
                });
            }
            drop(runtime);
            assert_eq!((census.born(), census.dead()), (100, 100));
        });
    }
}

// Bug 14.
#[test]
fn other_threads_may_wake_and_spawn_while_the_runtime_ends() {
    let _watch = watch();
    for round in 0..150 {
        let runtime = if round % 3 == 0 { current() } else { multi(2) };
        let census = Census::default();
        let (send, receive) = mpsc::channel::<Waker>();
        for _ in 0..4 {
            let (send, guard) = (send.clone(), census.guard());
            drop(runtime.spawn(async move {
                let _guard = guard;
                loop {
                    let send = send.clone();
                    hand_out_waker(move |waker| drop(send.send(waker))).await;
                }
            }));
        }
        drop(send);
        runtime.block_on(async {
            for _ in 0..10 {
                yield_now().await;
            }
        });
        let stop = Arc::new(AtomicBool::new(false));
        let threads: Vec<_> = (0..2)
            .map(|n| {
                let wakers: Vec<_> = receive.try_iter().take(8).collect();
                let (handle, census) = (runtime.handle().clone(), census.clone());
                let stop = stop.clone();
                thread::spawn(move || {
                    while !stop.load(SeqCst) {
                        wakers.iter().for_each(Waker::wake_by_ref);
                        if n == 0 {
                            let guard = census.guard();
                            drop(handle.spawn(async move { drop(guard) }));
                            let guard = census.guard();
                            drop(handle.spawn_blocking(move || drop(guard)));
                        }
                    }
                })
            })
            .collect();
        drop(runtime);
        stop.store(true, SeqCst);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        drop(receive);
        assert_eq!(census.dead(), census.born(), "round {round}");
    }
}

/// A runtime with one blocking job that runs until the gate is opened, and one that waits.
fn stuck(runtime: &Runtime) -> (Gate, JoinHandle<()>, JoinHandle<()>) {
    let (release, begun) = (Gate::new(), Gate::new());
    let (wait, begin) = (release.clone(), begun.clone());
    let runs = runtime.spawn_blocking(move || {
        begin.open();
        wait.block();
    });
    begun.block();
    let waits = runtime.spawn_blocking(|| ());
    (release, runs, waits)
}

fn one_blocking_thread(builder: &mut Builder) -> Runtime {
    builder.max_blocking_threads(1).build().unwrap()
}

// Bug 45.
#[test]
fn a_shutdown_with_a_limit_leaves_a_stuck_thread_behind() {
    let _watch = watch();
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = one_blocking_thread(&mut builder);
        let (release, runs, waits) = stuck(&runtime);
        let began = Instant::now();
        runtime.shutdown_timeout(Duration::from_millis(30));
        let took = began.elapsed();
        assert!(took >= Duration::from_millis(30), "{took:?}");
        assert_cancelled(waits);
        assert!(!runs.is_finished());
        release.open();
        assert!(current().block_on(runs).is_ok());
    }
}

#[test]
fn a_shutdown_in_the_background_waits_for_nobody() {
    let _watch = watch();
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = one_blocking_thread(&mut builder);
        let (release, runs, waits) = stuck(&runtime);
        runtime.shutdown_background();
        assert_cancelled(waits);
        assert!(!runs.is_finished());
        release.open();
        current().block_on(runs).unwrap();
    }
}

#[test]
fn a_dropped_runtime_waits_for_the_jobs_that_run_and_for_those_that_wait() {
    let _watch = watch();
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let runtime = one_blocking_thread(&mut builder);
        let (release, runs, waits) = stuck(&runtime);
        let task = runtime.spawn(pending::<()>());
        let ends = thread::spawn(move || drop(runtime));
        until(|| task.is_finished());
        assert!(!waits.is_finished() && !ends.is_finished());
        release.open();
        ends.join().unwrap();
        assert!(runs.is_finished() && waits.is_finished());
        current().block_on(waits).unwrap();
    }
}

#[test]
fn what_was_spawned_before_the_end_is_done_though_no_thread_has_begun() {
    let _watch = watch();
    for threads in [1, 2, 100] {
        for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
            // Threads that go at once: some do while the end begins.
            builder.max_blocking_threads(threads).thread_keep_alive(Duration::ZERO);
            for jobs in [1, 1, 2, 3, 100] {
                let runtime = builder.build().unwrap();
                let done = Arc::new(AtomicUsize::new(0));
                for _ in 0..jobs {
                    let done = done.clone();
                    drop(runtime.spawn_blocking(move || _ = done.fetch_add(1, SeqCst)));
                }
                drop(runtime);
                assert_eq!(done.load(SeqCst), jobs);
            }
        }
    }
}

#[test]
fn jobs_that_meet_the_end_are_done_or_dropped() {
    let _watch = watch();
    for round in 0..200 {
        let runtime = Builder::new_current_thread().max_blocking_threads(1).build().unwrap();
        let handle = runtime.handle().clone();
        let begun = Gate::new();
        let begin = begun.clone();
        let spawner = thread::spawn(move || {
            begin.open();
            (0..20).map(|_| handle.spawn_blocking(|| ())).collect::<Vec<_>>()
        });
        begun.block();
        match round % 2 {
            0 => drop(runtime),
            _ => runtime.shutdown_background(),
        }
        let jobs = spawner.join().unwrap();
        until(|| jobs.iter().all(JoinHandle::is_finished));
    }
}

#[test]
fn an_endless_poll_is_left_behind_when_the_limit_is_over() {
    let _watch = watch();
    let runtime = multi(2);
    let (begun, release, census) = (Gate::new(), Gate::new(), Census::default());
    let (begin, wait, guard) = (begun.clone(), release.clone(), census.guard());
    let endless = runtime.spawn(async move {
        let _guard = guard;
        begin.open();
        wait.block();
        yield_now().await;
        unreachable!();
    });
    let idle = runtime.spawn(pending::<()>());
    begun.block();
    runtime.shutdown_timeout(Duration::from_millis(20));
    release.open();
    until(|| endless.is_finished() && idle.is_finished());
    assert_cancelled(endless);
    assert_cancelled(idle);
    until(|| census.dead() == 1);
}

#[test]
fn absurd_limits_are_no_limits() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        drop(runtime.spawn(pending::<()>()));
        runtime.shutdown_timeout(Duration::MAX);
    });
    on_each_flavour(|runtime| runtime.shutdown_timeout(Duration::ZERO));
}

#[test]
fn a_runtime_dropped_in_async_code_panics_and_says_what_to_do() {
    let _watch = watch();
    let outer = multi(1);
    on_each_flavour(|inner| {
        let task = inner.spawn(pending::<()>());
        let drops = outer.spawn(async move { panic_of(|| drop(inner)) });
        let message = outer.block_on(drops).unwrap();
        assert!(
            message.starts_with("a filch runtime was dropped inside of async code"),
            "{message}"
        );
        until(|| task.is_finished());
    });
    on_each_flavour(|inner| {
        let message = outer
            .block_on(async move { panic_here(|| inner.shutdown_timeout(Duration::from_secs(1))) });
        assert!(
            message.starts_with("a filch runtime was dropped inside of async code"),
            "{message}"
        );
    });
    on_each_flavour(|inner| outer.block_on(async move { inner.shutdown_background() }));
    // Where one may block, one may drop.
    on_each_flavour(|inner| {
        outer.block_on(outer.spawn(async move { task::block_in_place(|| drop(inner)) })).unwrap();
    });
    on_each_flavour(|inner| outer.block_on(outer.spawn_blocking(move || drop(inner))).unwrap());
}

#[test]
fn a_task_that_owns_its_own_runtime_ends_it_without_hanging() {
    let _watch = watch();
    let runtime = Arc::new(multi(2));
    let own = runtime.clone();
    let gate = Gate::new();
    let pass = gate.clone();
    let task = runtime.spawn(async move {
        pass.pass().await;
        let runtime = Arc::into_inner(own).unwrap();
        panic_of(|| drop(runtime))
    });
    drop(runtime);
    gate.open();
    until(|| task.is_finished());
    let message = current().block_on(task).unwrap();
    assert!(message.starts_with("a filch runtime was dropped inside of async code"), "{message}");
}

// Bug 45: a thread cannot wait for its own end.
#[test]
fn a_job_that_owns_its_own_runtime_ends_it_without_hanging() {
    let _watch = watch();
    for make in [current as fn() -> Runtime, || multi(2)] {
        for in_place in [false, true] {
            let runtime = make();
            if in_place && runtime.handle().metrics().num_workers() == 1 {
                continue;
            }
            let handle = runtime.handle().clone();
            let (send, receive) = mpsc::channel();
            if in_place {
                drop(handle.spawn(async move {
                    task::block_in_place(|| drop(runtime));
                    send.send(()).unwrap();
                }));
            } else {
                drop(handle.spawn_blocking(move || {
                    drop(runtime);
                    send.send(()).unwrap();
                }));
            }
            receive.recv().unwrap();
        }
    }
}

#[test]
fn a_task_spawned_by_a_job_during_the_end_is_cancelled() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (begun, release) = (Gate::new(), Gate::new());
        let (begin, wait) = (begun.clone(), release.clone());
        let job = runtime.spawn_blocking(move || {
            begin.open();
            wait.block();
            (filch::spawn(async {}), task::spawn_blocking(|| ()))
        });
        begun.block();
        let bystander = runtime.spawn(pending::<()>());
        let ends = thread::spawn(move || drop(runtime));
        until(|| bystander.is_finished());
        release.open();
        ends.join().unwrap();
        let (task, inner) = current().block_on(job).unwrap();
        assert_cancelled(task);
        // The pool may not have been closed yet. What counts is that the handle resolves.
        assert!(inner.is_finished());
    });
}

#[test]
fn threads_that_block_on_a_handle_learn_of_the_end() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let task = runtime.spawn(pending::<()>());
        let handle = runtime.handle().clone();
        let waits = thread::spawn(move || handle.block_on(task).unwrap_err().is_cancelled());
        drop(runtime);
        assert!(waits.join().unwrap());
    });
}

#[test]
fn a_runtime_may_be_dropped_in_the_middle_of_a_local_sets_life() {
    let _watch = watch();
    let (outer, set) = (current(), LocalSet::new());
    let message = set.block_on(&outer, async {
        let inner = multi(1);
        task::spawn_local(async move { panic_of(|| drop(inner)) }).await.unwrap()
    });
    assert!(message.starts_with("a filch runtime was dropped inside of async code"), "{message}");
}

#[test]
fn thousands_of_runtimes_leave_nothing_behind() {
    let _watch = watch();
    if !support::in_child("thousands_of_runtimes_leave_nothing_behind", "") {
        return;
    }
    let once = |n: usize| {
        let runtime = if n.is_multiple_of(10) { multi(2) } else { current() };
        drop(runtime.spawn(pending::<()>()));
        runtime.block_on(async {
            filch::spawn(sleep(Duration::ZERO)).await.unwrap();
        });
        if n.is_multiple_of(50) {
            runtime.block_on(runtime.spawn(async { task::block_in_place(|| ()) })).ok();
        }
    };
    let quiet = |n| {
        std::panic::set_hook(Box::new(|_| ()));
        once(n);
    };
    (0..200).for_each(quiet);
    #[cfg(target_os = "linux")]
    {
        let (threads, descriptors) = support::threads_and_descriptors();
        let before = support::resident_bytes();
        (0..3_000).for_each(quiet);
        until(|| support::threads_and_descriptors() == (threads, descriptors));
        let after = support::resident_bytes();
        assert!(after < before + (6 << 20), "{before} bytes became {after}");
    }
}

#[test]
fn what_the_hooks_hold_is_let_go_of() {
    let _watch = watch();
    let held = Arc::new(AtomicUsize::new(0));
    for mut builder in [Builder::new_multi_thread(), Builder::new_current_thread()] {
        let hold = held.clone();
        let runtime =
            builder.on_thread_stop(move || _ = hold.fetch_add(1, SeqCst)).build().unwrap();
        let handle = runtime.handle().clone();
        runtime.block_on(runtime.spawn_blocking(|| ())).unwrap();
        if handle.metrics().num_workers() > 1 {
            runtime.block_on(runtime.spawn(async { task::block_in_place(|| ()) })).unwrap();
        }
        drop(runtime);
        drop(builder);
        drop(handle);
        assert_eq!(Arc::strong_count(&held), 1, "the scheduler lives on");
    }
}

#[test]
fn a_timer_whose_waker_panics_keeps_no_socket_from_learning_of_the_end() {
    let _watch = watch();
    let runtime = current();
    let entered = runtime.enter();
    let mut timer = Box::pin(sleep(Duration::from_secs(3600)));
    let std = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    std.set_nonblocking(true).unwrap();
    let socket = filch::net::UdpSocket::from_std(std).unwrap();
    let panics = Waker::from(Arc::new(OnWake(|| panic!("{ON_PURPOSE}"))));
    assert!(poll_with(&mut timer, &panics).is_pending());
    drop(entered);
    let ((bell, rings), mut readable) = (Bell::new(), Box::pin(socket.readable()));
    assert!(poll_with(&mut readable, &rings).is_pending());
    let _ = catch_unwind(AssertUnwindSafe(|| drop(runtime)));
    assert_eq!(bell.rang(), 1);
}
