//! Signals: what the user, the system and other processes have to say to this one.
//!
//! ```text
//!   ctrl_c, unix::{signal, signals} ──▶ listener ──▶ handler     (runs in signal handlers)
//!   cancel (`#[filch::main(cancel_on = …)]`) ──▶ ┘
//! ```
//!
//! A listener hears what comes while it lives. Nothing is queued: signals of one kind that come
//! faster than they are received become one, as they do in the system itself.

mod cancel;
#[expect(unsafe_code, reason = "actions that run in signal handlers, and calls of the C library")]
mod handler;
#[cfg(feature = "process")]
#[expect(unsafe_code, reason = "a call of the C library")]
pub(crate) mod kill;
mod kind;
mod listener;
pub mod unix;

#[doc(hidden)]
pub use cancel::{Canceller, cancelled_by};

use std::io;

/// Waits for Ctrl-C, which no longer ends the process from then on: not even after this is done.
///
/// It listens while it is awaited; a Ctrl-C before the first poll ends the process, and one between
/// two calls is lost. Who must not miss any keeps a
/// [`signal(SignalKind::interrupt())`](unix::signal). tokio's `ctrl_c`.
///
/// To have Ctrl-C cancel the whole program, see the option `cancel_on` of `#[filch::main]`.
///
/// # Errors
///
/// Those of [`unix::signal`], and `Other` when the runtime has shut down.
///
/// # Panics
///
/// There is no runtime on this thread.
///
/// # Cancel safety
///
/// Cancel safe; a Ctrl-C that comes after it was dropped is lost.
///
/// # Examples
///
/// ```no_run
/// # #[filch::main]
/// # async fn main() -> std::io::Result<()> {
/// filch::select! {
///     _ = serve() => {}
///     outcome = filch::signal::ctrl_c() => outcome?,
/// }
/// println!("good bye");
/// # Ok(())
/// # }
/// # async fn serve() {}
/// ```
pub async fn ctrl_c() -> io::Result<()> {
    match unix::signal(unix::SignalKind::interrupt())?.recv().await {
        Some(()) => Ok(()),
        None => Err(io::Error::other("the runtime of this task has shut down")),
    }
}
