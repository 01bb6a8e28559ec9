//! Random programs of putters, getters and joiners that wait, give up and shut down, against a
//! plain list.
#![allow(clippy::type_complexity, missing_docs)]

mod support;

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use filch::sync::{AnyQueue, Fifo, Lifo, Order, Priority, QueueShutDown, TryGetError, TryPutError};
use proptest::prelude::*;
use support::Count;

const PLACES: usize = 4;

/// Compared by its rank only; the number tells equal ones apart.
#[derive(Debug, Clone, Copy)]
struct Item {
    rank: u32,
    number: u32,
}

impl PartialEq for Item {
    fn eq(&self, other: &Item) -> bool {
        self.rank == other.rank
    }
}
impl Eq for Item {}
impl PartialOrd for Item {
    fn partial_cmp(&self, other: &Item) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Item {
    fn cmp(&self, other: &Item) -> std::cmp::Ordering {
        self.rank.cmp(&other.rank)
    }
}

#[derive(Debug, Clone)]
enum Step {
    /// Poll the future at this place; begin one if there is none.
    Put(usize, u32),
    Get(usize),
    Join,
    /// Give it up.
    DropPut(usize),
    DropGet(usize),
    TryPut(u32),
    TryGet,
    TaskDone,
    Shutdown,
    ShutdownNow,
}

fn step() -> impl Strategy<Value = Step> {
    let place = 0..PLACES;
    let rank = 0..4u32;
    prop_oneof![
        6 => (place.clone(), rank.clone()).prop_map(|(place, rank)| Step::Put(place, rank)),
        6 => place.clone().prop_map(Step::Get),
        2 => Just(Step::Join),
        2 => place.clone().prop_map(Step::DropPut),
        2 => place.prop_map(Step::DropGet),
        3 => rank.prop_map(Step::TryPut),
        3 => Just(Step::TryGet),
        3 => Just(Step::TaskDone),
        1 => prop::sample::select(vec![
            Step::TryGet,
            Step::TaskDone,
            Step::Shutdown,
            Step::ShutdownNow,
        ]),
    ]
}

/// A future that has been polled, and what is known about it.
struct Waits<'a, R> {
    future: Pin<Box<dyn Future<Output = R> + 'a>>,
    number: u32,
    rank: u32,
    task: Arc<Count>,
    /// How often it was woken when it was polled last.
    seen: usize,
}

impl<'a, R> Waits<'a, R> {
    fn new(future: impl Future<Output = R> + 'a, item: Item) -> Waits<'a, R> {
        let Item { number, rank } = item;
        Waits { future: Box::pin(future), number, rank, task: Count::new(), seen: 0 }
    }

    fn poll(&mut self) -> Poll<R> {
        self.seen = self.task.get();
        self.future.as_mut().poll(&mut Context::from_waker(&self.task.waker()))
    }

    fn woken(&self) -> bool {
        self.task.get() > self.seen
    }
}

struct Run<'a, O: Order<Item = Item>> {
    queue: &'a AnyQueue<O>,
    /// Where in the list the next item is.
    next: fn(&[Item]) -> usize,
    puts: [Option<Waits<'a, Result<(), QueueShutDown<Item>>>>; PLACES],
    gets: [Option<Waits<'a, Result<Item, QueueShutDown>>>; PLACES],
    join: Option<Waits<'a, ()>>,
    numbers: u32,
    inside: Vec<Item>,
    unfinished: usize,
    /// Whether there was nothing unfinished since the join was polled first.
    all_done: bool,
    shut_down: bool,
}

impl<'a, O: Order<Item = Item>> Run<'a, O> {
    fn limit(&self) -> usize {
        match self.queue.maxsize() {
            0 => usize::MAX,
            limit => limit,
        }
    }

    fn has_room(&self) -> bool {
        self.inside.len() < self.limit()
    }

    fn item(&mut self, rank: u32) -> Item {
        self.numbers += 1;
        Item { rank, number: self.numbers }
    }

    fn was_put(&mut self, item: Item) -> Result<(), TestCaseError> {
        prop_assert!(self.has_room() && !self.shut_down);
        self.inside.push(item);
        self.unfinished += 1;
        Ok(())
    }

    fn was_got(&mut self, item: Item) -> Result<(), TestCaseError> {
        prop_assert!(!self.inside.is_empty());
        let expected = self.inside.remove((self.next)(&self.inside));
        prop_assert_eq!(item.number, expected.number, "the wrong item");
        Ok(())
    }

    fn step(&mut self, step: &Step) -> Result<(), TestCaseError> {
        match *step {
            Step::Put(place, rank) => self.put(place, rank)?,
            Step::Get(place) => self.get(place)?,
            Step::Join => self.join()?,
            Step::DropPut(place) => drop(self.puts[place].take()),
            Step::DropGet(place) => drop(self.gets[place].take()),
            Step::TryPut(rank) => {
                let item = self.item(rank);
                match self.queue.put_nowait(item) {
                    Ok(()) => self.was_put(item)?,
                    Err(TryPutError::ShutDown(back)) => {
                        prop_assert!(back.number == item.number && self.shut_down);
                    }
                    Err(TryPutError::Full(back)) => {
                        prop_assert!(back.number == item.number && !self.shut_down);
                        // Or room is kept for one that was woken before and has looked in vain.
                        let kept = self.puts.iter().flatten().any(Waits::woken);
                        prop_assert!(kept || !self.has_room());
                    }
                }
            }
            Step::TryGet => match self.queue.get_nowait() {
                Ok(item) => self.was_got(item)?,
                Err(TryGetError::ShutDown) => {
                    prop_assert!(self.shut_down && self.inside.is_empty());
                }
                Err(TryGetError::Empty) => {
                    let kept = self.gets.iter().flatten().any(Waits::woken);
                    prop_assert!(kept || self.inside.is_empty() && !self.shut_down);
                }
            },
            Step::TaskDone if self.unfinished > self.inside.len() => {
                self.queue.task_done();
                self.unfinished -= 1;
            }
            Step::TaskDone => {}
            Step::Shutdown => {
                self.queue.shutdown();
                self.shut_down = true;
            }
            Step::ShutdownNow => {
                let mut out: Vec<_> =
                    self.queue.shutdown_now().iter().map(|item| item.number).collect();
                let mut inside: Vec<_> = self.inside.iter().map(|item| item.number).collect();
                out.sort_unstable();
                inside.sort_unstable();
                prop_assert_eq!(out, inside);
                self.unfinished -= self.inside.len();
                self.inside.clear();
                self.shut_down = true;
            }
        }
        Ok(())
    }

    fn put(&mut self, place: usize, rank: u32) -> Result<(), TestCaseError> {
        let mut waits = match self.puts[place].take() {
            Some(waits) => waits,
            None => {
                let item = self.item(rank);
                Waits::new(self.queue.put(item), item)
            }
        };
        let item = Item { rank: waits.rank, number: waits.number };
        match waits.poll() {
            Poll::Ready(Ok(())) => self.was_put(item)?,
            Poll::Ready(Err(QueueShutDown(back))) => {
                prop_assert!(back.number == item.number && self.shut_down);
            }
            Poll::Pending => self.puts[place] = Some(waits),
        }
        Ok(())
    }

    fn get(&mut self, place: usize) -> Result<(), TestCaseError> {
        let nothing = Item { rank: 0, number: 0 };
        let waits = self.gets[place].take();
        let mut waits = waits.unwrap_or_else(|| Waits::new(self.queue.get(), nothing));
        match waits.poll() {
            Poll::Ready(Ok(item)) => self.was_got(item)?,
            Poll::Ready(Err(QueueShutDown(()))) => {
                prop_assert!(self.shut_down && self.inside.is_empty());
            }
            Poll::Pending => self.gets[place] = Some(waits),
        }
        Ok(())
    }

    fn join(&mut self) -> Result<(), TestCaseError> {
        let nothing = Item { rank: 0, number: 0 };
        let waits = self.join.take();
        let began = waits.is_none();
        let mut waits = waits.unwrap_or_else(|| Waits::new(self.queue.join(), nothing));
        self.all_done = self.unfinished == 0 || (self.all_done && !began);
        match waits.poll() {
            Poll::Ready(()) => prop_assert!(self.all_done),
            Poll::Pending => {
                prop_assert!(!self.all_done);
                self.join = Some(waits);
            }
        }
        Ok(())
    }

    /// Whoever could go on was woken, or somebody else was who goes first.
    fn check(&mut self) -> Result<(), TestCaseError> {
        self.all_done |= self.unfinished == 0;
        let stats = self.queue.stats();
        prop_assert_eq!((stats.len, stats.unfinished), (self.inside.len(), self.unfinished));
        prop_assert_eq!(stats.shut_down, self.shut_down);
        if self.has_room() && stats.putters > 0 {
            prop_assert!(self.puts.iter().flatten().any(Waits::woken), "a putter sleeps");
        }
        if !self.inside.is_empty() && stats.getters > 0 {
            prop_assert!(self.gets.iter().flatten().any(Waits::woken), "a getter sleeps");
        }
        if let Some(join) = &self.join {
            prop_assert_eq!(join.woken(), self.all_done);
        }
        if self.shut_down {
            prop_assert!(self.puts.iter().flatten().all(Waits::woken));
            prop_assert!(self.gets.iter().flatten().all(Waits::woken));
        }
        Ok(())
    }

    /// Polls who was woken until nobody is any more: then nobody waits who need not.
    fn settle(&mut self) -> Result<(), TestCaseError> {
        loop {
            let put = self.puts.iter().position(|waits| waits.as_ref().is_some_and(Waits::woken));
            let get = self.gets.iter().position(|waits| waits.as_ref().is_some_and(Waits::woken));
            match (put, get) {
                (Some(place), _) => self.put(place, 0)?,
                (_, Some(place)) => self.get(place)?,
                (None, None) => break,
            }
            self.check()?;
        }
        let puts = self.puts.iter().flatten().count();
        let gets = self.gets.iter().flatten().count();
        prop_assert!(puts == 0 || !self.has_room(), "putters are left");
        prop_assert!(gets == 0 || self.inside.is_empty(), "getters are left");
        Ok(())
    }
}

fn run<O: Order<Item = Item>>(
    maxsize: usize,
    next: fn(&[Item]) -> usize,
    steps: &[Step],
) -> Result<(), TestCaseError> {
    let queue = AnyQueue::<O>::new(maxsize);
    let mut run = Run {
        queue: &queue,
        next,
        puts: Default::default(),
        gets: Default::default(),
        join: None,
        numbers: 0,
        inside: Vec::new(),
        unfinished: 0,
        all_done: false,
        shut_down: false,
    };
    for step in steps {
        run.step(step)?;
        run.check()?;
    }
    run.settle()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_queue_behaves_like_a_list(
        maxsize in 0..4usize,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        run::<Fifo<Item>>(maxsize, |_| 0, &steps)?;
    }

    #[test]
    fn a_lifo_queue_behaves_like_a_stack(
        maxsize in 0..4usize,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        run::<Lifo<Item>>(maxsize, |items| items.len() - 1, &steps)?;
    }

    #[test]
    fn a_priority_queue_behaves_like_a_sorted_list(
        maxsize in 0..4usize,
        steps in prop::collection::vec(step(), 0..80),
    ) {
        let smallest = |items: &[Item]| {
            (0..items.len()).min_by_key(|at| (items[*at].rank, *at)).unwrap()
        };
        run::<Priority<Item>>(maxsize, smallest, &steps)?;
    }
}
