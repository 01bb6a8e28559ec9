//! The end of a worker: every task of it is dropped, on its own thread.

use super::worker::Worker;
use runtime_sync::primitives::thread;
use std::time::Duration;

impl Worker {
    /// The end: every task of this worker is dropped, on this thread, and its timers are closed. To be
    /// called inside of [`current::run_as`].
    pub(crate) fn wind_up(&self) {
        self.drop_tasks();
        crate::unwind::contain(|| self.remote.timers.close());
        // That woke tasks of other workers, who wait for them: they are in our queue now.
        self.drop_tasks();
        self.open.set(false);
        self.close_roster();
    }

    fn drop_tasks(&self) {
        loop {
            let mut found = false;
            while let Some(runnable) = self
                .queue
                .pop()
                .or_else(|| self.remote.lifo.take())
                .or_else(|| self.scheduler().injector.pop())
            {
                found = true;
                self.give_up(runnable);
            }
            self.accept_pinned();
            loop {
                let Some(runnable) = self.pinned.borrow_mut().pop_front() else { break };
                found = true;
                self.give_up(runnable);
            }
            self.bury_dead();
            // Idle tasks are queued by this, and dropped in the next round. What another thread
            // polls or is about to queue comes back by itself: wait for it.
            if !self.abort_all() && !found {
                break;
            }
            if !self.has_tasks() {
                thread::park_timeout(Duration::from_micros(200));
            }
        }
    }

    fn has_tasks(&self) -> bool {
        !self.queue.is_empty()
            || !self.remote.lifo.is_empty()
            || !self.pinned.borrow().is_empty()
            || !self.remote.inbox.is_empty()
            || !self.scheduler().injector.is_empty()
    }
}
