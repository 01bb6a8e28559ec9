//! The roll: every task that lives is asked to end, each on the worker whose roster it is in.
//!
//! A roster is its worker's own. So whoever calls the roll marks all workers, and each of them, the
//! next time it looks around, asks its tasks. The tally counts workers that have not answered and tasks
//! that have not ended. Substitutes that are retired have no thread; the caller answers for them.

use super::worker::Worker;
use super::{Scheduler, current};
use crate::task::{AbortHandle, CancelReason, Count, Tally, TaskInfo, cancel_for};
use crate::unwind::contain;
use runtime_sync::primitives::Mutex;
use std::sync::Arc;
use std::task::Waker;

/// One request to all tasks.
#[derive(Debug)]
pub(crate) struct Roll {
    reason: Arc<CancelReason>,
    tally: Arc<Tally>,
    tasks: Mutex<Vec<AbortHandle>>,
}

/// What did not end in time.
#[derive(Debug, Default)]
pub(crate) struct Stuck {
    /// Tasks that were asked, and go on.
    pub(crate) tasks: Vec<TaskInfo>,
    /// Workers that are in one poll ever since, with the task if it is known.
    pub(crate) workers: Vec<(usize, Option<TaskInfo>)>,
}

impl Scheduler {
    /// Whether a task lives.
    pub(crate) fn has_tasks(&self) -> bool {
        // In this order: if both numbers are the same, there was a moment between in which no task
        // lived.
        let completed = self.completed();
        self.spawned() != completed
    }

    /// Asks every task to end that lives now and was begun.
    pub(crate) fn call_roll(&self, reason: &Arc<CancelReason>) -> Arc<Roll> {
        let roll = Arc::new(Roll {
            reason: reason.clone(),
            tally: Arc::new(Tally::new()),
            tasks: Mutex::new(Vec::new()),
        });
        // For this function itself: the tally is not done before all are marked.
        roll.tally.enter();
        let before = self.roll.lock().replace(roll.clone());
        drop(before);
        for (index, remote) in self.remotes.numbered() {
            roll.tally.enter();
            remote.ask_for_roll();
            remote.attend();
            let _ = self.idle.claim(index);
            self.unpark(index);
        }
        self.answer_for_the_retired();
        roll.tally.leave();
        roll
    }

    fn answer_for_the_retired(&self) {
        let retired = std::mem::take(&mut *self.retired.lock());
        for worker in retired {
            current::run_as(&worker, || worker.answer_roll());
            self.retire(worker);
        }
    }

    /// The roll is over, answered or not. Says what is left.
    pub(crate) fn end_roll(&self, roll: &Roll) -> Stuck {
        let gone = self.roll.lock().take();
        drop(gone);
        let workers = self.remotes.numbered().filter(|(_, remote)| remote.takes_roll());
        let workers = workers.map(|(index, remote)| (index, remote.polls())).collect();
        let tasks = std::mem::take(&mut *roll.tasks.lock());
        let unfinished = tasks.iter().filter(|task| !task.is_finished());
        Stuck { tasks: unfinished.map(AbortHandle::info).collect(), workers }
    }
}

impl Roll {
    /// Whether all have answered and all tasks have ended; otherwise `waker` is woken then.
    pub(crate) fn is_done(&self, waker: &Waker) -> bool {
        self.tally.is_done(waker)
    }

    /// How many tasks have ended, and how.
    pub(crate) fn count(&self) -> Count {
        self.tally.count()
    }
}

impl Worker {
    /// Asks the tasks of this worker to end, if somebody calls the roll.
    #[inline]
    pub(super) fn answer_roll(&self) {
        if self.remote().takes_roll() {
            self.ask_all();
        }
    }

    #[cold]
    fn ask_all(&self) {
        let Some(roll) = self.scheduler().roll.lock().clone() else { return };
        // Collected first: the wakers that are called may spawn and free tasks of this roster.
        let tasks = self.living();
        for task in &tasks {
            contain(|| _ = cancel_for(task, &roll.reason, &roll.tally));
        }
        roll.tasks.lock().extend(tasks);
        roll.tally.leave();
    }
}
