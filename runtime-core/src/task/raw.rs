//! The type-erased pointer to a task, its vtable, and std's `Waker` upon it.
//!
//! # Invariants
//!
//! 1. A [`TaskRef`] and a waker each own one reference of the state word.
//! 2. A pointer in either belongs to a cell that lives, because of that reference.

use super::Schedule;
use super::cell::{self, Cell, Header, Named};
use super::id::Id;
use super::join_error::JoinError;
use super::join_line::Joiner;
use super::state::Wake;
use super::unhandled::{TaskInfo, UnhandledHook};
use runtime_sync::primitives;
use std::alloc::Layout;
use std::future::Future;
use std::mem::{ManuallyDrop, offset_of};
use std::panic::Location;
use std::ptr::NonNull;
use std::task::{RawWaker, RawWakerVTable, Waker};

/// What differs from one kind of task to the next. The contracts are those of the functions of the
/// same name in `cell.rs`.
///
/// Whatever can be done with these is written once for all tasks, and not compiled anew for each future.
pub(super) struct Vtable {
    pub(super) poll: unsafe fn(NonNull<Header>) -> bool,
    pub(super) drop_future: unsafe fn(NonNull<Header>),
    pub(super) output: unsafe fn(NonNull<Header>) -> NonNull<()>,
    pub(super) put_error: unsafe fn(NonNull<()>, JoinError),
    pub(super) empty_output: unsafe fn(NonNull<()>) -> Option<JoinError>,
    pub(super) schedule: unsafe fn(NonNull<Header>),
    pub(super) unhandled_hook: unsafe fn(NonNull<Header>) -> Option<UnhandledHook>,
    pub(super) release: unsafe fn(NonNull<Header>),
    /// What was allocated.
    pub(super) layout: Layout,
    /// Where in it the name lies; zero if there is none.
    pub(super) name_at: usize,
}

impl Vtable {
    const fn new<F: Future, S: Schedule>(layout: Layout, name_at: usize) -> Vtable {
        Vtable {
            poll: cell::poll::<F, S>,
            drop_future: cell::drop_future::<F, S>,
            output: cell::output::<F, S>,
            put_error: cell::put_error::<F::Output>,
            empty_output: cell::empty_output::<F::Output>,
            schedule: cell::schedule::<S>,
            unhandled_hook: cell::unhandled_hook::<S>,
            release: cell::release::<S>,
            layout,
            name_at,
        }
    }

    /// The one vtable of tasks of this kind without a name.
    pub(super) const fn of<F: Future, S: Schedule>() -> &'static Vtable {
        const { &Vtable::new::<F, S>(Layout::new::<Cell<F, S>>(), 0) }
    }

    /// The one vtable of tasks of this kind that have names.
    pub(super) const fn of_named<F: Future, S: Schedule>() -> &'static Vtable {
        const { &Vtable::new::<F, S>(Layout::new::<Named<F, S>>(), offset_of!(Named<F, S>, name)) }
    }
}

/// One reference to a task of unknown kind.
pub(super) struct TaskRef(NonNull<Header>);

// SAFETY: through a reference only the state word, the id, the location and the name are reached,
// all of them shared safely; the output is reached by `JoinHandle`, which says when it is `Send`.
unsafe impl Send for TaskRef {}
// SAFETY: as above.
unsafe impl Sync for TaskRef {}

impl TaskRef {
    /// # Safety
    ///
    /// - One reference of this task's state word passes to the new value.
    pub(super) unsafe fn from_raw(header: NonNull<Header>) -> TaskRef {
        TaskRef(header)
    }

    pub(super) fn header(&self) -> &Header {
        // SAFETY: invariant 2.
        unsafe { self.0.as_ref() }
    }

    pub(super) fn as_ptr(&self) -> NonNull<Header> {
        self.0
    }

    pub(super) fn id(&self) -> Id {
        self.header().id
    }

    pub(super) fn location(&self) -> &'static Location<'static> {
        self.header().location
    }

    pub(super) fn name(&self) -> Option<&str> {
        // SAFETY: invariant 2; the reference is borrowed meanwhile.
        unsafe { cell::name(self.0) }.map(|name| &**name)
    }

    pub(super) fn info(&self) -> TaskInfo {
        // SAFETY: invariant 2.
        unsafe { cell::info(self.0) }
    }

    pub(super) fn abort(&self) {
        self.follow(self.header().state.abort());
    }

    /// Does what this task's state word said is left to do about a wake, just now and only here.
    pub(super) fn follow(&self, wake: Wake) {
        // SAFETY: invariant 2, and `wake` is obeyed once by this function's use.
        unsafe { follow(self.0, wake) }
    }
}

impl Clone for TaskRef {
    fn clone(&self) -> TaskRef {
        self.header().state.add_ref();
        TaskRef(self.0)
    }
}

impl Drop for TaskRef {
    fn drop(&mut self) {
        // SAFETY: invariant 1: the reference is given back here.
        unsafe { drop_waker(self.0.as_ptr().cast()) }
    }
}

/// Does what a wake or an abort has left to do.
///
/// # Safety
///
/// - `wake` was returned by this task's state word just now, and is obeyed only here.
unsafe fn follow(header: NonNull<Header>, wake: Wake) {
    match wake {
        Wake::Nothing => {}
        // SAFETY: the state word made us the holder of the `Runnable`; a task that was polled
        // has a home, and one that was not is still owned by whoever will poll it first.
        Wake::Schedule => unsafe { (header.as_ref().vtable.schedule)(header) },
        // SAFETY: the state word said that this was the last reference of a complete task.
        Wake::Free => unsafe { (header.as_ref().vtable.release)(header) },
    }
}

/// A waker for this task. It owns a reference, unless the caller keeps it from being dropped.
///
/// # Safety
///
/// - One reference passes to the waker, or the waker is neither dropped nor outlives the cell.
pub(super) unsafe fn waker(header: NonNull<Header>) -> Waker {
    // SAFETY: the vtable's functions keep the contract of `RawWaker`: the state word is atomic,
    // clone adds a reference and drop gives it back.
    unsafe { Waker::new(header.as_ptr().cast(), &WAKER) }
}

/// At most one joiner, in one word.
///
/// Mostly it is a task, whose waker is no more than a pointer, or a line of many that are joined together.
/// Another waker is put into a box. The lowest bits of the address tell which it is.
pub(super) struct PackedJoiner(*const ());

/// Marks the address of a box with a waker.
const BOXED: usize = 1;
/// Marks the address of a line.
const LINE: usize = 2;

impl PackedJoiner {
    pub(super) const EMPTY: PackedJoiner = PackedJoiner(std::ptr::null());

    pub(super) fn new(joiner: Joiner) -> PackedJoiner {
        PackedJoiner(match joiner {
            Joiner::Line(line) => {
                primitives::Arc::into_raw(line).cast::<()>().wrapping_byte_add(LINE)
            }
            Joiner::Waker(waker) if std::ptr::eq(waker.vtable(), &WAKER) => {
                // The reference goes along with the pointer.
                ManuallyDrop::new(waker).data()
            }
            Joiner::Waker(waker) => {
                let boxed: *const () = Box::into_raw(Box::new(waker)).cast();
                boxed.wrapping_byte_add(BOXED)
            }
        })
    }

    pub(super) fn unpack(self) -> Option<Joiner> {
        if self.0.is_null() {
            return None;
        }
        Some(match self.0.addr() % 4 {
            // SAFETY: it came from a line in `new`, and is turned back once.
            LINE => Joiner::Line(unsafe {
                primitives::Arc::from_raw(self.0.wrapping_byte_sub(LINE).cast())
            }),
            BOXED => {
                let boxed = self.0.wrapping_byte_sub(BOXED).cast_mut().cast::<Waker>();
                // SAFETY: it came from a box in `new`, and is turned back once.
                Joiner::Waker(*unsafe { Box::from_raw(boxed) })
            }
            // SAFETY: `new` took the reference that this waker owned, and it is given back once.
            _ => Joiner::Waker(unsafe { Waker::new(self.0, &WAKER) }),
        })
    }
}

/// Whether `waker` is the own waker of that task.
#[inline(always)]
pub(super) fn is_waker_of(waker: &Waker, task: *const Header) -> bool {
    std::ptr::eq(waker.data(), task.cast()) && std::ptr::eq(waker.vtable(), &WAKER)
}

static WAKER: RawWakerVTable =
    RawWakerVTable::new(clone_waker, wake_by_value, wake_by_ref, drop_waker);

/// # Safety
///
/// - `data` is that of a living waker, as std promises.
unsafe fn clone_waker(data: *const ()) -> RawWaker {
    // SAFETY: the waker's reference keeps the cell alive.
    unsafe { header(data).as_ref() }.state.add_ref();
    RawWaker::new(data, &WAKER)
}

/// # Safety
///
/// - As for `clone_waker`, and the waker is used up.
unsafe fn wake_by_value(data: *const ()) {
    let header = header(data);
    // SAFETY: the waker's reference keeps the cell alive until the state word gives it back.
    let wake = unsafe { header.as_ref() }.state.wake_by_value();
    // SAFETY: obeyed once.
    unsafe { follow(header, wake) }
}

/// # Safety
///
/// - As for `clone_waker`.
unsafe fn wake_by_ref(data: *const ()) {
    let header = header(data);
    // SAFETY: the waker's reference keeps the cell alive.
    let wake = unsafe { header.as_ref() }.state.wake();
    // SAFETY: obeyed once.
    unsafe { follow(header, wake) }
}

/// # Safety
///
/// - As for `clone_waker`, and the waker is used up.
unsafe fn drop_waker(data: *const ()) {
    let header = header(data);
    // SAFETY: the reference keeps the cell alive until it is given back here.
    if unsafe { header.as_ref() }.state.drop_ref() {
        // SAFETY: that was the last reference of a complete task.
        unsafe { (header.as_ref().vtable.release)(header) }
    }
}

fn header(data: *const ()) -> NonNull<Header> {
    NonNull::new(data.cast_mut().cast()).expect("a waker of ours points to a task")
}
