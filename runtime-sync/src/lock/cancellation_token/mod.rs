//! A signal that something is to end, passed down a tree.
//!
//! - [`CancellationToken`] is a handle to a [`Node`]: a flag and the line of those who wait for it.
//! - [`tree`] knows which node is below which. All tokens of a tree share one, which lies in the
//!   root, under one lock; it is taken to make, drop and cancel tokens, never to look at one.
//! - [`waiting`] has the futures, [`guard`] what cancels when it is dropped.
//!
//! A node knows its root and the tree knows its nodes weakly, so that no handle keeps another one's
//! node alive, and nothing is ever dropped or walked through recursively.

mod guard;
mod tree;
mod waiting;

pub use guard::{DropGuard, DropGuardRef};
pub use waiting::{WaitForCancellationFuture, WaitForCancellationFutureOwned};

use std::fmt;
use std::future::poll_fn;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;

use crate::primitives::Mutex;
use crate::primitives::atomic::{AtomicBool, Ordering};
use crate::wait_list::WaitList;
use tree::{ROOT, Tree};

/// Tells any number of tasks to end.
///
/// Clones are the same token. A [child](CancellationToken::child_token) is cancelled together with
/// its parent, but not the other way round. A token that is dropped is not cancelled, and its
/// children stay below its parent.
///
/// Once cancelled, a token stays so. Whoever finds a token cancelled finds all below it cancelled
/// too. Names and meaning are tokio-util's.
///
/// # Bad input
///
/// Trees may be as deep and wide as memory allows, up to four thousand million tokens. A token
/// that is leaked, with [`std::mem::forget`], keeps its place in the tree. Wakers may call back, and
/// may panic: the others are woken first.
///
/// # Examples
///
/// ```
/// use filch::sync::CancellationToken;
///
/// filch::runtime::Runtime::new().unwrap().block_on(async {
///     let shutdown = CancellationToken::new();
///     let connection = shutdown.child_token();
///     let task = filch::spawn(async move {
///         connection.cancelled().await;
///         "closed"
///     });
///     shutdown.cancel();
///     assert_eq!(task.await.unwrap(), "closed");
/// });
/// ```
pub struct CancellationToken {
    node: Arc<Node>,
}

/// What all clones of a token share.
struct Node {
    /// Set under the lock of the tree, in all below before it is set here; never taken back.
    cancelled: AtomicBool,
    line: WaitList,
    position: Position,
}

/// Where a node is in a tree.
enum Position {
    Root(Mutex<Tree>),
    /// Below a root. Once it is cancelled, the place may be somebody else's.
    Branch {
        root: Arc<Node>,
        index: u32,
    },
    /// Born cancelled.
    Nowhere,
}

/// What a [`CancellationToken`] looked like at some moment.
///
/// # Examples
///
/// ```
/// use filch::sync::CancellationToken;
///
/// let token = CancellationToken::new();
/// let child = token.child_token();
/// let stats = token.stats();
/// assert_eq!((stats.waiters, stats.cancelled, stats.below_root), (0, false, 1));
/// # drop(child);
/// ```
#[non_exhaustive]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CancellationTokenStats {
    /// How many wait for this very token.
    pub waiters: usize,
    /// Whether it was cancelled.
    pub cancelled: bool,
    /// How many places are taken in the tree that this token belongs to, apart from the root. A
    /// token that is gone keeps its place as long as it joins several others.
    pub below_root: usize,
}

impl CancellationToken {
    /// Makes a token that is not cancelled, the root of a tree of its own.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(!filch::sync::CancellationToken::new().is_cancelled());
    /// ```
    pub fn new() -> CancellationToken {
        CancellationToken { node: Node::new(false, Position::Root(Mutex::new(Tree::new()))) }
    }

    /// Makes a token that is cancelled together with this one; at once, if this one is cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CancellationToken;
    ///
    /// let parent = CancellationToken::new();
    /// let child = parent.child_token();
    /// child.cancel();
    /// assert!(!parent.is_cancelled());
    /// parent.cancel();
    /// assert!(parent.child_token().is_cancelled());
    /// ```
    pub fn child_token(&self) -> CancellationToken {
        let node = self.node.add_child().unwrap_or_else(|| Node::new(true, Position::Nowhere));
        CancellationToken { node }
    }

    /// Cancels this token and all below it, and wakes those who wait for any of them.
    ///
    /// # Panics
    ///
    /// Passes on the first panic of a waker, after all have been woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CancellationToken;
    ///
    /// let token = CancellationToken::new();
    /// let grandchild = token.child_token().child_token();
    /// token.cancel();
    /// assert!(grandchild.is_cancelled());
    /// ```
    pub fn cancel(&self) {
        if !self.is_cancelled() {
            Node::cancel(&self.node);
        }
    }

    /// Whether it was cancelled: a single load.
    ///
    /// # Examples
    ///
    /// ```
    /// let token = filch::sync::CancellationToken::new();
    /// token.cancel();
    /// assert!(token.is_cancelled());
    /// ```
    #[inline]
    pub fn is_cancelled(&self) -> bool {
        self.node.is_cancelled()
    }

    /// Waits until the token is cancelled; ready at once if it is.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on others.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CancellationToken;
    ///
    /// let token = CancellationToken::new();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| token.cancel());
    ///     runtime_sync::block_on(token.cancelled());
    /// });
    /// ```
    pub fn cancelled(&self) -> WaitForCancellationFuture<'_> {
        WaitForCancellationFuture::new(self)
    }

    /// Waits like [`cancelled`](CancellationToken::cancelled), with a future that borrows nothing.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future has no effect on others.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CancellationToken;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let token = CancellationToken::new();
    ///     let waits = filch::spawn(token.clone().cancelled_owned());
    ///     token.cancel();
    ///     waits.await.unwrap();
    /// });
    /// ```
    pub fn cancelled_owned(self) -> WaitForCancellationFutureOwned {
        WaitForCancellationFutureOwned::new(self)
    }

    /// Makes a guard that cancels the token when it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CancellationToken;
    ///
    /// let token = CancellationToken::new();
    /// drop(token.clone().drop_guard());
    /// assert!(token.is_cancelled());
    /// ```
    pub fn drop_guard(self) -> DropGuard {
        DropGuard::new(self)
    }

    /// Makes a guard that borrows the token, and cancels it when it is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CancellationToken;
    ///
    /// let token = CancellationToken::new();
    /// drop(token.drop_guard_ref());
    /// assert!(token.is_cancelled());
    /// ```
    pub fn drop_guard_ref(&self) -> DropGuardRef<'_> {
        DropGuardRef::new(self)
    }

    /// Runs a future until it is ready or the token is cancelled; `None` in the latter case.
    ///
    /// If the token is cancelled from the beginning, the future is not polled. Later it is looked at
    /// first: its output wins over a cancellation that came meanwhile.
    ///
    /// # Cancel safety
    ///
    /// That of `future`, which is dropped when the token is cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CancellationToken;
    ///
    /// runtime_sync::block_on(async {
    ///     let token = CancellationToken::new();
    ///     assert_eq!(token.run_until_cancelled(async { 1 }).await, Some(1));
    ///     token.cancel();
    ///     assert_eq!(token.run_until_cancelled(async { 1 }).await, None);
    /// });
    /// ```
    pub async fn run_until_cancelled<F: Future>(&self, future: F) -> Option<F::Output> {
        until(self, pin!(future)).await
    }

    /// Runs a future like [`run_until_cancelled`](CancellationToken::run_until_cancelled), for tasks
    /// that own the token.
    ///
    /// # Cancel safety
    ///
    /// That of `future`, which is dropped when the token is cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::sync::CancellationToken;
    ///
    /// filch::runtime::Runtime::new().unwrap().block_on(async {
    ///     let token = CancellationToken::new();
    ///     let forever = std::future::pending::<()>();
    ///     let task = filch::spawn(token.clone().run_until_cancelled_owned(forever));
    ///     token.cancel();
    ///     assert_eq!(task.await.unwrap(), None);
    /// });
    /// ```
    pub async fn run_until_cancelled_owned<F: Future>(self, future: F) -> Option<F::Output> {
        until(&self, pin!(future)).await
    }

    /// What it looks like at this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// assert_eq!(filch::sync::CancellationToken::new().stats().waiters, 0);
    /// ```
    pub fn stats(&self) -> CancellationTokenStats {
        CancellationTokenStats {
            waiters: self.node.line.lock().len(),
            cancelled: self.is_cancelled(),
            below_root: self.node.tree().map_or(0, |(tree, _)| tree.lock().len()),
        }
    }
}

/// The output of `future`, unless the token is cancelled while it waits.
async fn until<F: Future>(token: &CancellationToken, mut future: Pin<&mut F>) -> Option<F::Output> {
    let mut cancelled = pin!(token.cancelled());
    if token.is_cancelled() {
        return None;
    }
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        // It may have left no budget for the wait.
        Poll::Pending if token.is_cancelled() => Poll::Ready(None),
        Poll::Pending => cancelled.as_mut().poll(cx).map(|()| None),
    })
    .await
}

impl Node {
    fn new(cancelled: bool, position: Position) -> Arc<Node> {
        let cancelled = AtomicBool::new(cancelled);
        Arc::new(Node { cancelled, line: WaitList::new(), position })
    }

    #[inline]
    fn is_cancelled(&self) -> bool {
        // Pairs with the store in `mark`.
        self.cancelled.load(Ordering::Acquire)
    }

    fn mark(&self) {
        // Pairs with the load in `is_cancelled`: who sees it sees what the one who cancelled did,
        // and the marks of all below, which were set before.
        self.cancelled.store(true, Ordering::Release);
    }

    /// The tree that this is in, and where.
    fn tree(&self) -> Option<(&Mutex<Tree>, u32)> {
        match &self.position {
            Position::Root(tree) => Some((tree, ROOT)),
            Position::Branch { root, index } => Some((root.tree()?.0, *index)),
            Position::Nowhere => None,
        }
    }

    /// A node below this one, unless this one is cancelled.
    fn add_child(self: &Arc<Node>) -> Option<Arc<Node>> {
        let root = match &self.position {
            Position::Root(_) => self,
            Position::Branch { root, .. } => root,
            Position::Nowhere => return None,
        };
        let (tree, parent) = self.tree()?;
        let mut tree = tree.lock();
        // The lock is held, so nobody is about to walk past the new node.
        if self.is_cancelled() {
            return None;
        }
        let index = tree.add(parent);
        let node = Node::new(false, Position::Branch { root: Arc::clone(root), index });
        tree.settle(index, Arc::downgrade(&node));
        Some(node)
    }

    fn cancel(node: &Arc<Node>) {
        let Some((tree, index)) = node.tree() else { return };
        let mut tree = tree.lock();
        if node.is_cancelled() {
            return;
        }
        let (below, remains) = tree.cut(index);
        // From the leaves to the top: whoever sees a mark may rely on those below.
        below.iter().rev().for_each(|node| node.mark());
        node.mark();
        drop(tree);
        drop(remains);
        let mut waking = Waking { nodes: below.into_iter() };
        // If a waker panics, `waking` goes on as it is dropped.
        node.line.wake_all();
        waking.go_on();
    }
}

/// Nodes that are marked, and whose waiters are to be woken whatever happens.
struct Waking {
    nodes: std::vec::IntoIter<Arc<Node>>,
}

impl Waking {
    fn go_on(&mut self) {
        for node in self.nodes.by_ref() {
            node.line.wake_all();
        }
    }
}

impl Drop for Waking {
    fn drop(&mut self) {
        self.go_on();
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        // Who marks a node has taken it out of the tree. Relaxed: the last handle is gone, and with
        // it all who could mark it.
        if self.cancelled.load(Ordering::Relaxed) {
            return;
        }
        if let Position::Branch { root, index } = &self.position
            && let Position::Root(tree) = &root.position
        {
            tree.lock().remove(*index, self);
        }
    }
}

impl Default for CancellationToken {
    fn default() -> CancellationToken {
        CancellationToken::new()
    }
}

impl Clone for CancellationToken {
    fn clone(&self) -> CancellationToken {
        CancellationToken { node: Arc::clone(&self.node) }
    }
}

/// Whether both are clones of the same token.
impl PartialEq for CancellationToken {
    fn eq(&self, other: &CancellationToken) -> bool {
        Arc::ptr_eq(&self.node, &other.node)
    }
}

impl Eq for CancellationToken {}

// A panic of a waker leaves everything in order.
impl UnwindSafe for CancellationToken {}
impl RefUnwindSafe for CancellationToken {}

impl fmt::Debug for CancellationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CancellationToken").field("is_cancelled", &self.is_cancelled()).finish()
    }
}
