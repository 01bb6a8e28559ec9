//! `Command::pre_exec`: what a child does between its birth and its program.
//!
//! # Invariants
//!
//! - The closure is called in the child only, and what it may do there is the caller's promise.

use std::io;
use std::os::unix::process::CommandExt as _;

use super::Command;

impl Command {
    /// Has the child call `f` just before it becomes the program. May be called several times; an
    /// error of `f` is that of [`spawn`](Command::spawn).
    ///
    /// tokio's `pre_exec`, which is std's.
    ///
    /// # Safety
    ///
    /// - `f` runs in a copy of this process that has one thread, where any lock may be held for
    ///   ever: it must not lock, allocate, or touch the runtime, and calls only what a signal
    ///   handler may call.
    pub unsafe fn pre_exec<F>(&mut self, f: F) -> &mut Command
    where
        F: FnMut() -> io::Result<()> + Send + Sync + 'static,
    {
        // SAFETY: the caller has promised what std asks for.
        unsafe { self.as_std_mut().pre_exec(f) };
        self
    }
}
