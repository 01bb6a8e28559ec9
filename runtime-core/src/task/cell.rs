//! Header, future and output in one allocation; the only code that touches them.
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
use super::{Schedule, TaskInfo};
use crate::unwind::{Payload, catch, contain};
use runtime_sync::primitives::UnsafeCell;
use std::alloc::Layout;
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

/// The whole of a task.
#[repr(C)]
pub(super) struct Cell<F: Future, S, N> {
    front: Front<S>,
    stage: UnsafeCell<Stage<F>>,
    name: N,
}

/// First the future, then its output. Which of the two it is follows from the state word.
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Option<Result<F::Output, JoinError>>>,
}

/// A task's name, or its absence, which takes no room.
pub(super) trait Name: Send + Sync + 'static {
    fn get(&self) -> Option<&Arc<str>>;
}

impl Name for () {
    fn get(&self) -> Option<&Arc<str>> {
        None
    }
}

impl Name for Arc<str> {
    fn get(&self) -> Option<&Arc<str>> {
        Some(self)
    }
}

/// Allocates a task. Its `Runnable` and its `JoinHandle` are the caller's to make, once each.
pub(super) fn allocate<F: Future, S: Schedule, N: Name>(
    future: F,
    home: Option<S>,
    name: N,
    id: Id,
    location: &'static Location<'static>,
) -> NonNull<Header> {
    let place = memory::take(Layout::new::<Cell<F, S, N>>()).cast::<Cell<F, S, N>>();
    let cell = Cell {
        front: Front {
            header: Header {
                state: State::new(),
                vtable: raw::vtable::<F, S, N>(),
                id,
                location,
                links: UnsafeCell::new(Links { prev: ptr::null(), next: ptr::null() }),
                told: Told::new(),
                place: UnsafeCell::new(Place { joiner: ManuallyDrop::new(PackedJoiner::EMPTY) }),
            },
            home: UnsafeCell::new(home),
        },
        stage: UnsafeCell::new(Stage { future: ManuallyDrop::new(future) }),
        name,
    };
    // SAFETY: the place is large enough, aligned, and ours.
    unsafe { place.write(cell) };
    place.cast()
}

impl Header {
    /// The task's number.
    pub fn id(&self) -> Id {
        self.id
    }

    /// The task's name.
    pub fn name(&self) -> Option<&Arc<str>> {
        // SAFETY: whoever has a `&Header` keeps the cell alive, and the name is never written.
        unsafe { (self.vtable.name)(NonNull::from(self)).map(|name| name.as_ref()) }
    }

    /// The task's number, name and birthplace.
    pub(super) fn info(&self) -> TaskInfo {
        TaskInfo::new(self.id, self.name().cloned(), self.location)
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

impl<S: Schedule> Front<S> {
    /// The output of a task that has panicked. The caller holds the `Runnable`.
    #[cold]
    fn panicked(&self, payload: Payload) -> JoinError {
        let hook = self.home.with(|home| {
            // SAFETY: nobody writes it while the caller holds the `Runnable` (invariant 4).
            S::unhandled_hook(unsafe { (*home).as_ref() })
        });
        JoinError::panic(self.header.id, self.header.location, payload, hook)
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

/// The cell behind a header.
///
/// # Safety
///
/// - `header` belongs to a living `Cell<F, S, N>`.
unsafe fn cell<'a, F: Future, S, N>(header: NonNull<Header>) -> &'a Cell<F, S, N> {
    // SAFETY: by this function's contract; `Cell` begins with `Front`, which begins with `Header`.
    unsafe { header.cast::<Cell<F, S, N>>().as_ref() }
}

/// Polls the future once. True: it is complete, and the cell may be gone.
///
/// # Safety
///
/// - The caller holds the `Runnable` (invariant 1), and `header` belongs to a `Cell<F, S, N>`.
pub(super) unsafe fn poll<F: Future, S: Schedule, N: Name>(header: NonNull<Header>) -> bool {
    // SAFETY: by this function's contract.
    let this = unsafe { cell::<F, S, N>(header) };
    // SAFETY: the waker borrows the life that the `Runnable` gives the cell; it is not dropped, so
    // that it takes no reference along.
    let waker = ManuallyDrop::new(unsafe { raw::waker(header) });
    let mut cx = Context::from_waker(&waker);
    let polled = catch(|| {
        let panicked = Panicked(this);
        let polled = this.stage.with_mut(|stage| {
            // SAFETY: invariant 1; the future stands until completion, and is pinned because the
            // cell never moves.
            let future = unsafe { Pin::new_unchecked(&mut *(*stage).future) };
            future.poll(&mut cx)
        });
        std::mem::forget(panicked);
        polled
    });
    let output = match polled {
        Ok(Poll::Pending) => return false,
        // SAFETY: invariant 1, and the future is dropped just here.
        Ok(Poll::Ready(value)) => match catch(|| unsafe { drop_future(this) }) {
            Ok(()) => Ok(value),
            Err(payload) => {
                contain(|| drop(value));
                Err(this.front.panicked(payload))
            }
        },
        // `Panicked` has dropped the future.
        Err(payload) => Err(this.front.panicked(payload)),
    };
    // SAFETY: the future is dropped, and the caller held the `Runnable`.
    unsafe { complete::<F, S, N>(header, output) };
    true
}

/// Drops a future whose poll panics while the thread unwinds, as any function does with its variables: a lock
/// of std's that it holds is poisoned. What panics as it is dropped then is not heard.
struct Panicked<'a, F: Future, S, N>(&'a Cell<F, S, N>);

impl<F: Future, S, N> Drop for Panicked<'_, F, S, N> {
    fn drop(&mut self) {
        // SAFETY: this is made by `poll`, whose caller holds the `Runnable`, and is dropped if the poll has
        // ended in a panic, after which nobody else touches the future.
        contain(|| unsafe { drop_future(self.0) });
    }
}

/// Drops the future without polling it; the output is an error that says so.
///
/// # Safety
///
/// - As for [`poll`].
pub(super) unsafe fn cancel<F: Future, S: Schedule, N: Name>(header: NonNull<Header>) {
    // SAFETY: by this function's contract.
    let this = unsafe { cell::<F, S, N>(header) };
    let front = &this.front.header;
    // Before the future takes along what it knows of the requests.
    let reason = requests::reason(front);
    // SAFETY: invariant 1, and the future is dropped just here.
    let dropped = catch(|| unsafe { drop_future(this) });
    let error = match dropped {
        Ok(()) => JoinError::cancelled(front.id, front.location, reason),
        Err(payload) => this.front.panicked(payload),
    };
    // SAFETY: the future is dropped, and the caller held the `Runnable`.
    unsafe { complete::<F, S, N>(header, Err(error)) };
}

/// Drops the future where it stands.
///
/// # Safety
///
/// - The caller holds the `Runnable`, and the future stands (invariant 1). It does not after.
unsafe fn drop_future<F: Future, S, N>(this: &Cell<F, S, N>) {
    this.stage.with_mut(|stage| {
        // SAFETY: by this function's contract.
        unsafe { ManuallyDrop::drop(&mut (*stage).future) }
    });
}

/// Puts the output in place, completes, and does what the state word says is left.
///
/// # Safety
///
/// - The caller holds the `Runnable`, which is used up by this, and has dropped the future.
unsafe fn complete<F: Future, S: Schedule, N: Name>(
    header: NonNull<Header>,
    output: Result<F::Output, JoinError>,
) {
    // SAFETY: the task is not complete, so that the cell lives.
    let this = unsafe { cell::<F, S, N>(header) };
    let how = Ending::of(&output);
    this.stage.with_mut(|stage| {
        // SAFETY: invariant 2; the future is gone, so that nothing is overwritten.
        unsafe { (*stage).output = ManuallyDrop::new(Some(output)) }
    });
    let id = this.front.header.id;
    let left = this.front.header.state.complete(how);
    if left.noted || left.watched {
        tell_of_end(id, how, &left);
    }
    if !left.holds_ref {
        return;
    }
    if left.drop_output {
        // SAFETY: invariant 2, the handle was gone at completion.
        contain(|| unsafe { drop_output::<F, S, N>(header) });
    }
    if left.wake_joiner {
        let _ended = polled::end();
        // SAFETY: invariant 3, `JOIN_WAKER` was set at completion.
        match unsafe { this.front.header.take_joiner() } {
            Some(Joiner::Waker(waker)) => contain(|| waker.wake()),
            Some(Joiner::Line(line)) => {
                // SAFETY: the reference that is held passes on.
                line.push(unsafe { TaskRef::from_raw(header) });
                return;
            }
            None => {}
        }
    }
    if this.front.header.state.drop_ref() {
        // SAFETY: that was the last reference of a complete task.
        unsafe { release::<S>(header) };
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

/// Moves the output to `destination`, an `Option<Result<F::Output, JoinError>>`.
///
/// # Safety
///
/// - The task is complete, and the caller is the `JoinHandle` (invariant 2).
/// - `destination` points to a place of that type.
pub(super) unsafe fn take_output<F: Future, S, N>(header: NonNull<Header>, destination: *mut ()) {
    // SAFETY: by this function's contract.
    let this = unsafe { cell::<F, S, N>(header) };
    let output = this.stage.with_mut(|stage| {
        // SAFETY: invariant 2.
        unsafe { (*(*stage).output).take() }
    });
    // SAFETY: by this function's contract.
    unsafe { *destination.cast() = output };
}

/// Where the output lies, an `Option<Result<F::Output, JoinError>>`.
///
/// # Safety
///
/// - The task is complete, and the caller is the `JoinHandle` (invariant 2).
pub(super) unsafe fn peek_output<F: Future, S, N>(header: NonNull<Header>) -> NonNull<()> {
    // SAFETY: by this function's contract.
    let this = unsafe { cell::<F, S, N>(header) };
    this.stage.with(|stage| {
        // SAFETY: invariant 2.
        NonNull::from(unsafe { &(*stage).output }).cast()
    })
}

/// Drops the output if it was not taken, and reports it if it is a panic: nobody else will. May panic,
/// as the output's drop may.
///
/// # Safety
///
/// - The task is complete, and the output is the caller's (invariant 2).
pub(super) unsafe fn drop_output<F: Future, S, N>(header: NonNull<Header>) {
    // SAFETY: by this function's contract.
    let this = unsafe { cell::<F, S, N>(header) };
    let output = this.stage.with_mut(|stage| {
        // SAFETY: invariant 2. It is taken out first, so that a panic in its drop leaves `None`.
        unsafe { (*(*stage).output).take() }
    });
    match output {
        Some(Err(error)) if error.is_panic() => error.report(this.front.header.info()),
        output => {
            let _drops = polled::drop_output_of(this.front.header.id);
            drop(output);
        }
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

/// Frees the memory.
///
/// # Safety
///
/// - The cell is the caller's alone, complete, without references, and in no roster.
pub(super) unsafe fn deallocate<F: Future, S, N>(header: NonNull<Header>) {
    let cell = header.cast::<Cell<F, S, N>>();
    // SAFETY: by this function's contract nobody sees it again. The unions inside drop nothing: future
    // and output are gone by now.
    unsafe { cell.drop_in_place() };
    // SAFETY: it was taken in `allocate` with this layout.
    unsafe { memory::give(cell.cast(), Layout::new::<Cell<F, S, N>>()) };
}

/// Where the task's name lies.
///
/// # Safety
///
/// - `header` belongs to a living `Cell<F, S, N>`.
pub(super) unsafe fn name<F: Future, S, N: Name>(
    header: NonNull<Header>,
) -> Option<NonNull<Arc<str>>> {
    // SAFETY: by this function's contract.
    unsafe { cell::<F, S, N>(header) }.name.get().map(NonNull::from)
}
