//! Random programs of spawns, wakes, aborts, yields and drops: each task is polled by one thread at a
//! time, its output is delivered at most once, exactly once if nobody aborted it, and nothing leaks.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]
// Some handles leave their block unawaited on purpose; a `()` fixes the type of what only panics.
#![allow(clippy::async_yields_async, clippy::let_unit_value)]

mod support;

use filch::runtime::Runtime;
use filch::task::{AbortHandle, JoinHandle, yield_now};
use proptest::prelude::*;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use support::{Census, Citizen, current, multi, watch};

/// What a task does, one after the other.
#[derive(Clone, Debug)]
enum Step {
    Yield,
    /// Wakes itself so many times during one poll.
    WakeSelf(u8),
    /// Wakes the task of this number, with a waker that it left behind.
    Wake(usize),
    Abort(usize),
    /// Spawns a task with steps of its own, and awaits, detaches or keeps it.
    Spawn(Vec<Step>, Fate),
    /// Waits until somebody wakes it, or the end of the program comes.
    Wait,
    /// The same from another thread, as if a device had answered.
    WakeFromOutside(usize),
    Panic,
}

#[derive(Clone, Copy, Debug)]
enum Fate {
    Await,
    Detach,
    Abort,
    DropLater,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let leaf = prop_oneof![
        4 => Just(Step::Yield),
        2 => (1..4u8).prop_map(Step::WakeSelf),
        3 => (0..32usize).prop_map(Step::Wake),
        2 => (0..32usize).prop_map(Step::Abort),
        3 => Just(Step::Wait),
        2 => (0..32usize).prop_map(Step::WakeFromOutside),
        1 => Just(Step::Panic),
    ];
    let fate = prop_oneof![
        Just(Fate::Await),
        Just(Fate::Detach),
        Just(Fate::Abort),
        Just(Fate::DropLater)
    ];
    let step = leaf.prop_recursive(3, 40, 6, move |inner| {
        let fate = fate.clone();
        (prop::collection::vec(inner, 0..6), fate)
            .prop_map(|(steps, fate)| Step::Spawn(steps, fate))
    });
    prop::collection::vec(step, 0..10)
}

/// What all tasks of a program share.
#[derive(Default)]
struct World {
    futures: Census,
    outputs: Census,
    /// The wakers and abort handles of tasks, by number.
    tasks: Mutex<Vec<(Option<Waker>, Option<AbortHandle>)>>,
    delivered: AtomicUsize,
    ended: AtomicUsize,
    over: AtomicBool,
}

type Steps = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task: looks that nobody else polls it, and that it is not polled after its end.
struct Actor {
    world: Arc<World>,
    number: usize,
    polled: AtomicBool,
    done: bool,
    steps: Steps,
    _citizen: Citizen,
}

impl Future for Actor {
    type Output = Citizen;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Citizen> {
        let me = &mut *self;
        assert!(!me.polled.swap(true, SeqCst), "polled by two threads at once");
        assert!(!me.done, "polled after its end");
        let waker = cx.waker().clone();
        let old = me.world.tasks.lock().unwrap()[me.number].0.replace(waker);
        drop(old);
        let polled = me.steps.as_mut().poll(cx);
        me.polled.store(false, SeqCst);
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(()) => {
                me.done = true;
                me.world.ended.fetch_add(1, SeqCst);
                Poll::Ready(me.world.outputs.guard())
            }
        }
    }
}

fn spawn(world: &Arc<World>, steps: Vec<Step>) -> JoinHandle<Citizen> {
    let number = {
        let mut tasks = world.tasks.lock().unwrap();
        tasks.push((None, None));
        tasks.len() - 1
    };
    let handle = filch::spawn(Actor {
        world: world.clone(),
        number,
        polled: AtomicBool::new(false),
        done: false,
        steps: act(world.clone(), steps),
        _citizen: world.futures.guard(),
    });
    world.tasks.lock().unwrap()[number].1 = Some(handle.abort_handle());
    handle
}

fn act(world: Arc<World>, steps: Vec<Step>) -> Steps {
    Box::pin(async move {
        let mut later = Vec::new();
        for step in steps {
            match step {
                Step::Yield => yield_now().await,
                Step::WakeSelf(times) => {
                    let mut first = true;
                    poll_fn(|cx| {
                        if !std::mem::take(&mut first) {
                            return Poll::Ready(());
                        }
                        (0..times).for_each(|_| cx.waker().wake_by_ref());
                        Poll::Pending
                    })
                    .await;
                }
                Step::Wake(number) => {
                    if let Some(waker) = waker_of(&world, number) {
                        waker.wake();
                    }
                }
                Step::WakeFromOutside(number) => {
                    if let Some(waker) = waker_of(&world, number) {
                        thread::spawn(move || waker.wake());
                    }
                }
                Step::Abort(number) => {
                    let abort = world.tasks.lock().unwrap().get(number).and_then(|t| t.1.clone());
                    if let Some(abort) = abort {
                        abort.abort();
                    }
                }
                Step::Spawn(steps, fate) => {
                    let task = spawn(&world, steps);
                    match fate {
                        Fate::Await => note(&world, task.await),
                        Fate::Detach => drop(task),
                        Fate::Abort => {
                            task.abort();
                            note(&world, task.await);
                        }
                        Fate::DropLater => later.push(task),
                    }
                }
                Step::Wait => {
                    let mut waited = world.over.load(SeqCst);
                    poll_fn(|_| {
                        if std::mem::replace(&mut waited, true) {
                            Poll::Ready(())
                        } else {
                            Poll::Pending
                        }
                    })
                    .await;
                }
                Step::Panic => panic!("{}", support::ON_PURPOSE),
            }
        }
    })
}

fn waker_of(world: &World, number: usize) -> Option<Waker> {
    world.tasks.lock().unwrap().get(number).and_then(|task| task.0.clone())
}

fn note(world: &World, result: Result<Citizen, filch::task::JoinError>) {
    if result.is_ok() {
        world.delivered.fetch_add(1, SeqCst);
    }
}

/// Runs a program, lets all its tasks end, and counts.
fn run(runtime: Runtime, program: Vec<Vec<Step>>, shut_down_early: bool) {
    let world = Arc::new(World::default());
    let roots = program.len();
    let mut handles: Vec<_> = {
        let _inside = runtime.enter();
        program.into_iter().map(|steps| spawn(&world, steps)).collect()
    };
    if shut_down_early {
        drop(runtime);
        assert!(handles.iter().all(JoinHandle::is_finished));
    } else {
        let (all, metrics) = (world.clone(), runtime.metrics());
        runtime.block_on(async {
            for _ in 0..20 {
                yield_now().await;
            }
            // From now on who waits is woken, until all are gone.
            all.over.store(true, SeqCst);
            while metrics.num_alive_tasks() > 0 {
                let wakers: Vec<_> = all
                    .tasks
                    .lock()
                    .unwrap()
                    .iter_mut()
                    .filter_map(|task| task.0.clone())
                    .collect();
                wakers.into_iter().for_each(Waker::wake);
                yield_now().await;
            }
            let mut delivered = 0;
            for handle in handles.drain(..) {
                assert!(handle.is_finished());
                delivered += usize::from(handle.await.is_ok());
            }
            assert!(delivered <= roots);
        });
        assert_eq!(world.outputs.born(), world.ended.load(SeqCst));
        drop(runtime);
    }
    drop(handles);
    let tasks = std::mem::take(&mut *world.tasks.lock().unwrap());
    assert!(tasks.iter().all(|task| task.1.as_ref().is_some_and(AbortHandle::is_finished)));
    assert_eq!(tasks.len(), world.futures.born());
    drop(tasks);
    assert!(world.delivered.load(SeqCst) <= world.outputs.born());
    assert_eq!(world.futures.born(), world.futures.dead(), "a future leaked");
    assert_eq!(world.outputs.born(), world.outputs.dead(), "an output leaked");
    let world = Arc::strong_count(&world);
    assert_eq!(world, 1, "something holds the world");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_programs_run_each_task_once_at_a_time_and_leak_nothing(
        program in prop::collection::vec(steps(), 1..6),
        workers in 0..5usize,
        shut_down_early: bool,
    ) {
        let _watch = watch();
        let runtime = if workers == 0 { current() } else { multi(workers) };
        run(runtime, program, shut_down_early);
    }
}

#[test]
fn what_nobody_aborts_is_delivered_exactly_once() {
    let _watch = watch();
    for workers in 0..5 {
        let runtime = if workers == 0 { current() } else { multi(workers) };
        let world = Arc::new(World::default());
        let inside = runtime.enter();
        let handles: Vec<_> = (0..2_000)
            .map(|n| {
                let inner = Step::Spawn(vec![Step::Yield, Step::WakeSelf(2)], Fate::Await);
                let steps = [Step::WakeSelf(1 + n as u8 % 4), inner, Step::WakeFromOutside(n / 2)];
                spawn(&world, steps[..if n % 50 == 0 { 3 } else { 2 }].to_vec())
            })
            .collect();
        drop(inside);
        runtime.block_on(async {
            for handle in handles {
                note(&world, handle.await);
            }
        });
        assert_eq!(world.delivered.load(SeqCst), 4_000);
        assert_eq!((world.outputs.born(), world.outputs.dead()), (4_000, 4_000));
    }
}
