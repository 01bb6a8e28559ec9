//! Tasks in the background: nobody joins them, and nothing that goes wrong in them is lost.

use crate::runtime::{Handle, context};
use crate::spawn::{self, Builder};
use crate::task::{self, AbortHandle, Unhandled, polled};
use std::any::type_name;
use std::error::Error;
use std::future::Future;
use std::panic::Location;
use std::sync::Arc;

/// Spawns a task that nobody will join: its errors are reported, and the runtime's orderly end waits
/// for it.
///
/// What can go wrong in a task that is spawned and forgotten does not here:
///
/// - The runtime keeps it until it ends.
/// - An error that it returns goes to [`on_unhandled`](crate::runtime::Builder::on_unhandled), and so
///   does a panic.
/// - It has a name, which is that of the future's type unless
///   [`Builder::background`](crate::spawn::Builder::background) gives it another one.
/// - When the runtime [closes](crate::runtime::Runtime::close), it is asked to end and awaited, so that
///   its clean-ups run.
///
/// There is no handle to its output, only one that can [cancel](AbortHandle::cancel) it. The answer to
/// what asyncio's manual says of keeping a reference to each task.
///
/// # Panics
///
/// If this thread is in no runtime.
///
/// # Examples
///
/// ```
/// async fn refresh_the_cache() -> std::io::Result<()> {
///     Err(std::io::Error::other("no such host"))
/// }
///
/// let runtime = filch::runtime::Builder::new_current_thread()
///     .on_unhandled(|unhandled| {
///         assert!(unhandled.task().unwrap().name().unwrap().ends_with("refresh_the_cache"));
///         assert_eq!(unhandled.message(), "failed: no such host");
///     })
///     .build()
///     .unwrap();
/// runtime.block_on(async { filch::task::background(refresh_the_cache()) });
/// assert_eq!(runtime.close().stuck().len(), 0);
/// ```
#[track_caller]
pub fn background<F>(future: F) -> AbortHandle
where
    F: Future + Send + 'static,
    F::Output: Outcome,
{
    Builder::new().background(future)
}

/// The name of a task whose future is of this type, unless somebody chooses another one.
#[doc(hidden)]
pub fn name_of<F>() -> Arc<str> {
    Arc::from(type_name::<F>().trim_end_matches("::{{closure}}"))
}

/// [`background`] for servers: on a runtime that is named, under a name and a place that many share.
#[doc(hidden)]
pub fn background_on<F>(
    future: F,
    name: Arc<str>,
    place: &'static Location<'static>,
    handle: &Handle,
) -> AbortHandle
where
    F: Future + Send + 'static,
    F::Output: Outcome,
{
    let future = reported(future);
    spawn::spawn_on(handle.scheduler(), future, Some(name), place).abort_handle()
}

impl Builder<'_> {
    /// Spawns a task that nobody will join; see [`background`].
    ///
    /// # Panics
    ///
    /// If this thread is in no runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// # filch::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let task = filch::task::Builder::new().name("janitor").background(std::future::pending::<()>());
    /// assert_eq!(task.name(), Some("janitor"));
    /// # });
    /// ```
    #[track_caller]
    pub fn background<F>(self, future: F) -> AbortHandle
    where
        F: Future + Send + 'static,
        F::Output: Outcome,
    {
        let name = self.shared_name().unwrap_or_else(name_of::<F>);
        self.spawn_as(Some(name), reported(future), Location::caller()).abort_handle()
    }
}

async fn reported<F: Future<Output: Outcome>>(future: F) {
    if let Some(error) = future.await.into_error() {
        task::fail_here();
        context::report(&Unhandled::error(polled::info(), error));
    }
}

/// What a [background] task may return: `()`, or a `Result` whose error can be shown, or nothing ever.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say whether something went wrong",
    note = "nobody awaits this future: let it return `()`, or a `Result` whose error can be reported"
)]
pub trait Outcome: sealed::Sealed {
    /// The error, if it is one.
    #[doc(hidden)]
    fn into_error(self) -> Option<Box<dyn Error + Send + Sync>>;
}

impl Outcome for () {
    fn into_error(self) -> Option<Box<dyn Error + Send + Sync>> {
        None
    }
}

impl Outcome for Never {
    fn into_error(self) -> Option<Box<dyn Error + Send + Sync>> {
        self
    }
}

impl<T, E: Into<Box<dyn Error + Send + Sync>>> Outcome for Result<T, E> {
    fn into_error(self) -> Option<Box<dyn Error + Send + Sync>> {
        self.err().map(Into::into)
    }
}

/// What an endless loop gives. It has no name of its own on stable Rust.
type Never = <fn() -> ! as sealed::Returns>::Output;

mod sealed {
    /// A function, and what it returns.
    pub trait Returns {
        /// That.
        type Output;
    }
    impl<T> Returns for fn() -> T {
        type Output = T;
    }

    /// Only this module says what an outcome is.
    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for super::Never {}
    impl<T, E> Sealed for Result<T, E> {}
}
