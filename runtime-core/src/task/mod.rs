//! A task's life, and who may touch which field when.
//!
//! ```text
//!               1 new                2 begin                     5 complete
//!    (spawn) ─────────▶  OWNED, queued ────────▶ OWNED, polled ─────────────▶ COMPLETE ── 6 ──▶ freed
//!                         ▲     ▲                   │   │                        │
//!                  3 wake │     └─ 4b pend: Again ──┘   │ 4a pend: Idle          └─ the JoinHandle
//!                         │                             ▼                           takes the output
//!                         └──────────────────────────  idle       abort: ABORTED is set, then as 3 or 4b
//!                                                                 cancel: ASKED is set, then as 3 or 4b
//! ```
//!
//! Each arrow is a method of [`state::State`]. 6 happens when the task is complete and the last
//! reference (`JoinHandle`, `AbortHandle`, waker) goes, whichever comes later.
//!
//! | who | may touch |
//! |---|---|
//! | holder of the `Runnable` (`OWNED`) | the future; at completion the output |
//! | `JoinHandle` | the output after completion; the join waker's place while `JOIN_WAKER` is clear |
//! | completer, `JOIN_WAKER` set | the join waker's place |
//! | the home's thread | the links of the roster |
//! | anybody with a reference | the state word, number, name and birthplace |
//!
//! A task that is cancelled ends as one that is aborted, unless a frame is open in it: then it is
//! polled, and its frames clean up before they pass the request on; see [`Requests`].
//!
//! A task that somebody wants to be told of ([`on_end`]) has a list of callbacks beside it, which whoever
//! completes it calls.
//!
//! A living task is kept by its home's [`Roster`], not by a count: a wake costs one
//! read-modify-write, a first poll none, a completion one or two. The `Runnable` of a task that is
//! being polled or queued is the only one, so that the future needs no lock.
//!
//! A task knows its home only by the trait [`Schedule`]: where its `Runnable` goes when it is woken,
//! and where its memory goes when it is dead.

mod abort_on_drop;
mod cancel_reason;
#[expect(unsafe_code, reason = "future and output share one place; the state word says whose")]
mod cell;
mod ending;
mod id;
#[expect(unsafe_code, reason = "the output's type was erased")]
mod join;
#[expect(unsafe_code, reason = "a panic's payload is reached by nobody who shares it")]
mod join_error;
#[expect(unsafe_code, reason = "a stack whose links lie in the tasks")]
mod join_line;
#[expect(unsafe_code, reason = "lists of free memory")]
mod memory;
mod meta;
#[expect(unsafe_code, reason = "a thread-local pointer to the task")]
pub mod polled;
#[expect(unsafe_code, reason = "vtables and std's raw waker")]
mod raw;
mod requests;
#[expect(unsafe_code, reason = "turns the state word's permission into a value")]
mod roster;
#[expect(unsafe_code, reason = "the right to poll, as a value")]
mod runnable;
pub mod state;
mod table;
mod tally;
#[expect(unsafe_code, reason = "a reason and a mark in one word")]
mod told;
mod unhandled;

pub use abort_on_drop::{AbortOnDrop, AbortOnDropHandle};
pub use cancel_reason::{CancelReason, CancelSource};
pub use cell::Header;
pub use ending::{Ending, OnEnd, on_end, remove_on_end};
pub use id::Id;
pub use join::{AbortHandle, JoinHandle};
pub use join_error::JoinError;
pub use join_line::JoinLine;
pub(crate) use memory::Keep;
pub use meta::TaskMeta;
pub use requests::{Requests, cancel_for, fail_here};
pub use roster::{Dead, Roster};
pub use runnable::{Ran, Runnable, new, new_pinned};
pub use tally::{Count, Tally};
pub use unhandled::{TaskInfo, Unhandled, UnhandledHook, UnhandledKind};

/// A task's home: who runs it, and who gets its memory back.
pub trait Schedule: Sized + Send + Sync + 'static {
    /// Queues a task. The home is found in the `Runnable`, and must not be borrowed from it across
    /// the moment another thread can see it: that thread may run and free it.
    fn schedule(runnable: Runnable<Self>);

    /// Takes a dead task back. `self` was its home.
    fn reclaim(self, dead: Dead);

    /// Whether this thread may poll and drop the task's future. False only for tasks that are pinned
    /// to another thread.
    fn may_touch_future(&self) -> bool {
        true
    }

    /// Who is to be told of a panic of the task if nobody else learns of it. `home` is the task's,
    /// unless it never had one. Asked where the task has panicked, on the thread that polled it.
    fn unhandled_hook(home: Option<&Self>) -> Option<UnhandledHook> {
        let _ = home;
        None
    }
}
