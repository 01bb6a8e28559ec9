//! Callbacks that wait to run on a runtime, and the task that runs them one after another.
//!
//! ```text
//!   call_soon, post, timers, what waits for tasks and promises ──▶ line ──▶ clerk (a task) ──▶ run
//! ```
//!
//! The *clerk* is spawned with the first callback of a burst and ends with the last. As there is one at
//! a time, callbacks of a runtime run in the order of the line and never two at once, on every flavour.
//!
//! What is in the line runs, whatever happens: a clerk that is dropped, because somebody cancels all tasks,
//! runs what waits by then, and another one takes over; if the runtime is closed, it runs what comes later
//! as well.

use super::{Birth, Scheduler, current};
use crate::context_var::Place;
use crate::task::{Unhandled, polled};
use crate::unwind::{Payload, catch, discard, message};
use runtime_sync::primitives::Mutex;
use std::borrow::Cow;
use std::collections::{BTreeSet, VecDeque};
use std::future::Future;
use std::panic::Location;
use std::pin::Pin;
use std::ptr;
use std::sync::Arc;
use std::task::{Context, Poll};

/// So many callbacks run before the clerk lets other tasks in.
const CALLS_PER_POLL: usize = 32;

/// The name by which a callback is known while it waits, so that it is in the line once.
type Key = Cow<'static, str>;

/// A callback, on its way to a runtime.
pub(crate) struct Call {
    f: Box<dyn FnOnce() + Send>,
    context: Place,
    key: Option<Key>,
    location: &'static Location<'static>,
}

/// The callbacks of one runtime.
pub(super) struct Calls {
    line: Mutex<Line>,
    /// The name of the clerks, which a stall report shows.
    name: Arc<str>,
}

struct Line {
    waiting: VecDeque<Call>,
    /// The keys of those that have one.
    keys: BTreeSet<Key>,
    /// There is a clerk.
    served: bool,
}

impl Call {
    /// A callback that was registered at `location`, in `context`: what was current there is current
    /// when it is called.
    pub(crate) fn new(
        f: impl FnOnce() + Send + 'static,
        context: Place,
        location: &'static Location<'static>,
    ) -> Call {
        Call { f: Box::new(f), context, key: None, location }
    }

    /// The same callback, with a name.
    pub(crate) fn with_key(self, key: Key) -> Call {
        Call { key: Some(key), ..self }
    }

    /// Runs it as what it is: no part of any task. Its panic is reported and goes no further.
    fn run(self) {
        struct Outside(*const crate::task::Header);
        impl Drop for Outside {
            fn drop(&mut self) {
                polled::set(self.0);
            }
        }
        let _outside = Outside(polled::set(ptr::null()));
        let Call { f, mut context, location, .. } = self;
        // What the context holds is dropped in there too.
        if let Err(payload) = catch(move || context.within(f)) {
            report(payload, location);
        }
    }
}

/// Tells the runtime of a callback that has panicked: nobody else is told.
fn report(payload: Payload, location: &'static Location<'static>) {
    let unhandled = Unhandled::callback(location, message(&*payload));
    unhandled.report(current::unhandled_hook().as_ref());
    discard(payload);
}

impl Calls {
    pub(super) fn new() -> Calls {
        let line = Line { waiting: VecDeque::new(), keys: BTreeSet::new(), served: false };
        Calls { line: Mutex::new(line), name: Arc::from("callbacks") }
    }

    /// Puts a callback into the line. True: the caller must send for a clerk.
    ///
    /// # Errors
    ///
    /// Gives it back if one with its key waits already.
    fn push(&self, call: Call) -> Result<bool, Call> {
        let mut line = self.line.lock();
        if let Some(key) = &call.key
            && !line.keys.insert(key.clone())
        {
            return Err(call);
        }
        line.waiting.push_back(call);
        Ok(!std::mem::replace(&mut line.served, true))
    }

    /// Takes the first one out of the line.
    fn pop(&self) -> Option<Call> {
        let mut line = self.line.lock();
        let call = line.waiting.pop_front()?;
        if let Some(key) = &call.key {
            line.keys.remove(key);
        }
        Some(call)
    }

    fn len(&self) -> usize {
        self.line.lock().waiting.len()
    }

    /// The clerk wants to go. False: somebody waits.
    fn may_go(&self) -> bool {
        let mut line = self.line.lock();
        line.served = !line.waiting.is_empty();
        !line.served
    }
}

impl Scheduler {
    /// Runs a callback soon, after those that wait already. Once the runtime is closed, it runs on this
    /// very thread.
    ///
    /// # Errors
    ///
    /// Gives it back if one with its key waits already.
    pub(crate) fn call_soon(self: &Arc<Scheduler>, call: Call) -> Result<(), Call> {
        if self.calls.push(call)? {
            self.send_for_clerk();
        }
        Ok(())
    }

    fn send_for_clerk(self: &Arc<Scheduler>) {
        let name = Some(self.calls.name.clone());
        drop(Birth::on(self).spawn(Clerk::new(self), name, Location::caller()));
    }
}

/// Runs what is in the line.
pub(crate) struct Clerk {
    scheduler: Arc<Scheduler>,
    done: bool,
}

impl Clerk {
    fn new(scheduler: &Arc<Scheduler>) -> Clerk {
        Clerk { scheduler: scheduler.clone(), done: false }
    }

    /// One that was sent for because of these, and has not begun.
    #[cfg(test)]
    pub(crate) fn for_these(scheduler: &Arc<Scheduler>, calls: Vec<Call>) -> Clerk {
        calls.into_iter().for_each(|call| assert!(scheduler.calls.push(call).is_ok()));
        Clerk::new(scheduler)
    }

    fn run_some(&self, count: usize) {
        for _ in 0..count {
            let Some(call) = self.scheduler.calls.pop() else { break };
            call.run();
        }
    }
}

impl Future for Clerk {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // What these add to the line has to wait until the other tasks had their turn.
        self.run_some(self.scheduler.calls.len().min(CALLS_PER_POLL));
        if self.scheduler.calls.may_go() {
            self.done = true;
            return Poll::Ready(());
        }
        if !current::yield_task(cx.waker()) {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    }
}

impl Drop for Clerk {
    fn drop(&mut self) {
        if self.done {
            return;
        }
        let _entered = current::Entered::new(self.scheduler.clone());
        loop {
            self.run_some(self.scheduler.calls.len());
            if self.scheduler.calls.may_go() {
                return;
            }
            if !self.scheduler.is_closed() {
                return self.scheduler.send_for_clerk();
            }
        }
    }
}
