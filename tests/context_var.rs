//! Context variables: children have what their parent had when they were spawned, and their own from
//! then on.
#![allow(clippy::disallowed_methods, clippy::disallowed_types, missing_docs)]

mod support;

use filch::contextvars::{Context, ContextVar, copy_context};
use filch::runtime::{Handle, LocalRuntime};
use filch::task::{self, JoinSet, LocalSet, spawn_local, yield_now};
use proptest::prelude::*;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::thread;
use support::{
    Census, Citizen, Gate, Watch, current, multi, on_each_flavour, panic_here, poll_with, until,
    watch,
};

static NUMBER: ContextVar<u32> = ContextVar::new("number");
static WORD: ContextVar<String> = ContextVar::with_default("word", || "none".to_owned());

fn number() -> Option<u32> {
    NUMBER.try_get().ok()
}

/// Runs a test on each flavour, each time in a context of its own.
fn everywhere(test: impl Fn(filch::runtime::Runtime)) {
    on_each_flavour(|runtime| Context::new().run(|| test(runtime)));
}

// ── what a task sees ─────────────────────────────────────────────────────────────────────────────

#[test]
fn a_child_has_what_was_set_when_it_was_spawned() {
    let _watch = watch();
    everywhere(|runtime| {
        runtime.block_on(async {
            NUMBER.set(1);
            let gate = Gate::new();
            let wait = gate.clone();
            let child = filch::spawn(async move {
                wait.pass().await;
                let before = number();
                NUMBER.set(3);
                yield_now().await;
                (before, number())
            });
            NUMBER.set(2);
            gate.open();
            assert_eq!(child.await.unwrap(), (Some(1), Some(3)));
            assert_eq!(number(), Some(2));
        });
    });
}

#[test]
fn a_task_that_inherits_nothing_keeps_what_it_sets_wherever_it_runs() {
    let _watch = watch();
    everywhere(|runtime| {
        runtime.block_on(async {
            let tasks: Vec<_> = (0..50)
                .map(|n| {
                    filch::spawn(async move {
                        assert_eq!(number(), None);
                        NUMBER.set(n);
                        for _ in 0..50 {
                            yield_now().await;
                            assert_eq!(number(), Some(n));
                        }
                        let child = filch::spawn(async { number() });
                        NUMBER.set(n + 1);
                        assert_eq!(child.await.unwrap(), Some(n));
                    })
                })
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert_eq!(number(), None);
        });
    });
}

#[test]
fn a_task_that_was_spawned_before_does_not_see_what_its_thread_sets_later() {
    let _watch = watch();
    Context::new().run(|| {
        current().block_on(async {
            let child = filch::spawn(async { number() });
            NUMBER.set(1);
            assert_eq!(child.await.unwrap(), None);
        });
        // The future in `block_on` has its thread's context.
        assert_eq!(number(), Some(1));
    });
}

#[test]
fn grandchildren_inherit_too() {
    let _watch = watch();
    everywhere(|runtime| {
        runtime.block_on(async {
            NUMBER.set(1);
            let child = filch::spawn(async {
                WORD.set("child".to_owned());
                filch::spawn(async { (number(), WORD.get()) }).await.unwrap()
            });
            assert_eq!(child.await.unwrap(), (Some(1), "child".to_owned()));
            assert_eq!(WORD.get(), "none");
        });
    });
}

#[test]
fn whatever_is_started_inherits() {
    let _watch = watch();
    everywhere(|runtime| {
        let other = multi(1);
        let other = other.handle().clone();
        runtime.block_on(async move {
            NUMBER.set(7);
            assert_eq!(filch::spawn(async { number() }).await.unwrap(), Some(7));
            assert_eq!(other.spawn(async { number() }).await.unwrap(), Some(7));
            assert_eq!(task::spawn_blocking(number).await.unwrap(), Some(7));
            assert_eq!(other.spawn_blocking(number).await.unwrap(), Some(7));
            let builder = task::Builder::new().name("job");
            assert_eq!(builder.clone().spawn_blocking(number).unwrap().await.unwrap(), Some(7));
            assert_eq!(builder.spawn(async { number() }).unwrap().await.unwrap(), Some(7));
            let mut set = JoinSet::new();
            set.spawn(async { number() });
            set.spawn_blocking(number);
            assert_eq!(set.join_all().await, [Some(7); 2]);
            let group = filch::TaskGroup::scope(async |group| {
                Ok::<_, std::io::Error>(group.spawn(async { Ok(number()) }).await.unwrap())
            });
            assert_eq!(group.await.unwrap(), Some(7));
        });
    });
}

#[test]
fn tasks_that_are_not_send_inherit() {
    let _watch = watch();
    let inherits = async || {
        NUMBER.set(5);
        let rc = Rc::new(());
        let child = spawn_local(async move {
            let _rc = rc;
            yield_now().await;
            let before = number();
            NUMBER.set(6);
            yield_now().await;
            (before, number())
        });
        assert_eq!(child.await.unwrap(), (Some(5), Some(6)));
        assert_eq!(number(), Some(5));
    };
    Context::new().run(|| LocalSet::new().block_on(&current(), inherits()));
    Context::new().run(|| LocalRuntime::new().unwrap().block_on(inherits()));
    multi(2).block_on(async move { filch::spawn(async { number() }).await.unwrap() });
    Context::new().run(|| {
        let set = LocalSet::new();
        NUMBER.set(8);
        let child = set.spawn_local(async { number() });
        NUMBER.set(9);
        assert_eq!(set.block_on(&current(), child).unwrap(), Some(8));
    });
}

#[test]
fn a_closure_on_another_thread_has_a_context_of_its_own() {
    let _watch = watch();
    everywhere(|runtime| {
        runtime.block_on(async {
            NUMBER.set(1);
            let job = task::spawn_blocking(|| {
                NUMBER.set(2);
                let inside = Handle::current().block_on(async {
                    yield_now().await;
                    number()
                });
                (inside, Handle::current().block_on(filch::spawn(async { number() })).unwrap())
            });
            assert_eq!(job.await.unwrap(), (Some(2), Some(2)));
            assert_eq!(number(), Some(1));
        });
        // One that inherits nothing leaves nothing behind on its thread.
        Context::new().run(|| {
            let set = || drop((assert_eq!(number(), None), NUMBER.set(2)));
            for _ in 0..3 {
                runtime.block_on(runtime.spawn_blocking(set)).unwrap();
            }
        });
    });
}

#[test]
fn a_task_in_block_in_place_keeps_its_context() {
    let _watch = watch();
    multi(2).block_on(async {
        let task = filch::spawn(async {
            NUMBER.set(1);
            task::block_in_place(|| {
                assert_eq!(Handle::current().block_on(async { number() }), Some(1));
                NUMBER.set(2);
            });
            number()
        });
        assert_eq!(task.await.unwrap(), Some(2));
    });
}

#[test]
fn plain_threads_have_a_context_each() {
    let _watch = watch();
    Context::new().run(|| {
        NUMBER.set(1);
        thread::spawn(|| {
            assert_eq!(number(), None);
            NUMBER.set(2);
        })
        .join()
        .unwrap();
        assert_eq!(number(), Some(1));
    });
}

// ── contexts ─────────────────────────────────────────────────────────────────────────────────────

#[test]
fn tasks_may_share_a_context() {
    let _watch = watch();
    everywhere(|runtime| {
        runtime.block_on(async {
            let shared = Context::new();
            let builder = || task::Builder::new().context(&shared);
            let (told, wait) = (Gate::new(), Gate::new());
            let (tell, waits) = (told.clone(), wait.clone());
            let one = builder().spawn(async move {
                NUMBER.set(4);
                tell.open();
                waits.pass().await;
                number()
            });
            told.pass().await;
            let other =
                builder().spawn(async move { number().map(|n| NUMBER.set(n + 1)).is_some() });
            assert!(other.unwrap().await.unwrap());
            assert_eq!(shared.get(&NUMBER), Some(5));
            let job = builder().spawn_blocking(|| NUMBER.set(6)).unwrap();
            drop(job.await.unwrap());
            for (builder, new) in [(builder(), 7), (builder().name("named"), 8)] {
                let done = Gate::new();
                let tell = done.clone();
                builder.background(async move {
                    NUMBER.set(new);
                    tell.open();
                });
                done.pass().await;
                assert_eq!(shared.get(&NUMBER), Some(new));
            }
            wait.open();
            assert_eq!(one.unwrap().await.unwrap(), Some(8));
            assert_eq!(number(), None);
        });
    });
}

#[test]
fn a_scope_is_there_whenever_its_future_is_polled_or_dropped() {
    let _watch = watch();
    struct Sees(Arc<Mutex<Option<u32>>>);
    impl Drop for Sees {
        fn drop(&mut self) {
            *self.0.lock().unwrap() = number();
        }
    }
    Context::new().run(|| {
        NUMBER.set(1);
        let seen = Arc::new(Mutex::new(None));
        let sees = Sees(seen.clone());
        let context = Context::current();
        let mut scope = Box::pin(context.scope(async move {
            let _sees = sees;
            NUMBER.set(2);
            std::future::pending::<()>().await;
        }));
        assert!(poll_with(&mut scope, Waker::noop()).is_pending());
        assert_eq!((number(), context.get(&NUMBER)), (Some(1), Some(2)));
        drop(scope);
        assert_eq!((*seen.lock().unwrap(), number()), (Some(2), Some(1)));
    });
}

#[test]
fn a_panic_leaves_the_context_it_was_in() {
    let _watch = watch();
    Context::new().run(|| {
        NUMBER.set(1);
        support::panic_of(|| {
            Context::new().run(|| {
                NUMBER.set(2);
                panic!("{}", support::ON_PURPOSE);
            })
        });
        assert_eq!(number(), Some(1));
        let panics = filch::contextvars::Context::new();
        let mut scope = pin!(panics.scope(async { panic!("{}", support::ON_PURPOSE) }));
        support::panic_of(|| poll_with(&mut scope, Waker::noop()));
        assert_eq!(number(), Some(1));
    });
}

#[test]
fn a_context_may_be_entered_again_while_it_is_entered() {
    Context::new().run(|| {
        let context = Context::new();
        context.run(|| {
            NUMBER.set(1);
            context.run(|| NUMBER.set(NUMBER.get() + 1));
            assert_eq!(number(), Some(2));
        });
        assert_eq!((context.len(), copy_context().len()), (1, 0));
    });
}

#[test]
fn a_poll_after_the_end_is_a_mistake() {
    let mut scope = pin!(Context::new().scope(async {}));
    assert!(poll_with(&mut scope, Waker::noop()).is_ready());
    let mut cx = std::task::Context::from_waker(Waker::noop());
    let said = panic_here(|| scope.as_mut().poll(&mut cx));
    assert!(said.contains("polled again"), "{said}");
}

// ── variables ────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_token_is_the_way_back_and_only_there() {
    let _watch = watch();
    static OTHER: ContextVar<u32> = ContextVar::new("other");
    Context::new().run(|| {
        let first = NUMBER.set(1);
        let second = NUMBER.set(2);
        assert_eq!((first.old_value(), second.old_value()), (None, Some(&1)));
        NUMBER.reset(second);
        assert_eq!(number(), Some(1));
        NUMBER.reset(first);
        assert_eq!(number(), None);
        assert!(Context::current().is_empty());

        let token = NUMBER.set(3);
        let said = panic_here(|| OTHER.reset(token));
        assert!(said.contains("`number`") && said.contains("`other`"), "{said}");

        let token = NUMBER.set(4);
        let said = panic_here(|| Context::current().run(|| NUMBER.reset(token)));
        assert!(said.contains("in another context"), "{said}");
        assert_eq!(number(), Some(4));
    });
    current().block_on(async {
        // Tasks have contexts of their own, whether they inherit or not.
        let token = filch::spawn(async { NUMBER.set(1) }).await.unwrap();
        let other = filch::spawn(async move {
            NUMBER.set(2);
            assert!(support::panic_of(|| NUMBER.reset(token)).contains("in another context"));
        });
        other.await.unwrap();
    });
}

#[test]
fn defaults_count_where_nothing_is_set() {
    Context::new().run(|| {
        assert_eq!((WORD.get(), WORD.get_or("other".into())), ("none".into(), "other".into()));
        assert_eq!(WORD.with(String::len), 4);
        WORD.set("word".into());
        assert_eq!((WORD.get(), WORD.get_or("other".into())), ("word".into(), "word".into()));
        let said = panic_here(|| NUMBER.get());
        assert!(said.contains("`number`") && said.contains("with_default"), "{said}");
        assert!(NUMBER.try_get().unwrap_err().to_string().contains("`number`"));
    });
}

// ── values come and go ───────────────────────────────────────────────────────────────────────────

static HELD: ContextVar<Citizen> = ContextVar::new("held");

#[test]
fn values_go_with_the_last_context_that_has_them() {
    let _watch = watch();
    everywhere(|runtime| {
        let census = Census::default();
        runtime.block_on(async {
            // Set by a task that inherits nothing, one that inherits, and one that never ends.
            let guard = census.guard();
            filch::spawn(async move { drop(HELD.set(guard)) }).await.unwrap();
            until(|| census.dead() == 1);

            NUMBER.set(1);
            let guard = census.guard();
            let task = filch::spawn(async move {
                HELD.set(guard);
                filch::spawn(async { HELD.with(|_| ()) }).await.unwrap();
            });
            task.await.unwrap();
            until(|| census.dead() == 2);

            let guard = census.guard();
            let set = Gate::new();
            let tell = set.clone();
            let stuck = filch::spawn(Context::new().scope(async move {
                HELD.set(guard);
                tell.open();
                std::future::pending::<()>().await;
            }));
            set.pass().await;
            stuck.abort();
            assert!(stuck.await.unwrap_err().is_cancelled());
            until(|| census.dead() == 3);
        });
        let guard = census.guard();
        runtime.spawn(async move {
            HELD.set(guard);
            std::future::pending::<()>().await
        });
        drop(runtime);
        assert_eq!((census.born(), census.dead()), (4, 4));
    });
}

#[test]
fn a_value_may_use_its_own_variable_while_it_is_dropped() {
    let _watch = watch();
    struct Meddles(Option<Box<Meddles>>);
    static MEDDLES: ContextVar<Meddles> = ContextVar::new("meddles");
    impl Drop for Meddles {
        fn drop(&mut self) {
            let _ = MEDDLES.try_with(|now| now.0.is_some());
            if let Some(next) = self.0.take() {
                MEDDLES.set(*next);
                // It is lost on a thread that has ended.
                assert_ne!(MEDDLES.try_with(|now| now.0.is_some()), Ok(true));
            }
        }
    }
    let nested = || Meddles(Some(Box::new(Meddles(None))));
    Context::new().run(|| {
        drop(MEDDLES.set(nested()));
        drop(MEDDLES.set(Meddles(None)));
    });
    current().block_on(async {
        filch::spawn(async move { drop((MEDDLES.set(nested()), MEDDLES.set(nested()))) })
            .await
            .unwrap();
    });
    // And when its thread ends.
    thread::spawn(move || drop(MEDDLES.set(nested()))).join().unwrap();
}

// ── a model ──────────────────────────────────────────────────────────────────────────────────────

static VARS: [ContextVar<u32>; 3] =
    [ContextVar::new("a"), ContextVar::new("b"), ContextVar::new("c")];

#[derive(Clone, Debug)]
enum Step {
    Set(usize, u32),
    /// Set, then these, then back.
    SetAndReset(usize, u32, Vec<Step>),
    /// In a task of its own.
    Spawn(Vec<Step>),
    /// In a job of its own.
    Block(usize, u32),
    /// In a copy of the context that is kept for later, of which there is one.
    Run(Vec<Step>),
    /// Replace that by a copy of the current one.
    Copy,
    Yield,
}

fn step() -> impl Strategy<Value = Step> {
    let leaf = prop_oneof![
        4 => (0..3usize, 0..100u32).prop_map(|(var, value)| Step::Set(var, value)),
        1 => (0..3usize, 0..100u32).prop_map(|(var, value)| Step::Block(var, value)),
        1 => Just(Step::Copy),
        2 => Just(Step::Yield),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        let steps = || prop::collection::vec(inner.clone(), 0..6);
        prop_oneof![
            (0..3usize, 0..100u32, steps())
                .prop_map(|(v, value, s)| Step::SetAndReset(v, value, s)),
            steps().prop_map(Step::Spawn),
            steps().prop_map(Step::Run),
        ]
    })
}

type Values = [Option<u32>; 3];
/// A context as one would write it without a thought for speed.
type Model = Arc<Mutex<Values>>;

fn seen() -> Values {
    std::array::from_fn(|var| VARS[var].try_get().ok())
}

fn copy(model: &Model) -> Model {
    Arc::new(Mutex::new(*model.lock().unwrap()))
}

/// Goes through the steps, here and in the model at once. Returns the context that is kept.
fn go(
    steps: Vec<Step>,
    now: Model,
    mut kept: (Context, Model),
) -> Pin<Box<dyn Future<Output = (Context, Model)> + Send>> {
    Box::pin(async move {
        for step in steps {
            match step {
                Step::Set(var, value) => {
                    VARS[var].set(value);
                    now.lock().unwrap()[var] = Some(value);
                }
                Step::SetAndReset(var, value, steps) => {
                    let token = VARS[var].set(value);
                    let before = now.lock().unwrap()[var].replace(value);
                    kept = go(steps, now.clone(), kept).await;
                    VARS[var].reset(token);
                    now.lock().unwrap()[var] = before;
                }
                Step::Spawn(steps) => {
                    kept = filch::spawn(go(steps, copy(&now), kept)).await.unwrap();
                }
                Step::Block(var, value) => {
                    let mut its = *now.lock().unwrap();
                    task::spawn_blocking(move || {
                        assert_eq!(seen(), its);
                        VARS[var].set(value);
                        its[var] = Some(value);
                        assert_eq!(seen(), its);
                    })
                    .await
                    .unwrap();
                }
                Step::Run(steps) => {
                    let context = kept.0.clone();
                    let its = kept.1.clone();
                    kept = context.scope(go(steps, its, kept)).await;
                }
                Step::Copy => kept = (Context::current(), copy(&now)),
                Step::Yield => yield_now().await,
            }
            assert_eq!(seen(), *now.lock().unwrap());
        }
        kept
    })
}

#[test]
fn callbacks_have_the_context_of_who_registers_them() {
    static VAR: ContextVar<u32> = ContextVar::new("registered");
    current().block_on(async {
        let (tell, mut told) = filch::sync::mpsc::unbounded_channel();
        let task = filch::spawn(yield_now());
        let seen = move || {
            let tell = tell.clone();
            move || tell.send(VAR.get()).unwrap()
        };
        VAR.set(1);
        filch::callback::call_soon(seen());
        let on_done = seen();
        task.on_done(move |_| on_done());
        VAR.set(2);
        Handle::current().post(seen()).unwrap();
        drop(seen);
        let mut all = Vec::new();
        while let Some(value) = told.recv().await {
            all.push(value);
        }
        all.sort_unstable();
        assert_eq!(all, [1, 1, 2]);
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn everybody_sees_what_the_model_says(steps in prop::collection::vec(step(), 0..12)) {
        let _watch: Watch = watch();
        Context::new().run(|| {
            let kept = (Context::new(), Model::default());
            current().block_on(go(steps, Model::default(), kept));
        });
    }
}
