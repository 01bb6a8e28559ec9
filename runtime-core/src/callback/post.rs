//! `Handle::post`: a function for a runtime from any thread, given back if the runtime is over.

use crate::context_var;
use crate::runtime::Handle;
use crate::scheduler::Call;
use std::borrow::Cow;
use std::error::Error;
use std::fmt;
use std::panic::Location;

impl Handle {
    /// Has `f` called by the runtime soon, in the line of [`call_soon`](Handle::call_soon).
    ///
    /// May be called from any thread. What was accepted is called: at the latest while the runtime shuts
    /// down, as long as it is shut down at all. On a current-thread runtime that means: once a thread is
    /// in its `block_on`.
    ///
    /// The counterpart of `loop.call_soon_threadsafe` and of trio's `TrioToken.run_sync_soon`.
    ///
    /// # Errors
    ///
    /// Gives `f` back if the runtime has shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Runtime::new().unwrap();
    /// let handle = runtime.handle().clone();
    /// let (tell, told) = filch::sync::oneshot::channel();
    /// std::thread::spawn(move || handle.post(|| tell.send(1).unwrap()).unwrap());
    /// assert_eq!(runtime.block_on(told).unwrap(), 1);
    ///
    /// let handle = runtime.handle().clone();
    /// drop(runtime);
    /// let refused = handle.post(|| println!("too late")).unwrap_err();
    /// (refused.0)();
    /// ```
    #[track_caller]
    pub fn post<F>(&self, f: F) -> Result<(), RunFinished<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        if self.scheduler().is_closed() {
            return Err(RunFinished(f));
        }
        // A callback without a key never meets its like.
        let _ = self.scheduler().call_soon(Call::new(f, context_var::copy(), Location::caller()));
        Ok(())
    }

    /// Has `f` called as by [`post`](Handle::post), unless a function with this key waits already: then
    /// `f` is dropped, and the answer is false.
    ///
    /// For "there is news, look at it": however often it is said, the runtime looks once. A function that
    /// has begun waits no longer, so that what is posted while it runs is called after it.
    ///
    /// The counterpart of `run_sync_soon(…, idempotent=True)` in trio.
    ///
    /// # Errors
    ///
    /// Gives `f` back if the runtime has shut down.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = filch::runtime::Builder::new_current_thread().build().unwrap();
    /// let handle = runtime.handle();
    /// assert!(handle.post_once("reload", || println!("loaded once")).unwrap());
    /// assert!(!handle.post_once("reload", || println!("never said")).unwrap());
    /// # runtime.block_on(filch::task::yield_now());
    /// ```
    #[track_caller]
    pub fn post_once<F>(
        &self,
        key: impl Into<Cow<'static, str>>,
        f: F,
    ) -> Result<bool, RunFinished<F>>
    where
        F: FnOnce() + Send + 'static,
    {
        if self.scheduler().is_closed() {
            return Err(RunFinished(f));
        }
        let call = Call::new(f, context_var::copy(), Location::caller()).with_key(key.into());
        Ok(self.scheduler().call_soon(call).is_ok())
    }
}

/// The runtime has shut down; this is the function that [`Handle::post`] did not take.
///
/// The counterpart of trio's `RunFinishedError`.
#[derive(Clone, Copy)]
pub struct RunFinished<F>(pub F);

impl<F> fmt::Debug for RunFinished<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunFinished").finish_non_exhaustive()
    }
}

impl<F> fmt::Display for RunFinished<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the runtime has shut down and calls nothing any more")
    }
}

impl<F> Error for RunFinished<F> {}
