//! What a few tasks have and most have not: kept beside the tasks, found by their numbers.

use super::id::Id;
use std::hash::{BuildHasher, Hasher};

/// How many maps share the tasks, so that they seldom meet at a lock.
const SHARDS: usize = 32;

/// An empty map that has room for more than this gives it back.
const ROOM: usize = 64;

/// The map of a shard: a look-up costs the same however many tasks there are.
#[allow(clippy::disallowed_types, reason = "the order is not random, and nobody goes through it")]
pub(super) type Shard<V> = std::collections::HashMap<Id, V, ByNumber>;

/// Something of some tasks, wherever they run.
///
/// std's lock, which models do not see: no thread of a model is switched while it is held.
#[allow(clippy::disallowed_types, reason = "lies in a static, and is no step of a model")]
pub(super) struct Table<V>([std::sync::Mutex<Shard<V>>; SHARDS]);

impl<V: Clone> Table<V> {
    #[allow(clippy::disallowed_types, reason = "as above")]
    pub(super) const fn new() -> Table<V> {
        Table([const { std::sync::Mutex::new(Shard::with_hasher(ByNumber)) }; SHARDS])
    }

    /// What a task has.
    pub(super) fn find(&self, task: Id) -> Option<V> {
        self.with_shard(task, |shard| shard.get(&task).cloned())
    }

    /// What a task has; if it has nothing, what `make` makes from now on.
    pub(super) fn find_or(&self, task: Id, make: impl FnOnce() -> V) -> V {
        if let Some(value) = self.find(task) {
            return value;
        }
        // Made out here, and dropped out here if another thread was faster: it may hold a reference to
        // the task, which must not be the last one under the lock.
        let fresh = make();
        self.with_shard(task, |shard| shard.entry(task).or_insert_with(|| fresh.clone()).clone())
    }

    /// Takes out what a task has.
    pub(super) fn forget(&self, task: Id) -> Option<V> {
        self.with_shard(task, |shard| {
            let value = shard.remove(&task);
            if shard.is_empty() && shard.capacity() > ROOM {
                *shard = Shard::with_hasher(ByNumber);
            }
            value
        })
    }

    /// Calls `f` with the map that knows the task, under its lock: no step of a model may be in there,
    /// and no reference to a task may go.
    pub(super) fn with_shard<R>(&self, task: Id, f: impl FnOnce(&mut Shard<V>) -> R) -> R {
        let shard = &self.0[task.number() as usize % SHARDS];
        f(&mut shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}

/// Spreads the numbers of tasks: those of a shard, in a row as they mostly are, each get a place of
/// their own.
#[derive(Clone, Copy)]
pub(super) struct ByNumber;

/// The number, spread.
pub(super) struct Spread(u64);

impl BuildHasher for ByNumber {
    type Hasher = Spread;

    fn build_hasher(&self) -> Spread {
        Spread(0)
    }
}

impl Hasher for Spread {
    fn write(&mut self, _: &[u8]) {
        unreachable!("the number of a task is written as such");
    }

    #[inline]
    fn write_u64(&mut self, number: u64) {
        // The low bits, in which those of a shard are alike, are left out. An odd factor takes numbers
        // in a row to different low bits, which choose the place, and stirs the high bits, by which
        // neighbours are told apart: 2^64 over the golden ratio.
        self.0 = (number / SHARDS as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
