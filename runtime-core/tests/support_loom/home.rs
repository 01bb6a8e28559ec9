//! A home for real tasks: a queue that anybody may run, and a roster.

use loom::sync::Mutex;
use runtime_core::task::{
    self, AbortHandle, Dead, JoinHandle, Ran, Roster, Runnable, Schedule, polled,
};
use std::collections::VecDeque;
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};

#[derive(Clone)]
pub struct Home(Arc<Office>);

pub struct Office {
    queue: Mutex<VecDeque<Runnable<Home>>>,
    roster: Roster,
    /// Loses what is woken: a mistake for a twin.
    careless: bool,
}

impl std::ops::Deref for Home {
    type Target = Office;
    fn deref(&self) -> &Office {
        &self.0
    }
}

impl Schedule for Home {
    fn schedule(runnable: Runnable<Home>) {
        let home = runnable.home().expect("born at home").clone();
        match home.careless {
            true => drop(runnable.into_raw()),
            false => home.queue.lock().unwrap().push_back(runnable),
        }
    }

    fn reclaim(self, dead: Dead) {
        self.roster.send_home(dead);
    }
}

impl Home {
    pub fn new() -> Home {
        Home::with_care(true)
    }

    pub fn with_care(care: bool) -> Home {
        let queue = Mutex::new(VecDeque::new());
        Home(Arc::new(Office { queue, roster: Roster::new(), careless: !care }))
    }

    /// Spawns a task, on the thread that owns the roster.
    #[allow(unsafe_code)]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (runnable, handle) = task::new(future, Some(self.clone()), None, Location::caller());
        // SAFETY: the models call this from the owner's thread, once a task.
        unsafe { runnable.enroll(&self.roster) };
        self.queue.lock().unwrap().push_back(runnable);
        handle
    }

    /// Polls what waits, until nothing does.
    pub fn run_all(&self) {
        while self.run_one() {}
    }

    /// Polls one that waits. False: there is none.
    pub fn run_one(&self) -> bool {
        let Some(runnable) = self.pop() else { return false };
        let before = polled::set(runnable.as_ptr());
        let ran = runnable.run(|| false);
        polled::set(before);
        if let Ran::Again(runnable) = ran {
            self.queue.lock().unwrap().push_back(runnable);
        }
        true
    }

    fn pop(&self) -> Option<Runnable<Home>> {
        self.queue.lock().unwrap().pop_front()
    }

    /// The owner frees what came home.
    #[allow(unsafe_code)]
    pub fn bury_all(&self) -> usize {
        // SAFETY: the models call this from the owner's thread, before `close`.
        unsafe { self.roster.bury_all() }
    }

    /// Handles of all tasks that live.
    #[allow(unsafe_code)]
    pub fn living(&self) -> Vec<AbortHandle> {
        // SAFETY: as in `bury_all`.
        unsafe { self.roster.living() }
    }

    pub fn holds_no_dead(&self) -> bool {
        !self.roster.has_dead()
    }

    #[allow(unsafe_code)]
    pub fn close(&self) -> usize {
        // SAFETY: the models call this from the owner's thread, when all tasks are complete.
        unsafe { self.roster.close() }
    }

    /// How many, but for the caller, refer to this home: the tasks that are not freed.
    pub fn tasks(&self) -> usize {
        Arc::strong_count(&self.0) - 1
    }
}

/// A future that is ready when `ready` says so, leaves its waker with `wakers` and counts its drops.
pub struct Waits {
    pub ready: Box<dyn FnMut() -> bool + Send>,
    pub wakers: Arc<std::sync::Mutex<Vec<Waker>>>,
    pub drops: Arc<AtomicUsize>,
}

impl Future for Waits {
    type Output = Counted;
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Counted> {
        if (self.ready)() {
            return Poll::Ready(Counted(self.drops.clone()));
        }
        let mut wakers = self.wakers.lock().unwrap();
        if wakers.is_empty() {
            wakers.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.drops.fetch_add(1, SeqCst);
    }
}

/// An output that counts its drop as a hundred.
pub struct Counted(pub Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_add(100, SeqCst);
    }
}
