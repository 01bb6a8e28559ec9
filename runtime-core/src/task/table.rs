//! What a few tasks have and most have not: kept beside the tasks, found by their numbers.

use super::id::Id;
use std::collections::BTreeMap;

/// How many maps share the tasks, so that they seldom meet at a lock.
const SHARDS: usize = 32;

/// Something of some tasks, wherever they run.
///
/// std's lock, which models do not see: no thread of a model is switched while it is held.
#[allow(clippy::disallowed_types, reason = "lies in a static, and is no step of a model")]
pub(super) struct Table<V>([std::sync::Mutex<BTreeMap<Id, V>>; SHARDS]);

impl<V: Clone> Table<V> {
    #[allow(clippy::disallowed_types, reason = "as above")]
    pub(super) const fn new() -> Table<V> {
        Table([const { std::sync::Mutex::new(BTreeMap::new()) }; SHARDS])
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
        self.with_shard(task, |shard| shard.remove(&task))
    }

    /// Calls `f` with the map that knows the task, under its lock: no step of a model may be in there,
    /// and no reference to a task may go.
    pub(super) fn with_shard<R>(&self, task: Id, f: impl FnOnce(&mut BTreeMap<Id, V>) -> R) -> R {
        let shard = &self.0[task.number() as usize % SHARDS];
        f(&mut shard.lock().unwrap_or_else(std::sync::PoisonError::into_inner))
    }
}
