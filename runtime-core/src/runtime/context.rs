//! Which runtime is this thread in: what timers, sockets and spawns ask.

use super::Handle;
use crate::clock::Clock;
use crate::reactor::Reactor;
pub use crate::scheduler::HomeRef;
use crate::scheduler::current;
use crate::task::{Unhandled, polled};
use crate::unwind::{Payload, discard, message};
use runtime_sync::primitives::Arc;

/// What to tell a caller who is outside of any runtime.
pub const NO_RUNTIME: &str = "there is no filch runtime on this thread: call this from a task, \
                              inside `Runtime::block_on` or under `Handle::enter`";

/// The runtime this thread is in.
pub fn handle() -> Option<Handle> {
    current::with_scheduler(|scheduler| scheduler.cloned().map(Handle::new))
}

/// Whether this thread drives async work, so that it must not block on any other.
pub fn is_driving() -> bool {
    current::is_driving()
}

/// The home whose wheel a timer belongs to that is polled on this thread.
#[inline]
pub fn timer_home() -> Option<HomeRef> {
    worker_home().or_else(outside)
}

/// The same if this thread has a worker of the runtime it is in.
#[inline]
pub fn worker_home() -> Option<HomeRef> {
    current::with_worker(|worker| {
        worker.filter(|worker| current::is_in(worker.scheduler())).map(|worker| worker.lend())
    })
}

/// The same if it has none, but is in a runtime.
#[inline]
pub fn home_of_outsiders() -> Option<HomeRef> {
    let works = current::with_worker(|worker| {
        worker.is_some_and(|worker| current::is_in(worker.scheduler()))
    });
    if works { None } else { outside() }
}

#[cold]
fn outside() -> Option<HomeRef> {
    current::with_scheduler(|scheduler| scheduler.cloned().map(HomeRef::outside))
}

/// Calls `f` with the clock of the runtime this thread is in.
pub fn with_clock<R>(f: impl FnOnce(Option<&Clock>) -> R) -> R {
    current::with_scheduler(|scheduler| f(scheduler.map(|scheduler| scheduler.clock())))
}

/// The reactor of the runtime this thread is in.
pub fn reactor() -> Option<Arc<Reactor>> {
    current::with_scheduler(|scheduler| scheduler.map(|scheduler| scheduler.reactor().clone()))
}

/// Whether the runtime this thread is in has a single worker and so a clock that may be paused.
pub fn is_current_thread() -> bool {
    current::with_scheduler(|scheduler| scheduler.is_some_and(|s| !s.config().multi_thread))
}

/// Reports what nobody will learn of to the hook of the runtime this thread is in, or to the log.
pub fn report(unhandled: &Unhandled) {
    unhandled.report(current::unhandled_hook().as_ref());
}

/// Reports a panic that ends no task: of a callback, or a second one where only one goes on.
pub fn report_panic(payload: Payload) {
    report(&Unhandled::panic(polled::info(), message(&*payload)));
    discard(payload);
}

/// The clock was moved: timers are to be looked at before the next poll.
pub fn look_around_soon() {
    current::with_worker(|worker| {
        if let Some(worker) = worker {
            worker.look_around_soon();
        }
    });
}
