//! The program as it is run: groups, scopes, tasks and sleeps of filch, which say what happens.

use super::story::{Fault, Line, Why, outcome, why};
use super::support::{ON_PURPOSE, said};
use super::tree::{Act, Child, Kind, Node, Span};
use filch::TaskGroup;
use filch::cancel::{
    CancelScope, catch_cancel, check_cancelled, current_effective_deadline, fail_after,
    move_on_after, timeout_scope, with_cleanup,
};
use filch::task::{AbortHandle, Id, JoinHandle};
use filch::task_group::{ChildError, GroupHandle};
use filch::time::{Duration, Instant, sleep, timeout};
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

/// What all tasks of a program share.
pub struct World {
    start: Instant,
    /// How many nanoseconds of the program one nanosecond of the clock stands for.
    haste: u64,
    lines: Mutex<Vec<Line>>,
    tasks: Mutex<BTreeMap<Id, AbortHandle>>,
    children: Mutex<Vec<(u32, GroupHandle<()>)>>,
    /// Tasks that cancel others at their moments.
    hands: Mutex<Vec<JoinHandle<()>>>,
    /// Rules that were broken.
    broken: Mutex<Vec<String>>,
    /// Whether nothing in the program is cut off.
    whole: bool,
}

type Running = Pin<Box<dyn Future<Output = Result<(), Fault>> + Send>>;
type Group = TaskGroup<Fault>;

/// What was seen of a program.
pub struct Seen {
    pub lines: Vec<Line>,
    pub broken: Vec<String>,
}

/// Runs a program on the runtime of the caller, `haste` times as fast as it says.
pub async fn play(program: &Child, haste: u64) -> Seen {
    let world = Arc::new(World {
        start: Instant::now(),
        haste,
        lines: Mutex::default(),
        tasks: Mutex::default(),
        children: Mutex::default(),
        hands: Mutex::default(),
        broken: Mutex::default(),
        whole: !program.is_cut_off(),
    });
    let ended = Ended(world.clone(), program.node.id);
    let root = run(program.node.clone(), world.clone(), None);
    let task = filch::spawn(async move {
        let _ended = ended;
        root.await
    });
    world.tend(program, &task.abort_handle());
    let result = match task.await {
        Ok(result) => Ok(result),
        Err(error) if error.is_cancelled() => Err(error.reason().map(why)),
        Err(error) => {
            let said = said(&*error.into_panic());
            world.check(said.starts_with(ON_PURPOSE), || said);
            Ok(Err(Fault::Failed(program.node.id)))
        }
    };
    world.settle(program.node.id, outcome(result));
    // Whoever was left behind by a block that was dropped may still be cleaning up.
    while let Some((id, child)) = world.next_child() {
        let result = match child.await {
            Ok(()) => Ok(Ok(())),
            Err(ChildError::Cancelled(reason)) => Err(reason.as_ref().map(why)),
            Err(_) => Ok(Err(Fault::Failed(id))),
        };
        world.settle(id, outcome(result));
    }
    let hands = std::mem::take(&mut *world.hands.lock().unwrap());
    for hand in hands {
        hand.abort();
        let _ = hand.await;
    }
    let mut lines = std::mem::take(&mut *world.lines.lock().unwrap());
    lines.sort();
    let broken = std::mem::take(&mut *world.broken.lock().unwrap());
    Seen { lines, broken }
}

/// Says, when a task's future is gone, that the task has ended.
struct Ended(Arc<World>, u32);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.say(self.1, "task");
    }
}

impl World {
    fn say(&self, id: u32, what: impl Into<String>) {
        let at = self.nanos(Instant::now());
        self.lines.lock().unwrap().push(Line { at, id, what: what.into() });
    }

    /// Fills in how a task has ended, whose end was told already.
    fn settle(&self, id: u32, what: String) {
        let mut lines = self.lines.lock().unwrap();
        let line = lines.iter_mut().find(|line| line.id == id && line.what == "task");
        line.expect("a task that has ended has said so").what = what;
    }

    fn nanos(&self, moment: Instant) -> u64 {
        u64::try_from(moment.duration_since(self.start).as_nanos()).unwrap() * self.haste
    }

    fn span(&self, span: Span) -> Duration {
        Duration::from_nanos(span.nanos / self.haste)
    }

    fn check(&self, is_so: bool, what: impl FnOnce() -> String) {
        if !is_so {
            self.broken.lock().unwrap().push(what());
        }
    }

    fn next_child(&self) -> Option<(u32, GroupHandle<()>)> {
        self.children.lock().unwrap().pop()
    }

    /// Does something later, from a task of its own.
    fn later(&self, span: Option<Span>, what: impl FnOnce() + Send + 'static) {
        let Some(span) = span else { return };
        let span = self.span(span);
        let hand = filch::spawn(async move {
            sleep(span).await;
            what();
        });
        self.hands.lock().unwrap().push(hand);
    }

    /// What is done to a task from outside.
    fn tend(&self, child: &Child, task: &AbortHandle) {
        self.tasks.lock().unwrap().insert(task.id(), task.clone());
        let (id, asked, aborted) = (child.node.id, task.clone(), task.clone());
        self.later(child.request, move || _ = asked.cancel(format!("request {id}")));
        self.later(child.abort, move || aborted.abort());
    }

    /// How many requests stand against the task that is running.
    fn asked(&self) -> usize {
        let tasks = self.tasks.lock().unwrap();
        tasks.get(&filch::task::id()).map_or(0, AbortHandle::cancelling)
    }
}

/// A node that is being run, and says how it ended if nobody else does.
struct Visit {
    world: Arc<World>,
    id: u32,
    over: bool,
}

impl Drop for Visit {
    fn drop(&mut self) {
        if !self.over {
            let what = if std::thread::panicking() { "panics" } else { "is dropped" };
            self.world.say(self.id, what);
        }
    }
}

/// A group whose block is running: nobody may be left when it is over.
struct Block {
    world: Arc<World>,
    living: Arc<AtomicUsize>,
    id: u32,
}

impl Drop for Block {
    fn drop(&mut self) {
        let living = self.living.load(SeqCst);
        let id = self.id;
        self.world.check(living == 0 || !self.world.whole, || {
            format!("{living} children have outlived group {id}")
        });
    }
}

/// A child that lives.
struct Living(Arc<AtomicUsize>);

impl Drop for Living {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

/// The group that a node may spawn into.
#[derive(Clone)]
struct Nursery {
    group: Group,
    living: Arc<AtomicUsize>,
}

impl Nursery {
    fn spawn(&self, child: &Child, world: &Arc<World>) {
        self.living.fetch_add(1, SeqCst);
        let (living, ended) = (Living(self.living.clone()), Ended(world.clone(), child.node.id));
        let node = run(child.node.clone(), world.clone(), Some(self.clone()));
        let task = async move {
            let _guards = (living, ended);
            node.await
        };
        match self.group.try_spawn(task) {
            Ok(handle) => {
                world.tend(child, &handle.abort_handle());
                world.children.lock().unwrap().push((child.node.id, handle));
            }
            Err(closed) => world.forget(closed.0, child.node.id),
        }
    }
}

impl World {
    /// A child that was refused has never been.
    fn forget(&self, task: impl Sized, id: u32) {
        drop(task);
        self.lines.lock().unwrap().retain(|line| line.id != id);
    }
}

fn run(node: Arc<Node>, world: Arc<World>, nursery: Option<Nursery>) -> Running {
    Box::pin(async move {
        world.say(node.id, "begins");
        let mut visit = Visit { world: world.clone(), id: node.id, over: false };
        let result = act(&node, &world, nursery).await;
        visit.over = true;
        world.say(node.id, format!("gives {result:?}, asked {}", world.asked()));
        result
    })
}

async fn act(node: &Node, world: &Arc<World>, nursery: Option<Nursery>) -> Result<(), Fault> {
    let id = node.id;
    let inside = |node: &Arc<Node>| run(node.clone(), world.clone(), nursery.clone());
    match &node.act {
        Act::Sleep(span) => {
            wait(id, *span, world).await;
            Ok(())
        }
        Act::Fail(span) => {
            wait(id, *span, world).await;
            Err(Fault::Failed(id))
        }
        Act::Panic(span) => {
            wait(id, *span, world).await;
            panic!("{ON_PURPOSE}: {id}");
        }
        Act::Seq(parts) => {
            for part in parts {
                inside(part).await?;
            }
            Ok(())
        }
        Act::Both(one, other) => {
            let (one, other) = filch::join!(inside(one), inside(other));
            one.and(other)
        }
        Act::Limit(kind, span, body) => {
            let (limit, body) = (world.span(*span), inside(body));
            let outcome = match kind {
                Kind::Timeout => timeout(limit, body).await.ok(),
                Kind::FailAfter => fail_after(limit, body).await.ok(),
                Kind::TimeoutScope => timeout_scope(limit, async |_| body.await).await.ok(),
                Kind::MoveOn => return move_on_after(limit, body).await.unwrap_or(Ok(())),
            };
            outcome.unwrap_or(Err(Fault::Elapsed(id)))
        }
        Act::Scope { deadline, cancel, shield, body } => {
            let scope = deadline
                .map_or_else(CancelScope::new, |span| CancelScope::after(world.span(span)))
                .shield(*shield);
            let cancelled = scope.clone();
            world.later(*cancel, move || _ = cancelled.cancel(format!("scope {id}")));
            let outcome = scope.run(inside(body)).await;
            let (called, caught) = (scope.cancel_called(), scope.cancelled_caught());
            world.say(id, format!("called {called}, caught {caught}"));
            world.check(caught == outcome.is_err(), || format!("scope {id}: {outcome:?}"));
            outcome.unwrap_or(Ok(()))
        }
        Act::Cleanup { limit, body, cleanup } => {
            let cleanup = inside(cleanup);
            let told = world.clone();
            let cleanup = async move {
                told.say(id, "cleans up");
                let _ = cleanup.await;
            };
            let limit = limit.map(|span| world.span(span));
            with_cleanup(inside(body), cleanup).limit(limit).await
        }
        Act::Catch { tells, body } => {
            let told: Why = match catch_cancel(inside(body)).await {
                Ok(result) => return result,
                Err(cancelled) => why(cancelled.reason()),
            };
            let still = check_cancelled().is_err();
            world.say(id, format!("catches {told}, in effect {still}"));
            if *tells { Err(Fault::Cancelled(id, told)) } else { Ok(()) }
        }
        Act::Group { policy, limit, cancel, body, children } => {
            let living = Arc::new(AtomicUsize::new(0));
            let _block = Block { world: world.clone(), living: living.clone(), id };
            let mut builder = TaskGroup::builder().policy(*policy);
            if let Some(limit) = limit {
                builder = builder.limit(*limit);
            }
            let scope = builder.scope(|group| {
                let nursery = Nursery { group, living };
                let cancelled = nursery.group.clone();
                world.later(*cancel, move || cancelled.cancel(format!("group {id}")));
                async move {
                    children.iter().for_each(|child| nursery.spawn(child, world));
                    run(body.clone(), world.clone(), Some(nursery)).await
                }
            });
            scope.await.map_err(|error| {
                let mut faults: Vec<_> =
                    error.into_iter().map(|error| error.into_error()).collect();
                faults.sort();
                Fault::Group(id, faults)
            })
        }
        Act::Spawn(child) => {
            if let Some(nursery) = &nursery {
                nursery.spawn(child, world);
            }
            Ok(())
        }
    }
}

async fn wait(id: u32, span: Span, world: &World) {
    if let Some(deadline) = current_effective_deadline() {
        world.say(id, format!("until {}", world.nanos(deadline)));
    }
    sleep(world.span(span)).await;
}
