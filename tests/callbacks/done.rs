//! `on_done`: how a task ended, told once and in order.

use crate::support::{Census, Gate, ON_PURPOSE, current, multi, on_each_flavour, until, watch};
use crate::{Log, called};
use filch::callback::Ending;
use filch::runtime::{Builder, Handle};
use filch::sync::oneshot;
use filch::task::{self, JoinHandle, yield_now};
use std::future::pending;

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

#[test]
fn a_callback_whose_runtime_is_over_is_called_by_whoever_ends_the_task() {
    let _watch = watch();
    let (over, runtime) = (current(), multi(1));
    let gate = Gate::new();
    let passage = gate.clone();
    let task = runtime.spawn(async move { passage.pass().await });
    let log = Log::new();
    {
        let _over = over.enter();
        task.on_done(log.adds_done(1));
        task.on_done(|_| panic!("{ON_PURPOSE}"));
        task.on_done(log.adds_done(2));
    }
    drop(over);
    assert!(log.all().is_empty());
    gate.open();
    runtime.block_on(task).unwrap();
    // The joiner is woken after they are told, but it may see by itself that the task is done.
    until(|| log.all() == [1, 2]);
}

#[test]
fn the_orderly_end_calls_the_callbacks_of_what_it_cancels() {
    let _watch = watch();
    on_each_flavour(|runtime| {
        let log = Log::new();
        {
            let _runtime = runtime.enter();
            for number in 0..100 {
                let task = runtime.spawn(filch::cancel::with_cleanup(pending::<()>(), yield_now()));
                let log = log.clone();
                task.on_done(move |task| log.add((number, task.ending())));
            }
        }
        runtime.block_on(yield_now());
        let report = runtime.close();
        assert!(report.is_clean(), "{report}");
        let mut told = log.all();
        told.sort_by_key(|entry| entry.0);
        assert_eq!(told, (0..100).map(|number| (number, Ending::Cancelled)).collect::<Vec<_>>());
    });
}
