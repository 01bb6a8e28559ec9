//! A task's number: unique in the process, and cheap to come by.

use std::cell::Cell;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

/// Identifies a task, for as long as the process lives.
///
/// Numbers are handed out to threads in ranges, so that a spawn touches no memory that other
/// threads write. They say nothing about the order of spawns on different threads.
///
/// The counterpart of tokio's `task::Id`.
///
/// # Examples
///
/// ```
/// # let rt = filch::runtime::Runtime::new().unwrap();
/// # rt.block_on(async {
/// let one = filch::spawn(async { filch::task::id() });
/// let id = one.id();
/// assert_eq!(one.await.unwrap(), id);
/// # });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Id(NonZeroU64);

/// How many numbers a thread takes at a time.
const RANGE: u64 = 1 << 12;

static NEXT_RANGE: AtomicU64 = AtomicU64::new(1);

thread_local! {
    /// The next number of this thread, and the end of its range.
    static RANGE_LEFT: Cell<(u64, u64)> = const { Cell::new((0, 0)) };
}

impl Id {
    /// No task has a smaller number.
    pub(crate) const MIN: Id = Id(NonZeroU64::MIN);

    /// The number as such.
    pub(crate) fn number(self) -> u64 {
        self.0.get()
    }

    /// The next number.
    #[inline]
    pub(crate) fn next() -> Id {
        let number = RANGE_LEFT.with(|range| {
            let (mut next, mut end) = range.get();
            if next == end {
                // Relaxed: only the addition's atomicity matters.
                next = NEXT_RANGE.fetch_add(RANGE, Ordering::Relaxed);
                end = next + RANGE;
            }
            range.set((next + 1, end));
            next
        });
        Id(NonZeroU64::new(number).expect("ranges begin at one"))
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Id({})", self.0)
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
