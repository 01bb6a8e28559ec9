//! Values that travel with a future, from thread to thread.

use pin_project_lite::pin_project;
use std::cell::RefCell;
use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::thread;

/// Declares keys of values that travel with a future, as tokio's macro does.
///
/// # Examples
///
/// ```
/// filch::task_local! {
///     /// Who is being served.
///     pub static USER: String;
///     static DEPTH: u32;
/// }
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// let greeting = USER.scope("Ann".to_owned(), async {
///     filch::task::yield_now().await;
///     DEPTH.scope(1, async { format!("hello {} at {}", USER.get(), DEPTH.get()) }).await
/// });
/// assert_eq!(greeting.await, "hello Ann at 1");
/// # });
/// ```
#[macro_export]
macro_rules! task_local {
    () => {};
    ($(#[$attribute:meta])* $vis:vis static $name:ident: $type:ty; $($rest:tt)*) => {
        $crate::task_local!($(#[$attribute])* $vis static $name: $type);
        $crate::task_local!($($rest)*);
    };
    ($(#[$attribute:meta])* $vis:vis static $name:ident: $type:ty) => {
        $(#[$attribute])*
        $vis static $name: $crate::task_local::LocalKey<$type> = {
            ::std::thread_local! {
                static VALUE: ::std::cell::RefCell<::std::option::Option<$type>> =
                    const { ::std::cell::RefCell::new(::std::option::Option::None) };
            }
            $crate::task_local::LocalKey::new(&VALUE)
        };
    };
}

/// A key of values that travel with futures, declared by [`task_local!`](crate::task_local!).
///
/// A value is set for the length of a future by [`scope`](LocalKey::scope): it is there whenever that
/// future is polled, on whichever thread, and nowhere else. Tasks that are spawned within do not see
/// it: give them a scope of their own. What is to be inherited is a
/// [`ContextVar`](crate::context_var::ContextVar).
///
/// The counterpart of tokio's `task::LocalKey`.
pub struct LocalKey<T: 'static> {
    value: &'static thread::LocalKey<RefCell<Option<T>>>,
}

/// There is no value: the caller is not within a [`scope`](LocalKey::scope) of the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessError(());

impl fmt::Display for AccessError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a task-local value is only there within `scope` of its key")
    }
}

impl Error for AccessError {}

impl<T: 'static> LocalKey<T> {
    #[doc(hidden)]
    pub const fn new(value: &'static thread::LocalKey<RefCell<Option<T>>>) -> LocalKey<T> {
        LocalKey { value }
    }

    /// Awaits `future` while the value is `value`. Within it another scope may set another one.
    ///
    /// # Cancel safety
    ///
    /// Dropping it drops the future, which still sees the value, and then the value.
    ///
    /// # Panics
    ///
    /// When it is polled or dropped from within [`with`](LocalKey::with) of the same key.
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> TaskLocalFuture<T, F> {
        TaskLocalFuture { key: self, value: Some(value), future: Some(future) }
    }

    /// Calls `f` while the value is `value`.
    ///
    /// # Panics
    ///
    /// From within [`with`](LocalKey::with) of the same key.
    #[track_caller]
    pub fn sync_scope<F, R>(&'static self, value: T, f: F) -> R
    where
        F: FnOnce() -> R,
    {
        let mut value = Some(value);
        self.within(&mut value, f)
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    ///
    /// Outside of a [`scope`](LocalKey::scope) of this key.
    #[track_caller]
    pub fn with<F, R>(&'static self, f: F) -> R
    where
        F: FnOnce(&T) -> R,
    {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}"),
        }
    }

    /// Calls `f` with the value, if there is one.
    ///
    /// # Errors
    ///
    /// [`AccessError`] outside of a [`scope`](LocalKey::scope) of this key.
    pub fn try_with<F, R>(&'static self, f: F) -> Result<R, AccessError>
    where
        F: FnOnce(&T) -> R,
    {
        let found = self.value.try_with(|value| value.borrow().as_ref().map(f));
        found.ok().flatten().ok_or(AccessError(()))
    }

    /// Whether this is called within `with`.
    fn is_lent(&'static self) -> bool {
        self.value.try_with(|value| value.try_borrow_mut().is_err()).unwrap_or(false)
    }

    /// Calls `f` with what `own` holds as the value, and puts that back.
    #[track_caller]
    fn within<R>(&'static self, own: &mut Option<T>, f: impl FnOnce() -> R) -> R {
        /// Puts the value back where it was, also when unwinding.
        struct Leave<'a, T: 'static> {
            key: &'static LocalKey<T>,
            own: &'a mut Option<T>,
        }
        impl<T: 'static> Drop for Leave<'_, T> {
            fn drop(&mut self) {
                self.key.swap(self.own);
            }
        }
        self.swap(own);
        let _leave = Leave { key: self, own };
        f()
    }

    #[track_caller]
    fn swap(&'static self, own: &mut Option<T>) {
        let swapped = self.value.try_with(|value| match value.try_borrow_mut() {
            Ok(mut value) => {
                std::mem::swap(&mut *value, own);
                true
            }
            Err(_) => false,
        });
        assert!(
            swapped.unwrap_or(true),
            "a scope of a task-local key was entered or left from within `with` of the same key"
        );
    }
}

impl<T: Clone + 'static> LocalKey<T> {
    /// A copy of the value.
    ///
    /// # Panics
    ///
    /// Outside of a [`scope`](LocalKey::scope) of this key.
    #[track_caller]
    pub fn get(&'static self) -> T {
        self.with(T::clone)
    }

    /// A copy of the value, if there is one.
    ///
    /// # Errors
    ///
    /// [`AccessError`] outside of a [`scope`](LocalKey::scope) of this key.
    pub fn try_get(&'static self) -> Result<T, AccessError> {
        self.try_with(T::clone)
    }
}

impl<T: 'static> fmt::Debug for LocalKey<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalKey").finish_non_exhaustive()
    }
}

pin_project! {
    /// The future of [`LocalKey::scope`].
    #[must_use = "futures do nothing unless they are awaited"]
    pub struct TaskLocalFuture<T: 'static, F> {
        key: &'static LocalKey<T>,
        value: Option<T>,
        #[pin]
        future: Option<F>,
    }

    impl<T: 'static, F> PinnedDrop for TaskLocalFuture<T, F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            // Within `with` nobody can take the place of the value that is lent out. The future goes
            // without its own then, with the other fields.
            if this.future.is_some() && !this.key.is_lent() {
                this.key.within(this.value, || this.future.set(None));
            }
        }
    }
}

impl<T: 'static, F> TaskLocalFuture<T, F> {
    /// Takes the value out: usually when the future is ready, since before it would miss it.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::cell::Cell;
    /// use std::pin::pin;
    ///
    /// filch::task_local! {
    ///     static COUNT: Cell<u32>;
    /// }
    ///
    /// # filch::runtime::Runtime::new().unwrap().block_on(async {
    /// let mut counting = pin!(COUNT.scope(Cell::new(0), async {
    ///     COUNT.with(|count| count.set(count.get() + 1));
    /// }));
    /// counting.as_mut().await;
    /// assert_eq!(counting.as_mut().take_value().unwrap().get(), 1);
    /// # });
    /// ```
    pub fn take_value(self: Pin<&mut Self>) -> Option<T> {
        self.project().value.take()
    }
}

impl<T: 'static, F: Future> Future for TaskLocalFuture<T, F> {
    type Output = F::Output;

    #[track_caller]
    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let mut future = this.future.as_mut();
        assert!(future.is_some(), "a `TaskLocalFuture` was polled again after it was ready");
        this.key.within(this.value, || {
            let running = future.as_mut().as_pin_mut();
            let polled = running.expect("it is not over, as was seen above").poll(cx);
            if polled.is_ready() {
                // Within the scope: its drop sees the value too.
                future.set(None);
            }
            polled
        })
    }
}

impl<T: fmt::Debug + 'static, F> fmt::Debug for TaskLocalFuture<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TaskLocalFuture").field("value", &self.value).finish_non_exhaustive()
    }
}
