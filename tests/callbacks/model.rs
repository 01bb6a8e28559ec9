//! Random programs of callbacks against a plain list.

use crate::support::{current, watch};
use crate::{Log, called};
use filch::callback::CallHandle;
use filch::runtime::Runtime;
use filch::task::JoinHandle;
use proptest::prelude::*;

const KEYS: [&str; 2] = ["a", "b"];

#[derive(Clone, Copy, Debug)]
enum Step {
    CallSoon,
    /// The handle of this number, modulo how many there are.
    Cancel(usize),
    Post,
    PostOnce(usize),
    /// A task that ends when it is polled, or has to wait until it is aborted, with two callbacks.
    Spawn(bool),
    Abort(usize),
    /// One more callback of a task that ends when it is aborted, or has ended.
    OnDone(usize),
    /// Calls what waits.
    Run,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::CallSoon),
        3 => (0..8usize).prop_map(Step::Cancel),
        2 => Just(Step::Post),
        4 => (0..KEYS.len()).prop_map(Step::PostOnce),
        2 => any::<bool>().prop_map(Step::Spawn),
        2 => (0..4usize).prop_map(Step::Abort),
        2 => (0..4usize).prop_map(Step::OnDone),
        3 => Just(Step::Run),
    ]
}

/// One entry of the plain line.
struct Entry {
    number: u32,
    key: Option<usize>,
}

/// A task whose end the model knows, with those who wait for it.
struct Watched {
    task: JoinHandle<()>,
    waiting: Vec<u32>,
    is_over: bool,
}

struct World {
    runtime: Runtime,
    log: Log<u32>,
    next: u32,
    line: Vec<Entry>,
    handles: Vec<(u32, CallHandle)>,
    tasks: Vec<Watched>,
    expected: Vec<u32>,
}

impl World {
    fn new() -> World {
        World {
            runtime: current(),
            log: Log::new(),
            next: 0,
            line: Vec::new(),
            handles: Vec::new(),
            tasks: Vec::new(),
            expected: Vec::new(),
        }
    }

    /// A number for a callback that is to be called unless something comes in between.
    fn number(&mut self) -> u32 {
        self.next += 1;
        self.next
    }

    fn enters(&mut self, number: u32, key: Option<usize>) {
        self.line.push(Entry { number, key });
    }

    fn watch(&mut self, at: usize) {
        let number = self.number();
        let _here = self.runtime.enter();
        let watched = &mut self.tasks[at];
        watched.task.on_done(self.log.adds_done(number));
        match watched.is_over {
            true => self.enters(number, None),
            false => watched.waiting.push(number),
        }
    }

    /// Has everything called that waits.
    fn run(&mut self) {
        self.runtime.block_on(called());
        self.expected.extend(self.line.drain(..).map(|entry| entry.number));
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::CallSoon => {
                let number = self.number();
                let handle = self.runtime.handle().call_soon(self.log.adds(number));
                self.enters(number, None);
                self.handles.push((number, handle));
            }
            Step::Cancel(at) => {
                if self.handles.is_empty() {
                    return;
                }
                let (number, handle) = self.handles.remove(at % self.handles.len());
                let waits = self.line.iter().position(|entry| entry.number == number);
                assert_eq!(handle.cancel(), waits.is_some());
                assert_eq!(handle.cancelled(), waits.is_some());
                waits.map(|at| self.line.remove(at));
            }
            Step::Post => {
                let number = self.number();
                self.runtime.handle().post(self.log.adds(number)).unwrap();
                self.enters(number, None);
            }
            Step::PostOnce(key) => {
                let number = self.number();
                let is_new = self.line.iter().all(|entry| entry.key != Some(key));
                let f = self.log.adds(number);
                assert_eq!(self.runtime.handle().post_once(KEYS[key], f).unwrap(), is_new);
                if is_new {
                    self.enters(number, Some(key));
                }
            }
            Step::Spawn(ends) => {
                // The other callbacks first: when a task runs is not this model's business.
                self.run();
                let task = self.runtime.spawn(async move {
                    if !ends {
                        std::future::pending::<()>().await;
                    }
                });
                self.tasks.push(Watched { task, waiting: Vec::new(), is_over: false });
                let at = self.tasks.len() - 1;
                self.watch(at);
                self.watch(at);
                if ends {
                    self.end(at);
                }
            }
            Step::Abort(at) => {
                if self.tasks.is_empty() {
                    return;
                }
                self.run();
                let at = at % self.tasks.len();
                self.tasks[at].task.abort();
                self.end(at);
            }
            Step::OnDone(at) => {
                if !self.tasks.is_empty() {
                    self.watch(at % self.tasks.len());
                }
            }
            Step::Run => self.run(),
        }
        assert!(self.log.all() == self.expected, "{:?} for {:?}", self.log.all(), self.expected);
    }

    /// The task ends now, with an empty line.
    fn end(&mut self, at: usize) {
        let watched = &mut self.tasks[at];
        self.runtime.block_on(async {
            while !watched.task.is_finished() {
                filch::task::yield_now().await;
            }
            called().await;
        });
        watched.is_over = true;
        self.expected.append(&mut watched.waiting);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn callbacks_are_called_as_by_a_plain_list(steps in prop::collection::vec(step(), 1..60)) {
        let _watch = watch();
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.run();
        assert_eq!(world.log.all(), world.expected);
    }
}
