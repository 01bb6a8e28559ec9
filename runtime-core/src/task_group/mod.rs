//! `TaskGroup`: children that never outlive their block.

mod child;
mod error;
mod scope;
mod shared;

pub use child::{ChildError, GroupHandle, Started};
pub use error::{GroupError, TaskError};
pub use scope::Scope;

use crate::spawn;
use crate::task::{CancelReason, JoinHandle, polled};
use child::Child;
use runtime_sync::channel::oneshot;
use runtime_sync::lock::Semaphore;
use shared::Shared;
use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::sync::Arc;

/// What a group does when a child fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum ErrorPolicy {
    /// The body and the other children are cancelled.
    #[default]
    CancelSiblings,
    /// The others go on; the errors are told when all have ended.
    WaitAll,
    /// The others go on, and the block does not fail: [`TaskGroup::take_errors`] tells. If the body
    /// itself fails, that is the one error of the block.
    Collect,
}

/// A group of tasks that never outlive the block they were spawned in.
///
/// [`TaskGroup::scope`] awaits the future that its body makes, and then all children, those too that
/// were spawned meanwhile by other children through a clone of the group. Nothing is left running when
/// it is over:
///
/// - If a child or the body returns an error, the body and the other children are
///   [cancelled](crate::task::JoinHandle::cancel), which lets them clean up, and awaited; all errors
///   come out together. The body goes no further than to where it waits, and does not see what became of
///   its children. See [`ErrorPolicy`] for other ways.
/// - If one panics, the same happens, and the first panic is resumed in the end.
/// - If what is around is cancelled, so are the body and the children; they are awaited, and the
///   cancellation goes on. If any of them fails meanwhile, the errors come out, and the next wait of
///   the task is given up. So with the value of a body that is ready when no child is left.
/// - A child that ends because it was cancelled or aborted is no error.
/// - If the block is dropped, the children are cancelled, and run their clean-up in the background:
///   only then can they outlive it.
///
/// The counterpart of `asyncio.TaskGroup`, and of trio's nurseries.
///
/// # Examples
///
/// ```
/// use filch::TaskGroup;
///
/// # #[derive(Debug)] struct Failed;
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let sum = TaskGroup::scope(|group| async move {
///     let one = group.spawn(async { Ok::<_, Failed>(1) });
///     let two = group.spawn(async { Ok(2) });
///     Ok(one.await.unwrap() + two.await.unwrap())
/// });
/// assert_eq!(sum.await.unwrap(), 3);
/// # });
/// ```
pub struct TaskGroup<E> {
    shared: Arc<Shared<E>>,
}

impl<E> Clone for TaskGroup<E> {
    fn clone(&self) -> TaskGroup<E> {
        TaskGroup { shared: self.shared.clone() }
    }
}

/// The group is over: it takes no more children. The future is given back.
pub struct GroupClosed<F>(pub F);

impl<F> fmt::Debug for GroupClosed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("GroupClosed(..)")
    }
}

impl<F> fmt::Display for GroupClosed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the task group is over and takes no more children")
    }
}

impl<F> std::error::Error for GroupClosed<F> {}

/// How a group is to behave; see [`TaskGroup::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until its `scope` is awaited"]
pub struct GroupBuilder<E> {
    policy: ErrorPolicy,
    limit: Option<usize>,
    errors: PhantomData<fn() -> E>,
}

impl<E> Default for GroupBuilder<E> {
    fn default() -> GroupBuilder<E> {
        GroupBuilder { policy: ErrorPolicy::default(), limit: None, errors: PhantomData }
    }
}

impl<E> GroupBuilder<E> {
    /// What happens when a child fails. Default: [`ErrorPolicy::CancelSiblings`].
    pub fn policy(mut self, policy: ErrorPolicy) -> GroupBuilder<E> {
        self.policy = policy;
        self
    }

    /// How many children run at a time; the others wait in line for their turn. One that is spawned in the
    /// very moment in which a turn becomes free may take it before the first in line has woken up, as with
    /// a [`Semaphore`]: once, not again and again.
    ///
    /// # Panics
    ///
    /// If `limit` is 0: nobody would ever run.
    #[track_caller]
    pub fn limit(mut self, limit: usize) -> GroupBuilder<E> {
        assert!(limit > 0, "a task group with a limit of 0 would never run a child");
        self.limit = Some(limit);
        self
    }

    /// Awaits the future that `body` makes, and all children; see [`TaskGroup::scope`].
    pub fn scope<B, F, T>(self, body: B) -> Scope<F, T, E>
    where
        B: FnOnce(TaskGroup<E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        let limit = self.limit.map(|limit| Arc::new(Semaphore::new(limit)));
        let group = TaskGroup { shared: Arc::new(Shared::new(self.policy, limit)) };
        Scope::new(body(group.clone()), group.shared)
    }
}

impl<E> TaskGroup<E> {
    /// A group that behaves otherwise than usual.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::{TaskGroup, task_group::ErrorPolicy};
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let polite = TaskGroup::<&str>::builder().policy(ErrorPolicy::WaitAll).limit(2);
    /// let outcome = polite.scope(|group| async move {
    ///     group.spawn(async { Err::<(), _>("one") });
    ///     group.spawn(async { Err::<(), _>("two") });
    ///     Ok(())
    /// });
    /// assert_eq!(outcome.await.unwrap_err().errors().len(), 2);
    /// # });
    /// ```
    pub fn builder() -> GroupBuilder<E> {
        GroupBuilder::default()
    }

    /// Awaits the future that `body` makes of a group, and then all children of the group.
    ///
    /// The body is no task of its own: it may borrow from what is around.
    ///
    /// # Errors
    ///
    /// [`GroupError`] with all errors, in the order in which they came, if any child or the body
    /// returned one.
    ///
    /// # Panics
    ///
    /// With the first panic of the body or a child, after all children have ended.
    ///
    /// # Cancel safety
    ///
    /// Dropping it cancels the children; see [`TaskGroup`].
    pub fn scope<B, F, T>(body: B) -> Scope<F, T, E>
    where
        B: FnOnce(TaskGroup<E>) -> F,
        F: Future<Output = Result<T, E>>,
    {
        GroupBuilder::default().scope(body)
    }

    /// Spawns a child. Its handle gives its output; it need not be awaited.
    ///
    /// A child of a group that is being cancelled is cancelled before it begins.
    ///
    /// # Panics
    ///
    /// If the group is over (see [`try_spawn`](TaskGroup::try_spawn)), or this thread is in no runtime.
    #[track_caller]
    pub fn spawn<F, T>(&self, future: F) -> GroupHandle<T>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        match self.try_spawn(future) {
            Ok(handle) => handle,
            Err(closed) => panic!("{closed}"),
        }
    }

    /// Spawns a child, unless the group is over.
    ///
    /// # Errors
    ///
    /// [`GroupClosed`] with the future, if the body and all children have ended.
    ///
    /// # Panics
    ///
    /// If this thread is in no runtime.
    #[track_caller]
    pub fn try_spawn<F, T>(&self, future: F) -> Result<GroupHandle<T>, GroupClosed<F>>
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        let (number, task) = self.enroll(future)?;
        Ok(self.enrolled(number, spawn::spawn(task)))
    }

    /// What the task of a child is to do, and its number: the first half of `try_spawn`, for models
    /// that spawn in their own way.
    #[doc(hidden)]
    pub fn enroll<F, T>(
        &self,
        future: F,
    ) -> Result<(u64, impl Future<Output = Option<T>> + use<F, T, E>), GroupClosed<F>>
    where
        F: Future<Output = Result<T, E>>,
    {
        let Some(member) = Shared::enter(&self.shared) else { return Err(GroupClosed(future)) };
        Ok((member.number(), Child::new(future, member, self.shared.limit())))
    }

    /// The task of the child was spawned: the second half of `try_spawn`.
    #[doc(hidden)]
    pub fn enrolled<T>(&self, number: u64, task: JoinHandle<Option<T>>) -> GroupHandle<T> {
        self.shared.know(number, task.abort_handle());
        GroupHandle::new(task)
    }

    /// Spawns a child and waits until it says that it is ready; it then goes on in the background.
    ///
    /// The counterpart of trio's `Nursery.start`.
    ///
    /// # Errors
    ///
    /// [`ChildError`] if the child ended without having said so. If it failed, its error is the
    /// group's, as ever.
    ///
    /// # Panics
    ///
    /// As [`spawn`](TaskGroup::spawn).
    ///
    /// # Cancel safety
    ///
    /// The child goes on if this is dropped.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::{TaskGroup, net::TcpListener};
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let done = TaskGroup::scope(|group| async move {
    ///     let address = group
    ///         .start(|started| async move {
    ///             let listener = TcpListener::bind("127.0.0.1:0").await?;
    ///             started.send(listener.local_addr()?);
    ///             listener.accept().await.map(drop)
    ///         })
    ///         .await
    ///         .unwrap();
    ///     filch::net::TcpStream::connect(address).await.map(drop)
    /// });
    /// done.await.unwrap();
    /// # });
    /// ```
    pub async fn start<B, F, V>(&self, body: B) -> Result<V, ChildError>
    where
        B: FnOnce(Started<V>) -> F,
        F: Future<Output = Result<(), E>> + Send + 'static,
        V: Send + 'static,
        E: Send + 'static,
    {
        let (sender, receiver) = oneshot::channel();
        let handle = self.spawn(body(Started(sender)));
        match receiver.await {
            Ok(value) => Ok(value),
            // It has ended, or is about to: how, it knows itself.
            Err(_) => Err(match handle.await {
                Ok(()) => ChildError::Failed,
                Err(error) => error,
            }),
        }
    }

    /// Cancels the body and all children: the group ends early, and that is no error. Does nothing
    /// the second time, or if the group is over. The body goes no further than to where it waits.
    ///
    /// The block gives the body's output if that has come already; otherwise
    /// [`GroupError`] is returned, without an error in it. The counterpart of `TaskGroup.cancel` of
    /// Python 3.15.
    pub fn cancel(&self, reason: impl Into<CancelReason>) {
        self.shared.cancel(Arc::new(reason.into().or_by(polled::id())));
    }

    /// Whether the group is being cancelled, by [`cancel`](TaskGroup::cancel) or because of an error.
    pub fn is_cancelled(&self) -> bool {
        self.shared.reason().is_some()
    }

    /// How many children have not ended.
    pub fn len(&self) -> usize {
        self.shared.len()
    }

    /// Whether all children have ended.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the errors that have come so far.
    pub fn take_errors(&self) -> Vec<TaskError<E>> {
        self.shared.take_errors()
    }
}

impl<E> fmt::Debug for TaskGroup<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskGroup").field("len", &self.len()).finish_non_exhaustive()
    }
}
