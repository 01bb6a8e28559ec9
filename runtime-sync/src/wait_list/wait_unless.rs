//! The simplest future upon a line: wait for a wake, unless a condition holds.

use std::fmt;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::{Left, WaitList, Waiter};

impl WaitList<()> {
    /// Waits in line until woken, unless `condition` holds when it is about to enter.
    ///
    /// The condition is looked at under the lock of the line, so that no wake that follows a
    /// change of it is lost. It is not looked at again after the wake: whoever must be sure loops.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future gives up its place in line. If it was given the wake of a
    /// [`wake_one`](WaitList::wake_one) that it does not know of yet, the next in line is woken.
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list = WaitList::new();
    /// runtime_sync::block_on(list.wait_unless(|| true));
    /// ```
    pub fn wait_unless<C: FnMut() -> bool>(&self, condition: C) -> WaitUnless<'_, C> {
        WaitUnless { waiter: self.waiter(), condition }
    }
}

pin_project! {
    /// The future of [`WaitList::wait_unless`].
    ///
    /// # Examples
    ///
    /// ```
    /// use runtime_sync::wait_list::WaitList;
    ///
    /// let list = WaitList::new();
    /// let waits = list.wait_unless(|| false);
    /// # drop(waits);
    /// ```
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct WaitUnless<'a, C> {
        #[pin]
        waiter: Waiter<'a, ()>,
        condition: C,
    }

    impl<C> PinnedDrop for WaitUnless<'_, C> {
        fn drop(this: Pin<&mut Self>) {
            let waiter = this.project().waiter;
            let list = waiter.list();
            if let Left::Chosen(()) = waiter.leave() {
                list.wake_one();
            }
        }
    }
}

impl<C: FnMut() -> bool> Future for WaitUnless<'_, C> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.project();
        let waited = this.waiter.poll_wait(cx, |_| match (this.condition)() {
            true => ControlFlow::Break(()),
            false => ControlFlow::Continue(()),
        });
        waited.map(|_| ())
    }
}

impl<C> fmt::Debug for WaitUnless<'_, C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("WaitUnless").field(&self.waiter).finish()
    }
}
