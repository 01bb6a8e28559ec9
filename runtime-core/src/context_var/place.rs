//! Where the current context is: with what is being polled, with the task, or with the thread.
//!
//! A task that has inherited values, a closure that has, and whatever runs in a [`Context`] *enter*
//! their place for the length of each poll or call. A task without one is spared that. If it sets a
//! variable all the same, its context is kept beside the task's [`Requests`], until it completes.

use super::context::{Context, InContext};
use super::vars::{Key, Value, Vars};
use crate::task::{Header, Requests, polled};
use std::cell::RefCell;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// A context, or what will become one as soon as a variable is set in it.
#[derive(Clone)]
pub(crate) enum Place {
    /// Values of another context, as they were at some moment.
    Copied(Vars),
    /// A context.
    Own(Context),
}

/// The place that was entered last on this thread, and in which task.
struct Entered {
    /// To be compared, never followed. Null: outside of tasks.
    task: *const Header,
    place: Place,
}

thread_local! {
    static ENTERED: RefCell<Entered> = const {
        RefCell::new(Entered { task: ptr::null(), place: Place::Copied(Vars::NONE) })
    };
}

/// Whether any variable was ever set in this process.
///
/// Relaxed everywhere: a thread that reads false has seen no context in which one was set, since
/// whatever hands a context to another thread orders the store before the load.
static USED: AtomicBool = AtomicBool::new(false);

/// What a task that is spawned here inherits, if anything.
#[inline(always)]
pub(crate) fn inherited() -> Option<Place> {
    if USED.load(Ordering::Relaxed) { copied() } else { None }
}

#[cold]
#[inline(never)]
fn copied() -> Option<Place> {
    let vars = here().vars();
    (vars.len() > 0).then_some(Place::Copied(vars))
}

/// The values that are current here.
pub(super) fn vars() -> Vars {
    if USED.load(Ordering::Relaxed) { here().vars() } else { Vars::NONE }
}

/// The value of a variable here.
pub(super) fn get(key: Key) -> Option<Value> {
    if USED.load(Ordering::Relaxed) { here().vars().get(key) } else { None }
}

/// Sets a variable here, or takes its value out: returns what it was before, and where here is.
pub(super) fn replace(key: Key, value: Option<Value>) -> (Option<Value>, Context) {
    USED.store(true, Ordering::Relaxed);
    let context = match here() {
        Place::Own(context) => context,
        Place::Copied(vars) => settle(Context::of(vars)),
    };
    (context.replace(key, value), context)
}

/// The context in which the caller may set variables, if there is one already.
pub(super) fn context() -> Option<Context> {
    match here() {
        Place::Own(context) => Some(context),
        Place::Copied(_) => None,
    }
}

fn here() -> Place {
    let task = polled::pointer();
    let entered = ENTERED.try_with(|entered| {
        let entered = entered.borrow();
        (entered.task == task).then(|| entered.place.clone())
    });
    let of_task = || Some(Place::Own(Context::restore(Requests::find_here()?.kept()?)));
    entered.ok().flatten().or_else(of_task).unwrap_or(Place::Copied(Vars::NONE))
}

/// Makes `context` the current one in the place of copied values, and returns it.
fn settle(context: Context) -> Context {
    let task = polled::pointer();
    let own = Place::Own(context.clone());
    let before = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        (entered.task == task).then(|| mem::replace(&mut entered.place, own))
    });
    match before {
        Ok(None) => Context::restore(Requests::here().keep(context.into_kept())),
        // On a thread whose memory is gone nobody will see the value.
        Ok(Some(_)) | Err(_) => context,
    }
}

impl Place {
    fn vars(&self) -> Vars {
        match self {
            Place::Copied(vars) => vars.clone(),
            Place::Own(context) => context.vars(),
        }
    }

    /// Calls `f` in here.
    pub(crate) fn within<R>(&mut self, f: impl FnOnce() -> R) -> R {
        /// Leaves the place, also when unwinding.
        struct Leave<'a> {
            place: &'a mut Place,
            task: *const Header,
        }
        impl Drop for Leave<'_> {
            fn drop(&mut self) {
                swap(self.place, self.task);
            }
        }
        let task = swap(self, polled::pointer());
        let _leave = Leave { place: self, task };
        f()
    }

    /// A future that is polled and dropped in here.
    pub(crate) fn hold<F>(self, future: F) -> Held<F::Output>
    where
        F: Future + Send + 'static,
    {
        InContext::new(self, Box::pin(future))
    }

    /// The same for a future that stays on this thread.
    pub(crate) fn hold_local<F>(self, future: F) -> HeldLocal<F::Output>
    where
        F: Future + 'static,
    {
        InContext::new(self, Box::pin(future))
    }
}

/// A future with its context, in a box of its own: the code of such a task is there once per output,
/// and not a second time per future.
pub(crate) type Held<T> = InContext<Pin<Box<dyn Future<Output = T> + Send>>>;
/// The same for a future that stays on its thread.
pub(crate) type HeldLocal<T> = InContext<Pin<Box<dyn Future<Output = T>>>>;

/// Swaps the place that is entered with another one of another task.
fn swap(place: &mut Place, task: *const Header) -> *const Header {
    let swapped = ENTERED.try_with(|entered| {
        let mut entered = entered.borrow_mut();
        mem::swap(&mut entered.place, place);
        mem::replace(&mut entered.task, task)
    });
    swapped.unwrap_or(ptr::null())
}

/// The values that are current here, for what is called later: it has its own copy of them.
pub(crate) fn copy() -> Place {
    Place::Copied(vars())
}

/// A closure that takes what is current here along, to wherever it is called.
pub(crate) fn carry<R, F: FnOnce() -> R>(f: F) -> impl FnOnce() -> R + use<R, F> {
    let mut place = copy();
    move || place.within(f)
}
