//! Callbacks run once, in order, one at a time, on the runtime; a panic in one ends nothing else.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use filch::callback::{DoneTask, Ending, call_at, call_later, call_soon};
use filch::runtime::{Builder, Handle, Runtime};
use filch::sync::oneshot;
use filch::task::{self, JoinHandle, yield_now};
use filch::time::{Duration, Instant, advance, sleep};
use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use support::{
    Census, Gate, ON_PURPOSE, current, multi, on_each_flavour, panic_here, until, watch,
};

/// What was called, in order.
#[derive(Clone)]
struct Log<T>(Arc<Mutex<Vec<T>>>);

impl<T: Clone + Send + 'static> Log<T> {
    fn new() -> Log<T> {
        Log(Arc::default())
    }

    fn add(&self, entry: T) {
        self.0.lock().unwrap().push(entry);
    }

    fn all(&self) -> Vec<T> {
        self.0.lock().unwrap().clone()
    }

    /// A callback that adds an entry.
    fn adds(&self, entry: T) -> impl FnOnce() + Send + 'static + use<T> {
        let log = self.clone();
        move || log.add(entry)
    }

    /// A callback of a task that adds an entry.
    fn adds_done(&self, entry: T) -> impl FnOnce(&DoneTask) + Send + 'static + use<T> {
        let add = self.adds(entry);
        move |_| add()
    }
}

/// Ready when all callbacks that wait now have been called.
async fn called() {
    let (tell, told) = oneshot::channel();
    call_soon(move || _ = tell.send(()));
    told.await.unwrap();
}

fn paused() -> Runtime {
    Builder::new_current_thread().start_paused(true).build().unwrap()
}

// ── call_soon ────────────────────────────────────────────────────────────────────────────────────

#[test]
fn callbacks_are_called_in_order_and_not_before_the_caller_waits() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        runtime.block_on(async {
            for number in 0..1000 {
                call_soon(log.adds(number));
            }
            called().await;
        });
        assert_eq!(log.all(), (0..1000).collect::<Vec<_>>());
    });
    current().block_on(async {
        let log = Log::new();
        call_soon(log.adds(1));
        assert!(log.all().is_empty(), "called at once");
        called().await;
        assert_eq!(log.all(), [1]);
    });
}

#[test]
fn two_callbacks_are_never_called_at_once() {
    let _watch = watch();
    let runtime = multi(4);
    let (busy, count) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (handle, busy, count) = (runtime.handle().clone(), busy.clone(), count.clone());
            thread::spawn(move || {
                for _ in 0..200 {
                    let (busy, count) = (busy.clone(), count.clone());
                    handle.call_soon(move || {
                        assert!(!busy.swap(true, SeqCst), "two at once");
                        thread::yield_now();
                        busy.store(false, SeqCst);
                        count.fetch_add(1, SeqCst);
                    });
                }
            })
        })
        .collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    until(|| count.load(SeqCst) == 800);
}

#[test]
fn what_one_thread_posts_is_called_in_its_order() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        let threads: Vec<_> = (0..3)
            .map(|thread| {
                let (handle, log) = (runtime.handle().clone(), log.clone());
                thread::spawn(move || {
                    (0..200).for_each(|number| handle.post(log.adds((thread, number))).unwrap());
                })
            })
            .collect();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        runtime.block_on(called());
        for thread in 0..3 {
            let its: Vec<_> = log.all().into_iter().filter(|entry| entry.0 == thread).collect();
            assert_eq!(its, (0..200).map(|number| (thread, number)).collect::<Vec<_>>());
        }
    });
}

#[test]
fn a_callback_that_calls_itself_lets_tasks_run() {
    fn again(left: Arc<AtomicBool>, calls: Arc<AtomicUsize>) {
        calls.fetch_add(1, SeqCst);
        if !left.load(SeqCst) {
            call_soon(move || again(left, calls));
        }
    }
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (over, calls) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let task = {
            let (over, calls) = (over.clone(), calls.clone());
            async move {
                call_soon({
                    let (over, calls) = (over.clone(), calls.clone());
                    move || again(over, calls)
                });
                while calls.load(SeqCst) < 100 {
                    yield_now().await;
                }
                over.store(true, SeqCst);
            }
        };
        runtime.block_on(runtime.spawn(task)).unwrap();
    });
}

#[test]
fn a_panic_in_a_callback_ends_nothing_else() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        runtime.block_on(async {
            call_soon(log.adds(1));
            call_soon(|| panic!("{ON_PURPOSE}"));
            call_soon(|| std::panic::panic_any(support::PanicsOnDrop));
            call_soon(log.adds(2));
            called().await;
            filch::spawn(async {}).await.unwrap();
        });
        assert_eq!(log.all(), [1, 2]);
    });
}

#[test]
fn a_callback_is_part_of_no_task() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        let handle = runtime.handle().clone();
        runtime.block_on(async {
            let log = log.clone();
            call_soon(move || log.add((task::try_id(), Handle::current().name().is_none())));
            called().await;
        });
        drop(handle);
        assert_eq!(log.all(), [(None, true)]);
    });
}

#[test]
fn a_callback_may_spawn_and_call_soon() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (tell, told) = oneshot::channel();
        runtime.handle().call_soon(|| {
            filch::spawn(async {
                yield_now().await;
                call_soon(|| tell.send(1).unwrap());
            });
        });
        assert_eq!(runtime.block_on(told), Ok(1));
    });
}

#[test]
fn cancelling_drops_the_function_at_once_and_dropping_the_handle_does_not_cancel() {
    let _watch = watch();
    let runtime = current();
    let (census, log) = (Census::default(), Log::new());
    runtime.block_on(async {
        let citizen = census.guard();
        let add = log.adds("cancelled");
        let call = call_soon(move || {
            let _citizen = citizen;
            add();
        });
        drop(call_soon(log.adds("called")));
        assert!(!call.cancelled());
        assert!(call.cancel());
        assert_eq!(census.dead(), 1);
        assert!(call.cancelled() && !call.cancel());
        called().await;
        let late = call_soon(log.adds("late"));
        called().await;
        assert!(!late.cancel() && !late.cancelled());
    });
    assert_eq!(log.all(), ["called", "late"]);
}

#[test]
fn a_callback_may_cancel_the_one_behind_it_and_itself() {
    let _watch = watch();
    let log = Log::new();
    current().block_on(async {
        let own = Arc::new(Mutex::new(None::<filch::callback::CallHandle>));
        let first = {
            let (own, log) = (own.clone(), log.clone());
            call_soon(move || log.add(own.lock().unwrap().take().unwrap().cancel()))
        };
        *own.lock().unwrap() = Some(first);
        let behind = Arc::new(Mutex::new(None::<filch::callback::CallHandle>));
        {
            let (behind, log) = (behind.clone(), log.clone());
            call_soon(move || log.add(behind.lock().unwrap().take().unwrap().cancel()));
        }
        *behind.lock().unwrap() = Some(call_soon(|| unreachable!("it was cancelled")));
        called().await;
    });
    assert_eq!(log.all(), [false, true]);
}

#[test]
fn without_a_runtime_the_caller_is_told() {
    let _watch = watch();
    assert!(panic_here(|| call_soon(|| ())).contains("no filch runtime"));
    assert!(panic_here(|| call_later(Duration::ZERO, || ())).contains("no filch runtime"));
    assert!(panic_here(|| call_at(Instant::now(), || ())).contains("no filch runtime"));
    let runtime = current();
    let task = runtime.spawn(async {});
    assert!(panic_here(|| task.on_done(|_| ())).contains("no filch runtime"));
}

// ── timers ───────────────────────────────────────────────────────────────────────────────────────

#[test]
fn timers_are_called_at_their_time_in_the_order_of_their_times() {
    let _watch = watch();
    let log = Log::new();
    paused().block_on(async {
        let start = Instant::now();
        for seconds in [3, 1, 2, 0] {
            let log = log.clone();
            call_later(Duration::from_secs(seconds), move || {
                log.add((seconds, start.elapsed().as_secs()));
            });
        }
        sleep(Duration::from_secs(10)).await;
    });
    assert_eq!(log.all(), [(0, 0), (1, 1), (2, 2), (3, 3)]);
}

#[test]
fn a_timer_of_the_past_is_called_soon_and_one_of_never_is_not() {
    let _watch = watch();
    let log = Log::new();
    paused().block_on(async {
        advance(Duration::from_secs(5)).await;
        let past = Instant::now() - Duration::from_secs(2);
        assert_eq!(call_at(past, log.adds("past")).when(), past);
        let never = call_later(Duration::MAX, log.adds("never"));
        sleep(Duration::from_millis(1)).await;
        assert_eq!(log.all(), ["past"]);
        assert!(never.cancel() && never.cancelled());
        sleep(Duration::from_secs(1_000_000)).await;
    });
    assert_eq!(log.all(), ["past"]);
}

#[test]
fn a_timer_that_is_cancelled_lets_go_of_its_function_and_of_the_clock() {
    let _watch = watch();
    let census = Census::default();
    let runtime = paused();
    runtime.block_on(async {
        let start = Instant::now();
        let citizen = census.guard();
        let timer = call_later(Duration::from_secs(5), move || drop(citizen));
        let other = timer.clone();
        assert!(timer.cancel());
        assert_eq!(census.dead(), 1);
        assert!(!other.cancel() && other.cancelled());
        sleep(Duration::from_secs(1)).await;
        assert_eq!(start.elapsed(), Duration::from_secs(1));
        yield_now().await;
        assert_eq!(runtime.metrics().num_alive_tasks(), 0, "the timer's task is left");
    });
}

#[test]
fn timers_may_be_set_from_any_thread_on_the_clock_of_their_runtime() {
    let _watch = watch();
    let runtime = paused();
    let handle = runtime.handle().clone();
    let (tell, told) = oneshot::channel();
    let ahead = runtime.block_on(async {
        advance(Duration::from_secs(1000)).await;
        Instant::now()
    });
    let timer = thread::spawn(move || {
        handle.call_later(Duration::from_secs(7), move || tell.send(Instant::now()).unwrap())
    });
    let timer = timer.join().unwrap();
    assert_eq!(timer.when(), ahead + Duration::from_secs(7));
    // The wheel counts in milliseconds.
    let late = runtime.block_on(told).unwrap() - timer.when();
    assert!(late <= Duration::from_millis(1), "{late:?}");
}

#[test]
fn timers_that_have_not_fired_are_cancelled_by_the_shutdown_and_those_set_after_it() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let census = Census::default();
        let citizen = census.guard();
        let handle = runtime.handle().clone();
        let timer = handle.call_later(Duration::from_secs(3600), move || drop(citizen));
        runtime.block_on(yield_now());
        drop(runtime);
        assert!(timer.cancelled() && !timer.cancel());
        assert_eq!(census.dead(), 1);
        let late = handle.call_later(Duration::ZERO, || unreachable!("the runtime is over"));
        assert!(late.cancelled());
    });
}

// ── post ─────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_was_posted_wakes_a_runtime_that_sleeps() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (tell, told) = oneshot::channel();
        let asleep = Gate::new();
        let poster = {
            let (handle, asleep) = (runtime.handle().clone(), asleep.clone());
            thread::spawn(move || {
                asleep.block();
                handle.post(move || tell.send(1).unwrap()).unwrap();
            })
        };
        let task = runtime.spawn(async move {
            asleep.open();
            told.await
        });
        assert_eq!(runtime.block_on(task).unwrap(), Ok(1));
        poster.join().unwrap();
    });
}

#[test]
fn what_was_accepted_is_called_at_the_latest_by_the_shutdown() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        let handle = runtime.handle().clone();
        for number in 0..100 {
            handle.post(log.adds(number)).unwrap();
        }
        drop(runtime);
        assert_eq!(log.all(), (0..100).collect::<Vec<_>>());
        let refused = handle.post(log.adds(100)).unwrap_err();
        (refused.0)();
        assert_eq!(log.all().len(), 101);
        assert!(handle.post_once("key", || ()).is_err());
        assert!(handle.call_soon(|| unreachable!("the runtime is over")).cancelled());
    });
}

#[test]
fn posting_while_the_runtime_shuts_down_calls_or_gives_back() {
    let _watch = watch();
    for round in 0..50 {
        let runtime = multi(2);
        let (called, refused) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let started = Gate::new();
        let poster = {
            let (handle, called, refused) =
                (runtime.handle().clone(), called.clone(), refused.clone());
            let started = started.clone();
            thread::spawn(move || {
                for number in 0..200 {
                    if number == round {
                        started.open();
                    }
                    let called = called.clone();
                    if handle.post(move || _ = called.fetch_add(1, SeqCst)).is_err() {
                        refused.fetch_add(1, SeqCst);
                    }
                }
            })
        };
        started.block();
        drop(runtime);
        poster.join().unwrap();
        until(|| called.load(SeqCst) + refused.load(SeqCst) == 200);
    }
}

#[test]
fn what_a_callback_posts_during_the_shutdown_is_given_back() {
    let _watch = watch();
    let log = Log::new();
    let runtime = current();
    {
        let (handle, log) = (runtime.handle().clone(), log.clone());
        runtime.handle().post(move || log.add(handle.post(|| ()).is_err())).unwrap();
    }
    drop(runtime);
    assert_eq!(log.all(), [true]);
}

#[test]
fn a_key_waits_once_and_again_when_its_callback_has_begun() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let (log, census) = (Log::new(), Census::default());
        let handle = runtime.handle().clone();
        let gate = Hold(Gate::new());
        let wait = gate.0.clone();
        // Keeps the line where it is.
        handle.post(move || wait.block()).unwrap();
        assert!(handle.post_once("a", log.adds("first")).unwrap());
        let citizen = census.guard();
        let add = log.adds("second");
        let second = move || {
            drop(citizen);
            add();
        };
        assert!(matches!(handle.post_once("a", second), Ok(false)));
        assert_eq!(census.dead(), 1, "what is not called is dropped");
        assert!(handle.post_once("b".to_owned(), log.adds("another")).unwrap());
        {
            let (handle, log) = (handle.clone(), log.clone());
            let again = move || assert!(handle.post_once("c", log.adds("again")).unwrap());
            runtime.handle().post_once("c", again).unwrap();
        }
        drop(gate);
        runtime.block_on(async {
            while log.all().len() < 3 {
                yield_now().await;
            }
        });
        assert_eq!(log.all(), ["first", "another", "again"]);
        assert!(handle.post_once("a", || ()).unwrap());
    });
}

/// Opens its gate in the end, also when an assertion fails.
struct Hold(Gate);

impl Drop for Hold {
    fn drop(&mut self) {
        self.0.open();
    }
}

#[test]
fn a_burst_of_callbacks_costs_one_task() {
    let _watch = watch();
    let spawned = Arc::new(AtomicUsize::new(0));
    let count = spawned.clone();
    let mut builder = Builder::new_current_thread();
    let runtime = builder.on_task_spawn(move |_| _ = count.fetch_add(1, SeqCst)).build().unwrap();
    let log = Log::new();
    runtime.block_on(async {
        (0..100).for_each(|number| _ = call_soon(log.adds(number)));
        called().await;
    });
    assert_eq!(log.all().len(), 100);
    assert_eq!(spawned.load(SeqCst), 1);
}

// ── tasks that are done ──────────────────────────────────────────────────────────────────────────

#[test]
fn a_task_tells_how_it_ended_whatever_becomes_of_its_handle() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let endings = runtime.block_on(async {
            let (send, mut ends) = filch::sync::mpsc::unbounded_channel();
            let watch = |name, task: JoinHandle<()>| {
                let send = send.clone();
                task.on_done(move |task| send.send((name, task.ending())).unwrap());
                task
            };
            drop(watch("finished", filch::spawn(yield_now())));
            watch("panicked", filch::spawn(async { panic!("{ON_PURPOSE}") })).await.unwrap_err();
            watch("aborted", filch::spawn(pending())).abort();
            watch("cancelled", filch::spawn(pending())).cancel("why not");
            watch("blocking", task::spawn_blocking(|| ())).await.unwrap();
            let mut endings = Vec::new();
            for _ in 0..5 {
                endings.push(ends.recv().await.unwrap());
            }
            endings.sort_by_key(|(name, _)| *name);
            endings
        });
        let expected = [
            ("aborted", "Cancelled"),
            ("blocking", "Finished"),
            ("cancelled", "Cancelled"),
            ("finished", "Finished"),
            ("panicked", "Panicked"),
        ];
        let said: Vec<_> = endings.iter().map(|(name, end)| (*name, format!("{end:?}"))).collect();
        assert_eq!(said, expected.map(|(name, end)| (name, end.to_owned())));
    });
}

#[test]
fn a_done_task_says_who_it_was() {
    let _watch = watch();
    let (tell, told) = oneshot::channel();
    current().block_on(async {
        let task = task::Builder::new().name("me").spawn(async { 5 }).unwrap();
        let line = line!() - 1;
        let id = task.id();
        task.on_done(move |task| tell.send(task.clone()).unwrap());
        let done = told.await.unwrap();
        assert_eq!((done.id(), done.name()), (id, Some("me")));
        assert_eq!((done.spawned_at().file(), done.spawned_at().line()), (file!(), line));
        assert!(done.is_finished() && !done.is_cancelled() && !done.is_panic());
        assert_eq!(task.await.unwrap(), 5);
    });
}

#[test]
fn callbacks_of_a_task_come_in_order_and_those_of_tasks_in_the_order_of_their_ends() {
    let _watch = watch();
    let log = Log::new();
    current().block_on(async {
        let gates = [Gate::new(), Gate::new()];
        let tasks = [0, 1].map(|number: usize| {
            let gate = gates[number].clone();
            filch::spawn(async move { gate.pass().await })
        });
        for callback in 0..3 {
            for (number, task) in tasks.iter().enumerate() {
                task.on_done(log.adds_done((number, callback)));
            }
        }
        for number in [1, 0] {
            gates[number].open();
            while !tasks[number].is_finished() {
                yield_now().await;
            }
        }
        called().await;
    });
    assert_eq!(log.all(), [(1, 0), (1, 1), (1, 2), (0, 0), (0, 1), (0, 2)]);
}

#[test]
fn a_task_that_is_done_calls_soon_also_when_its_output_is_taken() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        runtime.block_on(async {
            let mut task = filch::spawn(async { 1 });
            (&mut task).await.unwrap();
            let mut failed = filch::spawn(async { panic!("{ON_PURPOSE}") });
            (&mut failed).await.unwrap_err();
            for task in [task.on_done(log.adds_done(1)), task.on_done(log.adds_done(2))] {
                // On its way: too late to take it back.
                let _ = task;
            }
            let log = log.clone();
            let id = failed.on_done(move |task| {
                assert_eq!(task.ending(), Ending::Panicked);
                log.add(3);
            });
            assert!(!failed.remove_callback(id));
            called().await;
        });
        assert_eq!(log.all(), [1, 2, 3]);
    });
}

#[test]
fn a_callback_that_is_taken_back_is_dropped_and_not_called() {
    let _watch = watch();
    let (log, census) = (Log::new(), Census::default());
    current().block_on(async {
        let (task, other) = (filch::spawn(async {}), filch::spawn(async {}));
        task.on_done(log.adds_done("first"));
        let citizen = census.guard();
        let id = task.on_done(move |_| drop(citizen));
        task.on_done(log.adds_done("last"));
        assert!(!other.remove_callback(id), "it is another task's");
        assert!(task.remove_callback(id));
        assert_eq!(census.dead(), 1);
        assert!(!task.remove_callback(id));
        task.await.unwrap();
        called().await;
    });
    assert_eq!(log.all(), ["first", "last"]);
}

#[test]
fn callbacks_run_on_the_runtime_in_which_they_were_registered() {
    let _watch = watch();
    let one = Builder::new_multi_thread().worker_threads(1).name("one").build().unwrap();
    let two = Builder::new_multi_thread().worker_threads(1).name("two").build().unwrap();
    let (tell, told) = oneshot::channel();
    let task = one.spawn(yield_now());
    {
        let _two = two.enter();
        task.on_done(|_| tell.send(Handle::current().name().map(str::to_owned)).unwrap());
    }
    assert_eq!(two.block_on(told).unwrap().as_deref(), Some("two"));
}

#[test]
fn a_shutdown_calls_the_callbacks_of_what_it_cancels() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        let (idle, queued) = {
            let _runtime = runtime.enter();
            let idle = runtime.spawn(pending::<()>());
            let queued = runtime.spawn(async { pending::<()>().await });
            for task in [&idle, &queued] {
                let log = log.clone();
                task.on_done(move |task| log.add(task.ending()));
            }
            (idle, queued)
        };
        drop(runtime);
        assert_eq!(log.all(), [Ending::Cancelled; 2]);
        drop((idle, queued));
    });
}

#[test]
fn registering_while_the_task_ends_is_never_lost_and_keeps_its_order() {
    let _watch = watch();
    let runtime = multi(3);
    for _ in 0..300 {
        let log = Log::new();
        let gate = Gate::new();
        let task = {
            let gate = gate.clone();
            runtime.spawn(async move { gate.pass().await })
        };
        let _runtime = runtime.enter();
        for number in 0..20 {
            if number == 7 {
                gate.open();
            }
            task.on_done(log.adds_done(number));
        }
        until(|| log.all().len() == 20);
        assert_eq!(log.all(), (0..20).collect::<Vec<_>>());
    }
}

#[test]
fn a_panic_in_a_callback_of_a_task_leaves_task_and_neighbours_alone() {
    let _watch = watch();
    let log = Log::new();
    current().block_on(async {
        let task = filch::spawn(async { 1 });
        task.on_done(|_| panic!("{ON_PURPOSE}"));
        task.on_done(log.adds_done(2));
        assert_eq!(task.await.unwrap(), 1);
        called().await;
    });
    assert_eq!(log.all(), [2]);
}

#[test]
fn tasks_of_a_local_set_tell_their_end_too() {
    let _watch = watch();
    let log = Log::new();
    current().block_on(async {
        let set = task::LocalSet::new();
        let task = set.spawn_local(async { std::rc::Rc::new(1) });
        task.on_done(log.adds_done(1));
        set.await;
        called().await;
        assert_eq!(*task.await.unwrap(), 1);
    });
    assert_eq!(log.all(), [1]);
}
