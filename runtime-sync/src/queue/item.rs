//! An item that says by itself when it is done.

use std::fmt;
use std::ops::{Deref, DerefMut};

use super::{AnyQueue, Order};

/// An item of a queue that is [done](AnyQueue::task_done) when this is dropped; see
/// [`get_tracked`](AnyQueue::get_tracked).
///
/// # Examples
///
/// ```
/// use filch::sync::Queue;
///
/// runtime_sync::block_on(async {
///     let queue = Queue::new(0);
///     queue.put(vec![1, 2]).await.unwrap();
///     let mut item = queue.get_tracked().await.unwrap();
///     item.push(3);
///     assert_eq!(item.into_inner(), [1, 2, 3]);
///     queue.join().await;
/// });
/// ```
pub struct Item<O: Order> {
    /// `None` once it was taken out.
    item: Option<O::Item>,
    queue: AnyQueue<O>,
}

impl<O: Order> Item<O> {
    pub(super) fn new(item: O::Item, queue: AnyQueue<O>) -> Item<O> {
        Item { item: Some(item), queue }
    }

    /// The item itself, which counts as done.
    pub fn into_inner(mut self) -> O::Item {
        self.item.take().expect("it is taken out at the end only")
    }
}

impl<O: Order> Deref for Item<O> {
    type Target = O::Item;
    fn deref(&self) -> &O::Item {
        self.item.as_ref().expect("it is taken out at the end only")
    }
}

impl<O: Order> DerefMut for Item<O> {
    fn deref_mut(&mut self) -> &mut O::Item {
        self.item.as_mut().expect("it is taken out at the end only")
    }
}

impl<O: Order> Drop for Item<O> {
    fn drop(&mut self) {
        // Somebody may have called `task_done` for it by hand; a panic here would help nobody.
        self.queue.shared.finish(1);
    }
}

impl<O: Order<Item: fmt::Debug>> fmt::Debug for Item<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Item").field(&**self).finish()
    }
}
