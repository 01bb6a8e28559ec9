//! `select!`: wait for the first.
//!
//! The branches are read and the code is written by `runtime-macros/src/select.rs`. Here is the
//! macro with its documentation, and what the written code calls.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

/// Waits for several futures and runs the handler of the first one that completes.
///
/// A branch is `pattern = future => handler`, with an optional precondition:
/// `pattern = future, if precondition => handler`. There may be up to 64, and at the end one
/// `else => handler`. A handler is a block, or an expression with a comma behind it. All handlers
/// have the same type; the value of the one that runs is the value of the `select!`.
///
/// `select!` is used inside async code. Its futures run on the current task, by turns, not at the
/// same time: they may borrow what the task owns, and handlers may mutably borrow the same variable
/// in several branches. [`spawn`](fn@crate::spawn) is what makes things run in parallel.
///
/// # What happens, in order
///
/// 1. All preconditions are evaluated. A branch whose precondition is `false` is disabled.
/// 2. All future expressions are evaluated, those of disabled branches too; these are not polled.
/// 3. The futures of the enabled branches are polled until one is ready.
/// 4. If its output does not match the pattern, the branch is disabled, and the others go on.
/// 5. If it matches, all futures are dropped. Then the handler runs, in the place of the
///    `select!`: it can use `?`, `break`, `continue`, `return` and `.await`.
/// 6. When all branches are disabled, the `else` handler runs.
///
/// # Fairness
///
/// Each round of polls starts at a random branch, so that a branch which is always ready cannot
/// starve the others. With `biased;` before the first branch they are polled in the order in which
/// they are written. This is cheaper and lets the order express a priority; it is then up to the
/// author that an eager branch near the top leaves room for those below.
///
/// # Panics
///
/// Panics if all branches are disabled and there is no `else` branch.
///
/// # Cancel safety
///
/// The futures that lose are dropped. In a loop, what they had done so far is lost, unless their
/// documentation calls them cancel safe. To keep a future from one round to the next, make it
/// outside the loop, pin it with [`pin!`](crate::pin), and select on `&mut future`. Such a future
/// must not be selected on again after it has completed: use a precondition.
///
/// # Examples
///
/// The first of two:
///
/// ```
/// use std::future::{pending, ready};
///
/// # #[filch::main]
/// # async fn main() {
/// let winner = filch::select! {
///     number = ready(1) => number,
///     number = pending::<i32>() => number + 1,
/// };
/// assert_eq!(winner, 1);
/// # }
/// ```
///
/// Patterns and `else`:
///
/// ```
/// use std::future::ready;
///
/// # #[filch::main]
/// # async fn main() {
/// let found = filch::select! {
///     Some(name) = ready(None::<&str>) => name,
///     Ok(name) = ready(Err::<&str, _>("unknown")) => name,
///     else => "nobody",
/// };
/// assert_eq!(found, "nobody");
/// # }
/// ```
///
/// Two futures that are both awaited to their end, in whichever order:
///
/// ```
/// # #[filch::main]
/// # async fn main() {
/// filch::pin! {
///     let left = async { "left" };
///     let right = async { "right" };
/// }
/// let (mut left_done, mut right_done) = (false, false);
/// let mut words = Vec::new();
/// while !left_done || !right_done {
///     filch::select! {
///         word = &mut left, if !left_done => {
///             left_done = true;
///             words.push(word);
///         }
///         word = &mut right, if !right_done => {
///             right_done = true;
///             words.push(word);
///         }
///     }
/// }
/// assert_eq!(words.len(), 2);
/// # }
/// ```
///
/// A priority:
///
/// ```
/// use std::future::ready;
///
/// # #[filch::main]
/// # async fn main() {
/// let first = filch::select! {
///     biased;
///     _ = ready(()) => "always this one",
///     _ = ready(()) => "never this one",
/// };
/// assert_eq!(first, "always this one");
/// # }
/// ```
///
/// A branch without a handler is refused:
///
/// ```compile_fail
/// # async fn example() {
/// filch::select! {
///     number = std::future::ready(1),
/// }
/// # }
/// ```
#[macro_export]
macro_rules! select {
    ($($branches:tt)*) => {
        $crate::__private::select_branches! { $crate { $($branches)* } }
    };
}

/// All branches once, from `start` round to the one before it.
#[inline]
pub fn round(start: u32, count: u32) -> impl Iterator<Item = u32> {
    (start..start + count).map(move |branch| if branch < count { branch } else { branch - count })
}

/// Whether the current task may poll further; if not, it has been woken to go on later.
///
/// Nothing is taken from the budget: the futures of the branches do that.
#[inline]
pub fn poll_budget(cx: &mut Context<'_>) -> Poll<()> {
    runtime_sync::budget::poll_proceed(cx).map(drop)
}

/// A number below `n`, any of them about as likely.
#[inline]
pub fn random(n: u32) -> u32 {
    let high = STATE.with(|state| {
        let next = step(state.get());
        state.set(next);
        next >> 32
    });
    // The high half is a fraction of 2^32; the same fraction of `n` needs no division.
    ((high * u64::from(n)) >> 32) as u32
}

/// What a `select!` without `else` does when no branch is left.
#[cold]
#[track_caller]
pub fn all_branches_disabled() -> ! {
    panic!("all branches are disabled and there is no else branch")
}

/// For a place that is reached only if the same value matches a pattern once, but not twice.
#[cold]
#[track_caller]
pub fn pattern_changed_its_mind() -> ! {
    unreachable!("a pattern of select! matched a value only once")
}

thread_local! {
    static STATE: Cell<u64> = Cell::new(seed());
}

/// A seed of its own for each thread: a count, and an address that the system has chosen.
fn seed() -> u64 {
    static THREADS: AtomicU64 = AtomicU64::new(1);
    let thread = THREADS.fetch_add(1, Ordering::Relaxed);
    let place = (&raw const thread).addr() as u64;
    scramble(thread.wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ place).max(1)
}

/// Spreads each bit of the input over all of the output (the finalizer of MurmurHash3).
fn scramble(mut word: u64) -> u64 {
    word = (word ^ (word >> 33)).wrapping_mul(0xFF51_AFD7_ED55_8CCD);
    word = (word ^ (word >> 33)).wrapping_mul(0xC4CE_B9FE_1A85_EC53);
    word ^ (word >> 33)
}

/// Marsaglia's xorshift: never zero unless it starts so, and round again after 2^64 - 1 steps.
fn step(mut word: u64) -> u64 {
    word ^= word << 13;
    word ^= word >> 7;
    word ^ (word << 17)
}
