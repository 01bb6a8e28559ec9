//! Children that nobody waits for any more: reaped in the background, so that no zombie stays.
//!
//! An orphan is reaped by a task of the runtime that it was spawned on. When that runtime shuts down
//! first, the orphan is left in a list, and whoever next spawns a child or leaves an orphan in this
//! process looks through the list. So a zombie stays only as long as the process has nothing to do
//! with children.

use std::future::Future;
use std::pin::Pin;
use std::process::{Child, ExitStatus};
use std::sync::LazyLock;
use std::task::{Context, Poll, ready};

use runtime_core::runtime::Handle;
use runtime_sync::primitives::Mutex;

use super::exit::Exit;

/// Orphans whose runtime has shut down.
static LEFT: LazyLock<Mutex<Vec<Child>>> = LazyLock::new(Mutex::default);

/// Reaps those of the orphans that were left and have ended.
pub(super) fn sweep() {
    // An error means that there is no such child any more.
    LEFT.lock().retain_mut(|child| matches!(child.try_wait(), Ok(None)));
}

/// Has `child` reaped when it ends.
pub(super) fn adopt(child: Child, exit: Exit, handle: &Handle) {
    sweep();
    drop(handle.spawn(Orphan { exit, child: Some(child) }));
}

/// Ends when its child is reaped. Dropped before that, it leaves the child in the list.
struct Orphan {
    exit: Exit,
    child: Option<Child>,
}

impl Future for Orphan {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let Orphan { exit, child } = &mut *self;
        if let Some(waiting) = child
            && ready!(exit.poll_wait(cx, waiting)).is_ok()
        {
            *child = None;
        }
        Poll::Ready(())
    }
}

impl Drop for Orphan {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take()
            && is_running(child.try_wait())
        {
            LEFT.lock().push(child);
        }
    }
}

/// Whether a child is to be waited for still.
pub(super) fn is_running(outcome: std::io::Result<Option<ExitStatus>>) -> bool {
    matches!(outcome, Ok(None))
}
