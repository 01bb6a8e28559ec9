//! `ContextVar`: one variable.

use super::context::Context;
use super::place;
use super::vars::Value;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A variable that has a value in each context, to be made as a `static`.
///
/// The counterpart of `contextvars.ContextVar`; see [the module](crate::context_var).
///
/// # Examples
///
/// ```
/// use filch::contextvars::ContextVar;
///
/// static LANGUAGE: ContextVar<String> = ContextVar::with_default("language", || "en".to_owned());
///
/// # filch::runtime::Runtime::new().unwrap().block_on(async {
/// assert_eq!(LANGUAGE.get(), "en");
/// LANGUAGE.set("fi".to_owned());
/// let greeting = filch::task::spawn_blocking(|| match LANGUAGE.get().as_str() {
///     "fi" => "hei",
///     _ => "hello",
/// });
/// assert_eq!(greeting.await.unwrap(), "hei");
/// # });
/// ```
///
/// It is one variable wherever it is named, so that it cannot be a `const`:
///
/// ```compile_fail
/// use filch::contextvars::ContextVar;
///
/// const LANGUAGE: ContextVar<u32> = ContextVar::new("language");
/// LANGUAGE.set(1);
/// ```
pub struct ContextVar<T: 'static> {
    name: &'static str,
    default: Option<fn() -> T>,
    /// Its number in the maps; 0 before somebody asked.
    key: AtomicU64,
}

/// A variable has no value here, and no default.
///
/// The counterpart of the `LookupError` that `ContextVar.get` raises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LookupError {
    name: &'static str,
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the context variable `{}` has no value here, and no default", self.name)
    }
}

impl Error for LookupError {}

impl<T: Send + Sync + 'static> ContextVar<T> {
    /// A variable without a default. The name is for messages only.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::contextvars::ContextVar;
    ///
    /// static USER: ContextVar<String> = ContextVar::new("user");
    /// assert_eq!(USER.name(), "user");
    /// ```
    pub const fn new(name: &'static str) -> ContextVar<T> {
        ContextVar { name, default: None, key: AtomicU64::new(0) }
    }

    /// A variable that has this value where none is set.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::contextvars::ContextVar;
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", || 1);
    /// assert_eq!(DEPTH.get(), 1);
    /// ```
    pub const fn with_default(name: &'static str, default: fn() -> T) -> ContextVar<T> {
        ContextVar { name, default: Some(default), key: AtomicU64::new(0) }
    }

    /// Its name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// A copy of the value here, or the default.
    ///
    /// # Panics
    ///
    /// If there is neither.
    #[track_caller]
    pub fn get(&'static self) -> T
    where
        T: Clone,
    {
        self.with(T::clone)
    }

    /// A copy of the value here, or the default.
    ///
    /// # Errors
    ///
    /// [`LookupError`] if there is neither.
    pub fn try_get(&'static self) -> Result<T, LookupError>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }

    /// A copy of the value here, or `other`: the variable's default does not count.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::contextvars::ContextVar;
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::with_default("depth", || 1);
    /// assert_eq!(DEPTH.get_or(2), 2);
    /// ```
    pub fn get_or(&'static self, other: T) -> T
    where
        T: Clone,
    {
        self.value().map_or(other, |value| value.as_ref().clone())
    }

    /// Calls `f` with the value here, or with the default. It may set the variable meanwhile.
    ///
    /// # Panics
    ///
    /// If there is neither.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.try_with(f) {
            Ok(result) => result,
            Err(error) => panic!("{error}: set it, or make it with `ContextVar::with_default`"),
        }
    }

    /// Calls `f` with the value here, or with the default.
    ///
    /// # Errors
    ///
    /// [`LookupError`] if there is neither.
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Result<R, LookupError> {
        match (self.value(), self.default) {
            (Some(value), _) => Ok(f(&value)),
            (None, Some(default)) => Ok(f(&default())),
            (None, None) => Err(LookupError { name: self.name }),
        }
    }

    /// Sets the value in the current context: for this task, or this thread, and for what it starts
    /// from now on. The token is the way [back](ContextVar::reset).
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::contextvars::ContextVar;
    ///
    /// static DEPTH: ContextVar<u32> = ContextVar::new("depth");
    ///
    /// let first = DEPTH.set(1);
    /// let second = DEPTH.set(2);
    /// assert_eq!((first.old_value(), second.old_value()), (None, Some(&1)));
    /// ```
    pub fn set(&'static self, value: T) -> Token<T> {
        let (old, context) = place::replace(self.key(), Some(Arc::new(value)));
        Token { var: self, old: old.map(typed), context }
    }

    /// Makes the variable what it was before the [`set`](ContextVar::set) that gave the token, which
    /// may be that it had no value.
    ///
    /// # Panics
    ///
    /// If the token is of another variable, or of another context: that of another task, say.
    ///
    /// # Examples
    ///
    /// ```
    /// use filch::contextvars::ContextVar;
    ///
    /// static USER: ContextVar<&str> = ContextVar::new("user");
    ///
    /// let token = USER.set("Ann");
    /// USER.reset(token);
    /// assert!(USER.try_get().is_err());
    /// ```
    #[track_caller]
    pub fn reset(&'static self, token: Token<T>) {
        assert!(
            std::ptr::eq(self, token.var),
            "the token was made by the context variable `{}`, not by `{}`: reset that one with it",
            token.var.name,
            self.name
        );
        assert!(
            place::context().is_some_and(|context| context.is(&token.context)),
            "the token of the context variable `{}` was made in another context: reset it where it \
             was set",
            self.name
        );
        drop(token.context.replace(self.key(), token.old.map(|old| old as Value)));
    }

    fn value(&'static self) -> Option<Arc<T>> {
        place::get(self.key()).map(typed)
    }
}

/// A value back as what was set.
fn typed<T: Send + Sync + 'static>(value: Value) -> Arc<T> {
    value.downcast().expect("the values of a variable are of its type")
}

impl<T> ContextVar<T> {
    pub(super) fn key(&self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // Relaxed: the number stands for itself, and nothing else is read because of it.
        let key = self.key.load(Ordering::Relaxed);
        if key != 0 {
            return key;
        }
        let fresh = NEXT.fetch_add(1, Ordering::Relaxed);
        let taken = self.key.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed);
        taken.map_or_else(|other| other, |_| fresh)
    }
}

impl<T> fmt::Debug for ContextVar<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ContextVar").field("name", &self.name).finish_non_exhaustive()
    }
}

/// What a variable was before it was set, to be given to [`ContextVar::reset`].
///
/// The counterpart of `contextvars.Token`.
pub struct Token<T: 'static> {
    var: &'static ContextVar<T>,
    old: Option<Arc<T>>,
    context: Context,
}

impl<T> Token<T> {
    /// The variable.
    pub fn var(&self) -> &'static ContextVar<T> {
        self.var
    }

    /// What it was set to before; `None` where Python has `Token.MISSING`.
    pub fn old_value(&self) -> Option<&T> {
        self.old.as_deref()
    }
}

impl<T: fmt::Debug> fmt::Debug for Token<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Token")
            .field("var", &self.var.name)
            .field("old_value", &self.old)
            .finish_non_exhaustive()
    }
}
