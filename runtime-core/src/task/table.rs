//! What a few tasks have and most have not: kept beside the tasks, found by their numbers.

use super::id::Id;
use crate::number_map::{self, NumberMap};

/// How many maps share the tasks, so that they seldom meet at a lock.
const SHARDS: usize = 32;

/// A map that has room for more than this, and needs but an eighth of it, gives room back.
const ROOM: usize = 64;

/// The map of a shard.
pub(super) type Shard<V> = NumberMap<Id, V>;

/// Something of some tasks, wherever they run.
///
/// std's lock, which models do not see: no thread of a model is switched while it is held.
#[allow(clippy::disallowed_types, reason = "lies in a static, and is no step of a model")]
pub(super) struct Table<V>([std::sync::Mutex<Shard<V>>; SHARDS]);

impl<V: Clone> Table<V> {
    #[allow(clippy::disallowed_types, reason = "as above")]
    pub(super) const fn new() -> Table<V> {
        Table([const { std::sync::Mutex::new(number_map::new()) }; SHARDS])
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
            if shard.capacity() > ROOM.max(8 * shard.len()) {
                // To a quarter: what comes and goes does not make it grow and shrink at each step.
                shard.shrink_to(2 * shard.len());
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_is_given_back_although_some_stay() {
        let table: Table<u64> = Table::new();
        let ids: Vec<_> = std::iter::repeat_with(Id::next).take(9000).collect();
        ids.iter().for_each(|id| assert_eq!(table.find_or(*id, || id.number()), id.number()));
        let (stay, go) = ids.split_at(100);
        assert!(go.iter().all(|id| table.forget(*id) == Some(id.number())));
        assert!(go.iter().all(|id| table.find(*id).is_none() && table.forget(*id).is_none()));
        assert!(stay.iter().all(|id| table.find(*id) == Some(id.number())));
        for id in stay {
            assert!(table.with_shard(*id, |shard| shard.capacity()) <= ROOM);
        }
    }
}
