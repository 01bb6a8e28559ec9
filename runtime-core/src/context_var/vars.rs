//! The values of variables as an immutable map that is cheap to copy.

use std::any::Any;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Which variable.
pub(super) type Key = u64;
/// What it is set to.
pub(super) type Value = Arc<dyn Any + Send + Sync>;

/// Values by variable. A clone counts one reference; the map is copied when one of several owners
/// changes it.
#[derive(Clone, Default)]
pub(crate) struct Vars(Option<Arc<BTreeMap<Key, Value>>>);

impl Vars {
    /// No values.
    pub(super) const NONE: Vars = Vars(None);

    pub(super) fn get(&self, key: Key) -> Option<Value> {
        self.0.as_ref()?.get(&key).cloned()
    }

    /// Sets a variable, or takes its value out; returns what it was before.
    ///
    /// No value is dropped in here: it may be called under a lock.
    pub(super) fn replace(&mut self, key: Key, value: Option<Value>) -> Option<Value> {
        let before = self.get(key);
        match value {
            Some(value) => _ = Arc::make_mut(self.0.get_or_insert_default()).insert(key, value),
            None if before.is_none() => {}
            // No map at all: what is spawned from now on inherits nothing.
            None if self.len() == 1 => self.0 = None,
            None => _ = self.0.as_mut().map(|map| Arc::make_mut(map).remove(&key)),
        }
        before
    }

    pub(super) fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |map| map.len())
    }
}
