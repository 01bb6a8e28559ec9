//! Header, future and output in one allocation; the only code that touches them, but for the `JoinHandle`,
//! which takes the output from its place.
//!
//! # Invariants
//!
//! 1. *Future*: touched only by the holder of the `Runnable`, of which at most one exists.
//! 2. *Output*: written by the holder of the `Runnable` before `COMPLETE`; after it, touched by the
//!    `JoinHandle`, or by the completer if the handle was gone by then.
//! 3. *Join waker's place*: see [`State`]: the handle's while `JOIN_WAKER` is clear and the task is
//!    not complete; the completer's if `JOIN_WAKER` was set at completion.
//! 4. *Home*: written once, by the holder of the first `Runnable` before the first poll or at birth;
//!    read after that poll began, or after completion. Taken out by whoever drops the last reference.
//! 5. *Links*: the roster's, that is the home's owner's, from the first poll on. The `next` link lies in
//!    the join waker's place, which is empty when the task is complete and its joiner was told: first it
//!    is the line's of the finished that are joined together, then, when the last reference goes, that of
//!    the dead.
//! 6. *The cell* lives while the task is not complete, or a reference exists.

use super::ending::{self, Ending};
use super::id::Id;
use super::join_error::JoinError;
use super::join_line::Joiner;
use super::memory;
use super::polled;
use super::raw::{self, PackedJoiner, TaskRef, Vtable};
use super::requests;
use super::state::{Complete, State};
use super::told::Told;
use super::unhandled::UnhandledHook;
use super::{Schedule, TaskInfo};
use crate::unwind::{Payload, catch, contain};
use runtime_sync::primitives::UnsafeCell;
use std::future::Future;
use std::mem::ManuallyDrop;
use std::panic::Location;
use std::pin::Pin;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::task::{Context, Poll};

/// What every task begins with, whatever its future: 64 bytes, and 8 for the home.
#[repr(C)]
pub struct Header {
    pub(super) state: State,
    pub(super) vtable: &'static Vtable,
    pub(super) id: Id,
    pub(super) location: &'static Location<'static>,
    pub(super) links: UnsafeCell<Links>,
    pub(super) told: Told,
    place: UnsafeCell<Place>,
}

/// A task's neighbours in the roster of its home.
#[derive(Clone, Copy)]
pub(super) struct Links {
    pub(super) prev: *const Header,
    pub(super) next: *const Header,
}

/// Who joins while the task lives, the link to the next one that has finished, or is dead, after.
union Place {
    joiner: ManuallyDrop<PackedJoiner>,
    next: *const Header,
}

/// Header and home: what a `Runnable<S>` knows without knowing the future.
#[repr(C)]
pub(super) struct Front<S> {
    header: Header,
    home: UnsafeCell<Option<S>>,
}

/// The whole of a task that has no name.
#[repr(C)]
pub(super) struct Cell<F: Future, S> {
    front: Front<S>,
    stage: UnsafeCell<Stage<F>>,
}

/// The whole of one that has.
#[repr(C)]
pub(super) struct Named<F: Future, S> {
    cell: Cell<F, S>,
    pub(super) name: Arc<str>,
}

/// First the future, then its output. Which of the two it is follows from the state word.
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Output<F::Output>>,
}

/// What a task has come to, until it is taken.
pub(super) type Output<T> = Option<Result<T, JoinError>>;

/// Allocates a task. Its `Runnable` and its `JoinHandle` are the caller's to make, once each.
#[inline]
pub(super) fn allocate<F: Future, S: Schedule>(
    future: F,
    home: Option<S>,
    name: Option<Arc<str>>,
    id: Id,
    location: &'static Location<'static>,
) -> NonNull<Header> {
    let vtable = match name {
        None => Vtable::of::<F, S>(),
        Some(_) => Vtable::of_named::<F, S>(),
    };
    let place = memory::take(vtable.layout).cast::<Cell<F, S>>();
    let front = Front::new(vtable, home, id, location);
    let stage = UnsafeCell::new(Stage { future: ManuallyDrop::new(future) });
    // SAFETY: the place is large enough, aligned, and ours.
    unsafe { place.write(Cell { front, stage }) };
    if let Some(name) = name {
        // SAFETY: there is room for it by the vtable's layout.
        unsafe { place.byte_add(vtable.name_at).cast().write(name) };
    }
    place.cast()
}

impl<S> Front<S> {
    #[inline]
    fn new(
        vtable: &'static Vtable,
        home: Option<S>,
        id: Id,
        location: &'static Location<'static>,
    ) -> Front<S> {
        Front {
            header: Header {
                state: State::new(),
                vtable,
                id,
                location,
                links: UnsafeCell::new(Links { prev: ptr::null(), next: ptr::null() }),
                told: Told::new(),
                place: UnsafeCell::new(Place { joiner: ManuallyDrop::new(PackedJoiner::EMPTY) }),
            },
            home: UnsafeCell::new(home),
        }
    }
}

impl Header {
    /// The task's number.
    pub fn id(&self) -> Id {
        self.id
    }

    /// Fills the join waker's place.
    ///
    /// # Safety
    ///
    /// - The caller is the `JoinHandle`, and the place is its own by invariant 3 and empty.
    pub(super) unsafe fn put_joiner(&self, joiner: Joiner) {
        let packed = ManuallyDrop::new(PackedJoiner::new(joiner));
        self.place.with_mut(|place| {
            // SAFETY: nobody else looks at the place now, by this function's contract; what is
            // overwritten is empty, which needs no drop.
            unsafe { (*place).joiner = packed }
        });
    }

    /// Empties the join waker's place.
    ///
    /// # Safety
    ///
    /// - The place is the caller's by invariant 3.
    pub(super) unsafe fn take_joiner(&self) -> Option<Joiner> {
        let packed = self.place.with_mut(|place| {
            // SAFETY: nobody else looks at the place now, by this function's contract, and before
            // the joiner was told it always holds the `joiner` variant.
            unsafe { std::mem::replace(&mut *(*place).joiner, PackedJoiner::EMPTY) }
        });
        packed.unpack()
    }

    /// Links a complete task to another one.
    ///
    /// # Safety
    ///
    /// - The place is empty, or holds a link that nobody reads any more, and is the caller's
    ///   (invariant 5).
    pub(super) unsafe fn set_next(&self, next: *const Header) {
        self.place.with_mut(|place| {
            // SAFETY: the place is the caller's alone, by this function's contract.
            unsafe { (*place).next = next }
        });
    }

    /// The task that this one is linked to.
    ///
    /// # Safety
    ///
    /// - `set_next` was called, and the caller owns the chain that the task is in.
    pub(super) unsafe fn next(&self) -> *const Header {
        self.place.with(|place| {
            // SAFETY: the variant was set, by this function's contract.
            unsafe { (*place).next }
        })
    }
}

/// The home of a task whose homes are of type `S`.
///
/// # Safety
///
/// - `header` belongs to a living cell made with `S`, and nobody writes the home meanwhile
///   (invariant 4).
pub(super) unsafe fn home<'a, S>(header: NonNull<Header>) -> Option<&'a S> {
    // SAFETY: a cell made with `S` begins with a `Front<S>`.
    let front = unsafe { header.cast::<Front<S>>().as_ref() };
    front.home.with(|home| {
        // SAFETY: nobody writes it, by this function's contract.
        unsafe { (*home).as_ref() }
    })
}

/// Gives a task its home, or takes it out.
///
/// # Safety
///
/// - As for [`home`], and the caller is the one who may write it (invariant 4).
pub(super) unsafe fn replace_home<S>(header: NonNull<Header>, new: Option<S>) -> Option<S> {
    // SAFETY: a cell made with `S` begins with a `Front<S>`.
    let front = unsafe { header.cast::<Front<S>>().as_ref() };
    front.home.with_mut(|home| {
        // SAFETY: the caller may write it, by this function's contract.
        unsafe { std::mem::replace(&mut *home, new) }
    })
}

/// A task's name, if it has one.
///
/// It lies behind the header: a reference to that would not do.
///
/// # Safety
///
/// - `header` belongs to a cell that lives at least as long as what is returned.
pub(super) unsafe fn name<'a>(header: NonNull<Header>) -> Option<&'a Arc<str>> {
    // SAFETY: by this function's contract; a name is never written.
    unsafe { place_of_name(header).map(|name| name.as_ref()) }
}

/// Where a task's name lies, if it has one.
///
/// # Safety
///
/// - `header` belongs to a living cell.
unsafe fn place_of_name(header: NonNull<Header>) -> Option<NonNull<Arc<str>>> {
    // SAFETY: by this function's contract.
    match unsafe { header.as_ref() }.vtable.name_at {
        0 => None,
        // SAFETY: so far behind the header, in the same allocation, lies a name.
        at => Some(unsafe { header.byte_add(at) }.cast()),
    }
}

/// A task's number, name and birthplace.
///
/// # Safety
///
/// - `header` belongs to a living cell.
pub(super) unsafe fn info(header: NonNull<Header>) -> TaskInfo {
    // SAFETY: by this function's contract.
    let (front, name) = unsafe { (header.as_ref(), name(header)) };
    TaskInfo::new(front.id, name.cloned(), front.location)
}

/// The cell behind a header.
///
/// # Safety
///
/// - `header` belongs to a living `Cell<F, S>`.
unsafe fn cell<'a, F: Future, S>(header: NonNull<Header>) -> &'a Cell<F, S> {
    // SAFETY: by this function's contract; `Cell` begins with `Front`, which begins with `Header`.
    unsafe { header.cast::<Cell<F, S>>().as_ref() }
}

/// Polls the future once. True: it is complete, and the cell may be gone.
///
/// # Safety
///
/// - The caller holds the `Runnable` (invariant 1), and `header` belongs to a `Cell<F, S>`.
pub(super) unsafe fn poll<F: Future, S: Schedule>(header: NonNull<Header>) -> bool {
    // SAFETY: by this function's contract.
    let this = unsafe { cell::<F, S>(header) };
    // SAFETY: the waker borrows the life that the `Runnable` gives the cell; it is not dropped, so
    // that it takes no reference along.
    let waker = ManuallyDrop::new(unsafe { raw::waker(header) });
    let mut cx = Context::from_waker(&waker);
    let polled = catch(|| {
        let panicked = Panicked(header);
        let polled = this.stage.with_mut(|stage| {
            // SAFETY: invariant 1; the future stands until completion, and is pinned because the
            // cell never moves.
            let future = unsafe { Pin::new_unchecked(&mut *(*stage).future) };
            future.poll(&mut cx)
        });
        std::mem::forget(panicked);
        polled
    });
    match polled {
        Ok(Poll::Pending) => return false,
        // SAFETY: the caller holds the `Runnable`, and the future is dropped just here.
        Ok(Poll::Ready(value)) => match unsafe { end_future(header) } {
            Ok(()) => {
                this.stage.with_mut(|stage| {
                    // SAFETY: invariant 2; the future is gone, so that nothing is overwritten.
                    unsafe { (*stage).output = ManuallyDrop::new(Some(Ok(value))) }
                });
                // SAFETY: the future is dropped, and the caller held the `Runnable`.
                unsafe { complete(header, Ending::Finished) };
            }
            Err(payload) => {
                drop_unheard(value);
                // SAFETY: as above.
                unsafe { end_in_panic(header, payload) };
            }
        },
        // `Panicked` has dropped the future.
        // SAFETY: as above.
        Err(payload) => unsafe { end_in_panic(header, payload) },
    }
    true
}

/// Drops a future whose poll panics while the thread unwinds, as any function does with its variables: a lock
/// of std's that it holds is poisoned. What panics as it is dropped then is not heard.
struct Panicked(NonNull<Header>);

impl Drop for Panicked {
    #[cold]
    fn drop(&mut self) {
        // SAFETY: this is made by `poll`, whose caller holds the `Runnable`, and is dropped if the poll has
        // ended in a panic, after which nobody else touches the future.
        contain(|| unsafe { (self.0.as_ref().vtable.drop_future)(self.0) });
    }
}

/// Drops what nobody will have, whose panic has nobody to be told.
#[cold]
fn drop_unheard<T>(value: T) {
    contain(|| drop(value));
}

/// Drops the future where it stands, and catches its panic.
///
/// # Safety
///
/// - As for [`drop_future`].
unsafe fn end_future(header: NonNull<Header>) -> Result<(), Payload> {
    // SAFETY: by this function's contract.
    catch(|| unsafe { (header.as_ref().vtable.drop_future)(header) })
}

/// Drops the future without polling it; the output is an error that says so.
///
/// # Safety
///
/// - The caller holds the `Runnable` (invariant 1).
pub(super) unsafe fn cancel(header: NonNull<Header>) {
    // SAFETY: the task is not complete, so that the cell lives.
    let front = unsafe { header.as_ref() };
    // Before the future takes along what it knows of the requests.
    let reason = requests::reason(front);
    let ended = {
        // It need not be polled: its runtime may be shutting down.
        let _drops = polled::drops(front.id);
        // SAFETY: the caller holds the `Runnable`, and the future is dropped just here.
        unsafe { end_future(header) }
    };
    match ended {
        Ok(()) => {
            let error = JoinError::cancelled(front.id, front.location, reason);
            // SAFETY: the future is dropped, and the caller held the `Runnable`.
            unsafe { fail(header, error, Ending::Cancelled) };
        }
        // SAFETY: as above.
        Err(payload) => unsafe { end_in_panic(header, payload) },
    }
}

/// Completes a task that has panicked.
///
/// # Safety
///
/// - As for [`complete`], but there is no output yet.
#[cold]
unsafe fn end_in_panic(header: NonNull<Header>, payload: Payload) {
    // SAFETY: the task is not complete, so that the cell lives.
    let front = unsafe { header.as_ref() };
    // SAFETY: nobody writes the home while the caller holds the `Runnable` (invariant 4).
    let hook = unsafe { (front.vtable.unhandled_hook)(header) };
    let error = JoinError::panic(front.id, front.location, payload, hook);
    // SAFETY: by this function's contract.
    unsafe { fail(header, error, Ending::Panicked) };
}

/// Completes a task that has no value.
///
/// # Safety
///
/// - As for [`complete`], but there is no output yet.
unsafe fn fail(header: NonNull<Header>, error: JoinError, how: Ending) {
    // SAFETY: the task is not complete, so that the cell lives.
    let vtable = unsafe { header.as_ref() }.vtable;
    // SAFETY: invariant 2; the future is gone, so that nothing is overwritten.
    unsafe { (vtable.put_error)((vtable.output)(header), error) };
    // SAFETY: by this function's contract.
    unsafe { complete(header, how) };
}

/// Completes, and does what the state word says is left.
///
/// # Safety
///
/// - The caller holds the `Runnable`, which is used up by this, has dropped the future, and has put the
///   output in its place.
unsafe fn complete(header: NonNull<Header>, how: Ending) {
    // SAFETY: the task is not complete, so that the cell lives; and below it does as a reference is held.
    let front = unsafe { header.as_ref() };
    let id = front.id;
    let left = front.state.complete(how);
    if left.noted || left.watched {
        tell_of_end(id, how, &left);
    }
    if !left.holds_ref {
        return;
    }
    if left.drop_output {
        // SAFETY: invariant 2, the handle was gone at completion.
        contain(|| unsafe { drop_output(header) });
    }
    if left.wake_joiner {
        let _ended = polled::end();
        // SAFETY: invariant 3, `JOIN_WAKER` was set at completion.
        match unsafe { front.take_joiner() } {
            Some(Joiner::Waker(waker)) => contain(|| waker.wake()),
            Some(Joiner::Line(line)) => {
                // SAFETY: the reference that is held passes on.
                line.push(unsafe { TaskRef::from_raw(header) });
                return;
            }
            None => {}
        }
    }
    if front.state.drop_ref() {
        // SAFETY: that was the last reference of a complete task.
        unsafe { (front.vtable.release)(header) };
    }
}

/// Tells of the end whoever wants to know, and lets go of what was kept beside the task.
///
/// That is code of users, and the cell may be gone: no task is being polled meanwhile.
#[cold]
fn tell_of_end(id: Id, how: Ending, left: &Complete) {
    let _ended = polled::end();
    if left.noted {
        contain(|| requests::forget(id, how == Ending::Panicked));
    }
    if left.watched {
        contain(|| ending::tell(id, how));
    }
}

/// Drops the output if it was not taken, and reports it if it is a panic: nobody else will. May panic,
/// as the output's drop may.
///
/// # Safety
///
/// - The task is complete, and the output is the caller's (invariant 2).
pub(super) unsafe fn drop_output(header: NonNull<Header>) {
    // SAFETY: the caller has a reference.
    let front = unsafe { header.as_ref() };
    let panic = {
        let _drops = polled::drops(front.id);
        // SAFETY: by this function's contract.
        unsafe { (front.vtable.empty_output)((front.vtable.output)(header)) }
    };
    if let Some(error) = panic {
        // SAFETY: as above.
        error.report(unsafe { info(header) });
    }
}

/// Frees the memory.
///
/// # Safety
///
/// - The cell is the caller's alone, complete, without references or home, and in no roster.
pub(super) unsafe fn deallocate(header: NonNull<Header>) {
    // SAFETY: by this function's contract.
    let layout = unsafe { header.as_ref() }.vtable.layout;
    // SAFETY: as above.
    if let Some(name) = unsafe { place_of_name(header) } {
        // SAFETY: by this function's contract nobody sees it again.
        unsafe { name.drop_in_place() };
    }
    // SAFETY: as above. Home, future and output are gone by now.
    unsafe { header.drop_in_place() };
    // SAFETY: it was taken in `allocate` with this layout.
    unsafe { memory::give(header.cast(), layout) };
}

/// Drops the future where it stands.
///
/// # Safety
///
/// - The caller holds the `Runnable`, and the future stands (invariant 1). It does not after.
/// - `header` belongs to a `Cell<F, S>`.
pub(super) unsafe fn drop_future<F: Future, S>(header: NonNull<Header>) {
    // SAFETY: by this function's contract.
    unsafe { cell::<F, S>(header) }.stage.with_mut(|stage| {
        // SAFETY: by this function's contract.
        unsafe { ManuallyDrop::drop(&mut (*stage).future) }
    });
}

/// Where the output lies, an `Output<F::Output>`, or is to be put.
///
/// # Safety
///
/// - The output is the caller's (invariant 2), who holds the `Runnable` of a task whose future was dropped,
///   or is the `JoinHandle` of one that is complete.
/// - `header` belongs to a `Cell<F, S>`.
pub(super) unsafe fn output<F: Future, S>(header: NonNull<Header>) -> NonNull<()> {
    // SAFETY: by this function's contract.
    unsafe { cell::<F, S>(header) }.stage.with_mut(|stage| {
        // SAFETY: invariant 2; a pointer to a variant of a union reads nothing.
        NonNull::from(unsafe { &mut (*stage).output }).cast()
    })
}

/// Puts an error into the output's place.
///
/// # Safety
///
/// - `place` is that of an `Output<T>`, and the caller's alone (invariant 2).
pub(super) unsafe fn put_error<T>(place: NonNull<()>, error: JoinError) {
    // SAFETY: by this function's contract.
    unsafe { place.cast::<Output<T>>().write(Some(Err(error))) };
}

/// Takes the output out and drops it, unless it is a panic, which is returned.
///
/// # Safety
///
/// - `place` is that of an `Output<T>` that was put there, and the caller's alone (invariant 2).
pub(super) unsafe fn empty_output<T>(place: NonNull<()>) -> Option<JoinError> {
    // SAFETY: by this function's contract. It is taken out first, so that a panic in its drop leaves `None`.
    match unsafe { place.cast::<Output<T>>().as_mut() }.take() {
        Some(Err(error)) if error.is_panic() => Some(error),
        _ => None,
    }
}

/// Gives a `Runnable` to the task's home.
///
/// # Safety
///
/// - The caller has just become the holder of the `Runnable`, and the task has a home.
pub(super) unsafe fn schedule<S: Schedule>(header: NonNull<Header>) {
    // SAFETY: by this function's contract there is no second `Runnable`.
    S::schedule(unsafe { super::Runnable::from_raw(header) });
}

/// Who is to be told of the task's panic.
///
/// # Safety
///
/// - As for [`home`].
pub(super) unsafe fn unhandled_hook<S: Schedule>(header: NonNull<Header>) -> Option<UnhandledHook> {
    // SAFETY: by this function's contract.
    S::unhandled_hook(unsafe { home(header) })
}

/// Gives a dead task back to its home, or frees it if it never had one.
///
/// # Safety
///
/// - The caller dropped the last reference of a complete task.
pub(super) unsafe fn release<S: Schedule>(header: NonNull<Header>) {
    // SAFETY: invariant 4; the cell is the caller's alone.
    let home = unsafe { replace_home::<S>(header, None) };
    // SAFETY: by this function's contract.
    let dead = unsafe { super::roster::Dead::new(header) };
    match home {
        Some(home) => home.reclaim(dead),
        None => dead.free(),
    }
}
