//! `JoinMap`: many tasks, each with a key, joined as they finish.

use super::JoinSet;
use crate::local::LocalSet;
use crate::runtime::Handle;
use crate::task::{AbortHandle, Id, JoinError};
use std::borrow::Borrow;
use std::collections::btree_map::Values;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::future::{Future, poll_fn};
use std::hash::{BuildHasher, Hash, RandomState};
use std::iter::FusedIterator;
use std::task::{Context, Poll, ready};

/// Many tasks with outputs of one type, each with a key, joined in the order in which they finish.
///
/// The key says which task has finished, and serves to abort a task or to ask for it. A task that is
/// spawned with the key of another one takes its place: the other one is aborted, and its output is
/// never given. Dropping the map aborts all tasks in it. To find a key takes logarithmic time.
///
/// The counterpart of tokio-util's `task::JoinMap`.
///
/// # Examples
///
/// ```
/// use filch::task::JoinMap;
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let mut map = JoinMap::new();
/// for word in ["one", "three"] {
///     map.spawn(word, async move { word.len() });
/// }
/// map.spawn("never", std::future::pending());
/// assert!(map.abort("never"));
/// while let Some((word, length)) = map.join_next().await {
///     match length {
///         Ok(length) => assert_eq!(length, word.len()),
///         Err(error) => assert!(error.is_cancelled() && word == "never"),
///     }
/// }
/// # });
/// ```
pub struct JoinMap<K, V, S = RandomState> {
    /// The tasks, and those that were replaced and have not ended yet.
    tasks: JoinSet<V>,
    /// The tasks that were not replaced.
    entries: BTreeMap<Id, Entry<K>>,
    /// Where to look for a key: the hashes of all keys, each with its task.
    hashes: BTreeSet<(u64, Id)>,
    hasher: S,
}

struct Entry<K> {
    key: K,
    hash: u64,
    abort: AbortHandle,
}

impl<K, V> JoinMap<K, V> {
    /// An empty map.
    pub fn new() -> JoinMap<K, V> {
        JoinMap::with_hasher(RandomState::new())
    }

    /// An empty map with room for the handles of so many tasks.
    pub fn with_capacity(capacity: usize) -> JoinMap<K, V> {
        JoinMap::with_capacity_and_hasher(capacity, RandomState::new())
    }
}

impl<K, V, S> JoinMap<K, V, S> {
    /// An empty map whose keys are hashed by `hasher`.
    pub fn with_hasher(hasher: S) -> JoinMap<K, V, S> {
        JoinMap { tasks: JoinSet::new(), entries: BTreeMap::new(), hashes: BTreeSet::new(), hasher }
    }

    /// As [`with_hasher`](JoinMap::with_hasher), with room for the handles of so many tasks.
    pub fn with_capacity_and_hasher(capacity: usize, hasher: S) -> JoinMap<K, V, S> {
        let mut map = JoinMap::with_hasher(hasher);
        map.reserve(capacity);
        map
    }

    /// For the handles of how many tasks there is room.
    pub fn capacity(&self) -> usize {
        self.tasks.capacity()
    }

    /// Makes room for the handles of so many more tasks.
    pub fn reserve(&mut self, additional: usize) {
        self.tasks.reserve(additional);
    }

    /// Gives room back that is not needed.
    pub fn shrink_to_fit(&mut self) {
        self.shrink_to(0);
    }

    /// Gives room back that is not needed, but for the handles of so many tasks.
    pub fn shrink_to(&mut self, min_capacity: usize) {
        self.tasks.shrink_to(min_capacity);
    }

    /// How many tasks are in the map: those that have not been joined or replaced.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether no task is in the map.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The keys of all tasks, in no particular order.
    pub fn keys(&self) -> JoinMapKeys<'_, K, V> {
        JoinMapKeys { entries: self.entries.values(), values: std::marker::PhantomData }
    }

    /// Aborts all tasks. They stay in the map until they are joined.
    pub fn abort_all(&mut self) {
        self.tasks.abort_all();
    }

    /// Aborts all tasks whose key `predicate` wants. They stay in the map until they are joined.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::task::JoinMap;
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let mut map = JoinMap::new();
    /// for number in 0..4 {
    ///     map.spawn(number, std::future::pending::<()>());
    /// }
    /// map.abort_matching(|number| number % 2 == 0);
    /// let (one, _) = map.join_next().await.unwrap();
    /// let (other, _) = map.join_next().await.unwrap();
    /// assert_eq!(one + other, 2);
    /// # });
    /// ```
    pub fn abort_matching(&mut self, mut predicate: impl FnMut(&K) -> bool) {
        let wanted = self.entries.values().filter(|entry| predicate(&entry.key));
        wanted.for_each(|entry| entry.abort.abort());
    }

    /// Takes all tasks out of the map and lets them run on.
    pub fn detach_all(&mut self) {
        self.tasks.detach_all();
        self.hashes.clear();
        self.entries.clear();
    }

    /// Whether the task with this number is in the map.
    pub fn contains_task(&self, task: &Id) -> bool {
        self.entries.contains_key(task)
    }

    /// Takes a task out that has finished or is replaced.
    fn remove(&mut self, task: Id) -> Option<Entry<K>> {
        let entry = self.entries.remove(&task)?;
        self.hashes.remove(&(entry.hash, task));
        Some(entry)
    }
}

impl<K: Hash + Eq, V: 'static, S: BuildHasher> JoinMap<K, V, S> {
    /// Spawns a task with a key; see [`spawn`](fn@crate::spawn::spawn).
    ///
    /// # Panics
    ///
    /// If this thread is in no runtime.
    #[track_caller]
    pub fn spawn<F>(&mut self, key: K, task: F)
    where
        F: Future<Output = V> + Send + 'static,
        V: Send,
    {
        let abort = self.tasks.spawn(task);
        self.insert(key, abort);
    }

    /// Spawns a task with a key, on a runtime.
    #[track_caller]
    pub fn spawn_on<F>(&mut self, key: K, task: F, handle: &Handle)
    where
        F: Future<Output = V> + Send + 'static,
        V: Send,
    {
        let abort = self.tasks.spawn_on(task, handle);
        self.insert(key, abort);
    }

    /// Spawns a task with a key that stays on this thread.
    ///
    /// # Panics
    ///
    /// As [`spawn_local`](crate::local::spawn_local).
    #[track_caller]
    pub fn spawn_local<F>(&mut self, key: K, task: F)
    where
        F: Future<Output = V> + 'static,
    {
        let abort = self.tasks.spawn_local(task);
        self.insert(key, abort);
    }

    /// Spawns a task with a key, on a [`LocalSet`].
    #[track_caller]
    pub fn spawn_local_on<F>(&mut self, key: K, task: F, local_set: &LocalSet)
    where
        F: Future<Output = V> + 'static,
    {
        let abort = self.tasks.spawn_local_on(task, local_set);
        self.insert(key, abort);
    }

    /// Runs a closure that may block, as a task with a key.
    ///
    /// # Panics
    ///
    /// If this thread is in no runtime.
    #[track_caller]
    pub fn spawn_blocking<F>(&mut self, key: K, f: F)
    where
        F: FnOnce() -> V + Send + 'static,
        V: Send,
    {
        let abort = self.tasks.spawn_blocking(f);
        self.insert(key, abort);
    }

    /// Runs a closure that may block, as a task with a key, on a runtime.
    #[track_caller]
    pub fn spawn_blocking_on<F>(&mut self, key: K, f: F, handle: &Handle)
    where
        F: FnOnce() -> V + Send + 'static,
        V: Send,
    {
        let abort = self.tasks.spawn_blocking_on(f, handle);
        self.insert(key, abort);
    }

    fn insert(&mut self, key: K, abort: AbortHandle) {
        let hash = self.hasher.hash_one(&key);
        let replaced = self.find(&key).and_then(|task| self.remove(task));
        let task = abort.id();
        self.hashes.insert((hash, task));
        self.entries.insert(task, Entry { key, hash, abort });
        if let Some(replaced) = replaced {
            replaced.abort.abort();
        }
    }

    /// The task with this key.
    fn find<Q>(&self, key: &Q) -> Option<Id>
    where
        Q: Hash + Eq + ?Sized,
        K: Borrow<Q>,
    {
        let hash = self.hasher.hash_one(key);
        let alike = self.hashes.range((hash, Id::MIN)..).take_while(|(other, _)| *other == hash);
        alike.map(|(_, task)| *task).find(|task| self.entries[task].key.borrow() == key)
    }

    /// Whether a task with this key is in the map: it was not joined yet, though it may have
    /// finished.
    pub fn contains_key<Q>(&self, key: &Q) -> bool
    where
        Q: Hash + Eq + ?Sized,
        K: Borrow<Q>,
    {
        self.find(key).is_some()
    }

    /// Aborts the task with this key. False: there is none. It stays in the map until it is joined.
    pub fn abort<Q>(&mut self, key: &Q) -> bool
    where
        Q: Hash + Eq + ?Sized,
        K: Borrow<Q>,
    {
        let Some(task) = self.find(key) else { return false };
        self.entries[&task].abort.abort();
        true
    }

    /// Waits until a task has finished, and gives its key and its output; `None` if no task is in
    /// the map.
    ///
    /// # Errors
    ///
    /// With the key comes the error of a task that was aborted or cancelled, or panicked.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: no output is lost.
    pub async fn join_next(&mut self) -> Option<(K, Result<V, JoinError>)> {
        poll_fn(|cx| self.poll_join_next(cx)).await
    }

    /// Polls for what [`join_next`](JoinMap::join_next) waits for.
    pub fn poll_join_next(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<(K, Result<V, JoinError>)>> {
        loop {
            let Some(outcome) = ready!(self.tasks.poll_join_next_with_id(cx)) else {
                return Poll::Ready(None);
            };
            let (task, output) = match outcome {
                Ok((task, output)) => (task, Ok(output)),
                Err(error) => (error.id(), Err(error)),
            };
            // Nobody waits for one that was replaced.
            if let Some(entry) = self.remove(task) {
                return Poll::Ready(Some((entry.key, output)));
            }
        }
    }

    /// Aborts all tasks and waits until they have ended, those too that were replaced.
    ///
    /// # Cancel safety
    ///
    /// The tasks are aborted in any case. When it is dropped, those that were joined by then are gone, and the
    /// others are still there.
    pub async fn shutdown(&mut self) {
        self.abort_all();
        // One by one, key and task together: whoever gives this up finds the others there.
        while self.join_next().await.is_some() {}
    }
}

impl<K, V, S: Default> Default for JoinMap<K, V, S> {
    fn default() -> JoinMap<K, V, S> {
        JoinMap::with_hasher(S::default())
    }
}

impl<K: fmt::Debug, V, S> fmt::Debug for JoinMap<K, V, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinMap")?;
        let pairs = self.entries.values().map(|entry| (&entry.key, entry.abort.id()));
        f.debug_map().entries(pairs).finish()
    }
}

/// The keys of a [`JoinMap`]; see [`JoinMap::keys`].
pub struct JoinMapKeys<'a, K, V> {
    entries: Values<'a, Id, Entry<K>>,
    values: std::marker::PhantomData<&'a V>,
}

impl<'a, K, V> Iterator for JoinMapKeys<'a, K, V> {
    type Item = &'a K;

    fn next(&mut self) -> Option<&'a K> {
        self.entries.next().map(|entry| &entry.key)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.entries.size_hint()
    }
}

impl<K, V> ExactSizeIterator for JoinMapKeys<'_, K, V> {}

impl<K, V> FusedIterator for JoinMapKeys<'_, K, V> {}

impl<K, V> Clone for JoinMapKeys<'_, K, V> {
    fn clone(&self) -> Self {
        JoinMapKeys { entries: self.entries.clone(), values: self.values }
    }
}

impl<K: fmt::Debug, V> fmt::Debug for JoinMapKeys<'_, K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.clone()).finish()
    }
}
