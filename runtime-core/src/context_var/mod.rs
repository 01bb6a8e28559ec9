//! Context variables: values that a task hands down to what it starts.
//!
//! A [`ContextVar`] has a value per [`Context`], and each task has a context of its own: a copy of
//! what was current where it was spawned. So has each closure that is run by
//! [`spawn_blocking`](crate::spawn::spawn_blocking), [`to_thread`](crate::threads::to_thread) or a
//! thread pool. A task sees what its parent had set by then, and nobody but itself sees what it sets.
//! What is done outside of tasks belongs to the thread: a future in `block_on`, and what is run there
//! later. The runs of a `Runner` have a context of their own, as in asyncio.
//!
//! ```
//! use filch::contextvars::ContextVar;
//!
//! static REQUEST: ContextVar<u32> = ContextVar::new("request");
//!
//! # filch::runtime::Runtime::new().unwrap().block_on(async {
//! REQUEST.set(7);
//! let child = filch::spawn(async {
//!     let inherited = REQUEST.get();
//!     REQUEST.set(8); // its own from here on
//!     inherited
//! });
//! assert_eq!((child.await.unwrap(), REQUEST.get()), (7, 7));
//! # });
//! ```
//!
//! # What it costs
//!
//! A context is a map that is shared until somebody changes it: to copy one is to count one
//! reference. In a program that sets no variable a spawn costs a load and a branch more; a task
//! that inherits nothing is as large as ever. One that does inherit is put into a box.
//!
//! # Context variables and `task_local!`
//!
//! [`task_local!`](crate::task_local!) means what it means in tokio: a value is there within its
//! scope, and a task that is spawned in there does not see it. What is to be inherited is a
//! context variable. The counterpart of Python's module `contextvars`.

mod context;
mod place;
mod var;
mod vars;

pub use context::{Context, InContext, copy_context};
pub(crate) use place::{Place, carry, copy, inherited};
pub use var::{ContextVar, LookupError, Token};
