//! Which runtime it is, and which of its workers: two numbers.

use super::Handle;
use crate::scheduler::current;
use std::fmt;
use std::num::NonZeroU64;

/// The number of a runtime or of a [`LocalSet`](crate::local::LocalSet), which nothing else of these in
/// the process ever has.
///
/// The counterpart of tokio's `runtime::Id`.
///
/// # Examples
///
/// ```
/// use filch::runtime::Runtime;
///
/// let (one, other) = (Runtime::new().unwrap(), Runtime::new().unwrap());
/// assert_eq!(one.handle().id(), one.handle().clone().id());
/// assert_ne!(one.handle().id(), other.handle().id());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Id(NonZeroU64);

impl Id {
    pub(crate) fn new(number: NonZeroU64) -> Id {
        Id(number)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Handle {
    /// The number of the runtime.
    pub fn id(&self) -> Id {
        Id::new(self.scheduler().number())
    }
}

/// The number of the worker that this thread is, for the methods of
/// [`RuntimeMetrics`](super::RuntimeMetrics) that take one.
///
/// `None` on all other threads: on those of the blocking pool and in `block_on` of a multi-thread runtime.
/// `None` as well while the worker is away in `block_in_place`, and on its substitute. After an await the
/// task may be on another worker. The counterpart of tokio's function of this name.
///
/// # Examples
///
/// ```
/// use filch::runtime::{Runtime, worker_index};
///
/// let runtime = Runtime::new().unwrap();
/// assert_eq!(worker_index(), None);
/// runtime.block_on(async {
///     let index = filch::spawn(async { worker_index() }).await.unwrap();
///     assert!(index.is_some());
/// });
/// ```
pub fn worker_index() -> Option<usize> {
    current::with_worker(|worker| {
        let worker = worker?;
        let index = worker.index();
        (index < worker.scheduler().config().workers).then_some(index)
    })
}
